"""Facts about the conversation with one open port, against real listeners on both loopbacks."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.scans import factories, servers
from watchfloor.capabilities.scans.connect import look as looking
from watchfloor.capabilities.scans.connect.look import look
from watchfloor.capabilities.scans.connect.probes import BY_NAME
from watchfloor.capabilities.scans.engine.fingerprint import fingerprint
from watchfloor.capabilities.scans.schemas import Limits, PortAnswer, Service

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    return factories.write_pem(tmp_path, factories.certificate(key, begins=now - timedelta(days=1), ends=now + timedelta(days=90)), key)


def look_at(port: int, address: str = "127.0.0.1", name: str = "") -> PortAnswer:
    return asyncio.run(look(address, port, name, Limits()))


def probes(answer: PortAnswer) -> list[str]:
    return [reply.probe for reply in answer.replies]


def scripted(
    script: dict[bytes, bytes], greeting: bytes = b"", *, otherwise: bytes | None = None
) -> Callable[[socket.socket, threading.Event], None]:
    """Greet, then answer questions that begin with a key; hang up at others, or say `otherwise`."""

    def talk(client: socket.socket, ends: threading.Event) -> None:
        if greeting:
            client.sendall(greeting)
        while not ends.is_set() and (asked := client.recv(4096)):
            said = next((answer for begins, answer in script.items() if asked.startswith(begins)), otherwise)
            if said is None:
                return
            client.sendall(said)

    return talk


def upgrading(script: dict[bytes, bytes], greeting: bytes, start: bytes, pem: Path) -> Callable[[socket.socket, threading.Event], None]:
    """Do as `scripted`, and start TLS at `start`."""
    secure = servers.context(pem)

    def talk(client: socket.socket, ends: threading.Event) -> None:
        client.sendall(greeting)
        while not ends.is_set() and (asked := client.recv(4096)):
            client.sendall(next((answer for begins, answer in script.items() if asked.startswith(begins)), b"500 what\r\n"))
            if asked.startswith(start):
                with secure.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as wrapped:
                    wrapped.do_handshake()
                    wrapped.recv(10)
                return

    return talk


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
@pytest.mark.parametrize(
    ("probe", "answer", "name"),
    [
        ("postgresql", b"N", "postgresql"),
        ("mqtt", b"\x20\x02\0\0", "mqtt"),
        ("memcached", b"VERSION 1.6.18\r\n", "memcached"),
        ("zookeeper", b"Zookeeper version: 3.8.0-1, built on\n", "zookeeper"),
        ("epmd", b"\0\0\x11\x11name rabbit at port 25672\n", "epmd"),
        ("kafka", b"\0\0\0\x0a\0\0\0\x01\0\0\0\0\0\0", "kafka"),
    ],
)
def test_service_that_hangs_up_at_http_is_found_by_its_own_question(
    family: int, address: str, probe: str, answer: bytes, name: str
) -> None:
    with servers.listening(scripted({BY_NAME[probe].sends: answer}), family=family) as port:
        found = look_at(port, address)
    assert fingerprint(found).name == name
    assert found.connections <= 20


@pytest.mark.parametrize(
    ("probe", "answer", "name"),
    [
        ("stomp", b"CONNECTED\nserver:ActiveMQ/5.17.2\n\n\0", "stomp"),
        ("dns", b"\0\x0cWF\x84\x05\0\0\0\0\0\0\0\0", "dns"),
        ("ldap", b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\0\x04\0\x04\0", "ldap"),
    ],
)
def test_service_that_waits_for_more_is_found_by_its_own_question(probe: str, answer: bytes, name: str) -> None:
    with servers.listening(scripted({BY_NAME[probe].sends: answer}, otherwise=b"")) as port:
        found = look_at(port)
    assert fingerprint(found).name == name


def test_late_greeting_is_told_from_an_answer() -> None:
    def talk(client: socket.socket, ends: threading.Event) -> None:
        del ends
        client.recv(100)
        client.sendall(b"220 mx.example ESMTP Postfix\r\n")
        client.recv(100)

    with servers.listening(talk) as port:
        found = look_at(port)
    assert probes(found)[0] == "greeting"
    assert fingerprint(found).product == "Postfix"


@pytest.mark.parametrize(
    ("greeting", "script", "start", "protocol", "product"),
    [
        (b"220 mx.example ESMTP Postfix\r\n", {b"EHLO scanner.invalid": b"250-mx\r\n250 STARTTLS\r\n", b"STARTTLS": b"220 go\r\n"}, b"STARTTLS", "smtp", "Postfix"),
        (b"* OK Dovecot ready.\r\n", {b"a1": b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n", b"a3": b"a3 OK\r\n"}, b"a3", "imap", "Dovecot"),
        (b"+OK Dovecot ready.\r\n", {b"CAPA": b"+OK\r\nSTLS\r\n.\r\n", b"STLS": b"+OK\r\n"}, b"STLS", "pop3", "Dovecot"),
        (b"220 (vsFTPd 3.0.3)\r\n", {b"FEAT": b"211-Features:\r\n AUTH TLS\r\n211 End\r\n", b"USER": b"530 no\r\n", b"AUTH TLS": b"234 go\r\n"}, b"AUTH", "ftp", "vsftpd"),
    ],
)  # fmt: skip
def test_tls_that_starts_later_shows_its_certificate(
    pem: Path, greeting: bytes, script: dict[bytes, bytes], start: bytes, protocol: str, product: str
) -> None:
    with servers.listening(upgrading(script, greeting, start, pem)) as port:
        found = look_at(port)
    service = fingerprint(found)
    assert (found.starttls, service.name, service.product) == (protocol, protocol, product)
    assert service.certificate is not None
    assert "starttls" in service.facts
    assert found.connections == 1


def test_postgresql_that_trusts_everyone_tells_its_version() -> None:
    refusal = b"E\0\0\0\x50SFATAL\0Munsupported frontend protocol 1.0\0Fpostmaster.c\0RProcessStartupPacket\0\0"
    session = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x30server_version\x0015.19 (Debian 15.19-0+deb12u1)\0"
    script = {BY_NAME["postgresql"].sends: b"N", BY_NAME["postgresql-startup"].sends: refusal, BY_NAME["postgresql-trust"].sends: session}
    with servers.listening(scripted(script)) as port:
        service = fingerprint(look_at(port))
    assert (service.product, service.version, service.revision) == ("PostgreSQL", "15.19", "15.19-0+deb12u1")
    assert "no-password" in service.facts


def test_anonymous_ftp_is_seen_and_nothing_is_listed() -> None:
    asked: list[bytes] = []

    def talk(client: socket.socket, ends: threading.Event) -> None:
        answers = {
            b"FEAT": b"211 End\r\n",
            b"USER": b"331 password\r\n",
            b"PASS": b"230 welcome\r\n",
            b"STAT": b"211-status\r\n vsFTPd 3.0.5 -\r\n211 End\r\n",
        }
        client.sendall(b"220 Welcome to our FTP\r\n")
        while not ends.is_set() and (question := client.recv(4096)):
            asked.append(question)
            client.sendall(answers.get(question[:4], b"500 what\r\n"))

    with servers.listening(talk) as port:
        service = fingerprint(look_at(port))
    assert (service.product, service.version, service.facts) == ("vsftpd", "3.0.5", ("anonymous-ftp",))
    assert b"PASS scanner.invalid\r\n" in asked
    assert {one[:4] for one in asked} <= {b"FEAT", b"HELP", b"USER", b"PASS", b"STAT"}


def test_vnc_is_connected_to_once() -> None:
    with servers.listening(scripted({b"RFB": b"\x02\x01\x02"}, b"RFB 003.008\n")) as port:
        found = look_at(port)
    assert found.connections == 1
    assert fingerprint(found).facts == ("vnc-none",)


def test_greeting_costs_one_connection() -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as port:
        assert look_at(port).connections == 1


def test_page_costs_one_connection() -> None:
    page = b"HTTP/1.0 200 OK\r\nServer: nginx/1.22.1\r\n\r\n"
    with servers.listening(servers.answering(lambda asked: page if asked.startswith(b"GET") else b"")) as port:
        assert look_at(port).connections == 1


@pytest.mark.parametrize("talk", [servers.silent, servers.close, servers.drip, servers.endless])
def test_connections_to_a_port_are_bounded(talk: Callable[[socket.socket, threading.Event], None]) -> None:
    with servers.listening(talk) as port:
        found = look_at(port)
    assert found.looked
    assert found.connections <= 24
    assert sum(len(reply.data) for reply in found.replies) <= 4096


def test_redirect_to_another_host_is_not_followed() -> None:
    asked: list[bytes] = []

    def talk(question: bytes) -> bytes:
        asked.append(question)
        return b"HTTP/1.0 302 Found\r\nServer: x\r\nLocation: http://other.example/\r\n\r\n"

    with servers.listening(servers.answering(talk)) as port:
        look_at(port)
    assert asked == [b"GET / HTTP/1.0\r\n\r\n"]


def test_metrics_are_read_for_their_versions_only() -> None:
    filler = b"".join(b"go_memstats_%d 1\n" % number for number in range(20_000))

    def talk(question: bytes) -> bytes:
        if question.startswith(b"GET /metrics"):
            return b"HTTP/1.1 200 OK\r\n\r\n" + filler + b'node_exporter_build_info{branch="x",version="1.5.0"} 1\n' + filler
        return b"HTTP/1.1 200 OK\r\n\r\n<title>Node Exporter</title><a href='/metrics'>Metrics</a>"

    with servers.listening(servers.answering(talk)) as port:
        found = look_at(port)
    assert (fingerprint(found).product, fingerprint(found).version) == ("Prometheus Node Exporter", "1.5.0")
    assert max(len(reply.data) for reply in found.replies) <= 4096


def test_tls_service_without_greeting_is_asked_inside(pem: Path) -> None:
    with servers.listening(scripted({BY_NAME["mqtt"].sends: b"\x20\x02\0\x05"}), secure=servers.context(pem)) as port:
        service = fingerprint(look_at(port))
    assert service.name == "mqtts"


def test_server_that_prefers_http_2_is_asked_in_the_old_one(pem: Path) -> None:
    secure = servers.context(pem)
    secure.set_alpn_protocols(["h2", "http/1.1"])
    with servers.listening(servers.answering(lambda _: b"HTTP/1.1 200 OK\r\nServer: Caddy\r\n\r\n"), secure=secure) as port:
        found = look_at(port)
    assert found.tls is not None
    assert (found.tls.alpn, fingerprint(found).product) == ("http/1.1", "Caddy")


def test_quiet_server_on_a_port_of_talkers_is_asked_for_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = b"HTTP/1.0 200 OK\r\nServer: nginx/1.22.1\r\n\r\n"
    with servers.listening(servers.answering(lambda asked: page if asked.startswith(b"GET") else b"")) as port:
        monkeypatch.setattr(looking, "SPEAK_FIRST", frozenset((port,)))
        monkeypatch.setattr(looking, "PATIENCE_SECONDS", 0.05)
        found = look_at(port)
    assert fingerprint(found).product == "nginx"
    assert found.connections == 2


def test_old_tls_only_is_told_by_its_raw_answer(pem: Path) -> None:
    """A server that our library cannot agree with still shows its version."""
    del pem

    def talk(client: socket.socket, ends: threading.Event) -> None:
        del ends
        hello = client.recv(4096)
        if hello[:1] != b"\x16":
            return
        # An alert to the library's hello, a ServerHello of SSL 3 to the old one.
        old = hello[9:11] == b"\x03\x02"
        client.sendall(b"\x16\x03\0\x00\x2a\x02\x00\x00\x26\x03\x00" + b"\0" * 32 if old else b"\x15\x03\x03\x00\x02\x02\x46")
        client.recv(100)

    with servers.listening(talk) as port:
        found = look_at(port)
    assert found.tls is not None
    assert (found.tls.version, found.tls.oldest) == ("SSLv3", "SSLv3")


def test_answer_survives_the_way_out_of_the_sandbox() -> None:
    with servers.listening(scripted({b"a1": b"a1 OK\r\n"}, b"* OK ready\r\n", otherwise=b"")) as port:
        found = look_at(port)
    assert PortAnswer.model_validate_json(found.model_dump_json()) == found
    assert Service.model_validate_json(fingerprint(found).model_dump_json()) == fingerprint(found)
