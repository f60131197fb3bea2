"""Facts about the audit of TLS, against real servers, old ones and hostile ones."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.scans import factories, servers
from tests.scans.factories import TODAY, der, name
from watchfloor.capabilities.scans.connect import handshake, hello, tls
from watchfloor.capabilities.scans.connect.audit import audit
from watchfloor.capabilities.scans.connect.handshake import Audit, Door
from watchfloor.capabilities.scans.engine.audited import audited
from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.engine.suites import NAMES, Strength, forward_secret, strength
from watchfloor.capabilities.scans.schemas import Limits, PortAnswer, Reply, Service, TlsAnswer

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

OFFERED = {*handshake.WEAK, *handshake.FORWARD, *handshake.STATIC}


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = rsa.generate_private_key(65537, 2048)
    return factories.write_pem(tmp_path_factory.mktemp("tls"), factories.certificate(key), key)


def settings(pem: Path, *, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    found = servers.context(pem)
    found.set_ciphers(ciphers)
    with pytest.warns() if oldest < ssl.TLSVersion.TLSv1_2 else nullcontext():
        found.minimum_version = oldest
    with pytest.warns() if newest < ssl.TLSVersion.TLSv1_2 else nullcontext():
        found.maximum_version = newest
    return found


def asked(port: int, *, address: str = "127.0.0.1", name: str = "localhost", protocol: str = "") -> TlsAnswer:
    async def ask() -> TlsAnswer:
        asking = Audit(Door(address, port, name, protocol))
        await asking.run()
        return asking.put_into(TlsAnswer())

    return asyncio.run(ask())


def audited_port(port: int, answer: PortAnswer, *, address: str = "127.0.0.1", host: str = "localhost") -> PortAnswer:
    return asyncio.run(audit(address, port, host, answer, Limits()))


def names(answer: TlsAnswer, version: str) -> set[str]:
    return {NAMES[number] for one in answer.suites if one.version == version for number in one.suites}


T10, T11, T12, T13 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("oldest", "newest", "accepted"),
    [
        (T10, T13, ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
        (T10, T10, ("TLSv1",)),
        (T11, T12, ("TLSv1.1", "TLSv1.2")),
        (T12, T12, ("TLSv1.2",)),
        (T13, T13, ("TLSv1.3",)),
    ],
)
def test_versions_are_those_the_server_allows(pem: Path, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, accepted: tuple[str, ...]) -> None:
    with servers.listening(servers.silent, secure=settings(pem, oldest=oldest, newest=newest)) as port:
        found = asked(port)
    assert found.versions == accepted
    assert set(found.versions) | set(found.refused) == set(handshake.OLDEST_FIRST)


def test_suites_are_exactly_those_the_server_allows(pem: Path) -> None:
    ciphers = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-SHA:AES128-SHA:AECDH-NULL-SHA:NULL-MD5:@SECLEVEL=0"
    with servers.listening(servers.silent, secure=settings(pem, oldest=T12, newest=T12, ciphers=ciphers)) as port:
        found = asked(port)
    assert names(found, "TLSv1.2") == {
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDH_anon_WITH_NULL_SHA",
        "TLS_RSA_WITH_NULL_MD5",
    }
    assert all(one.complete for one in found.suites)


def test_every_suite_offered_has_a_name_and_stands_in_the_right_set() -> None:
    assert set(NAMES) == OFFERED | set(handshake.MODERN)
    assert {n for n in handshake.WEAK if strength(NAMES[n]) is not Strength.INSECURE} == {
        n for n in NAMES if "3DES" in NAMES[n] and "anon" not in NAMES[n]
    }
    assert all(forward_secret(NAMES[n]) for n in handshake.FORWARD)
    assert not any(forward_secret(NAMES[n]) or strength(NAMES[n]) is Strength.INSECURE for n in handshake.STATIC)
    assert {n for n in NAMES if NAMES[n].startswith(("TLS_DHE_", "TLS_DH_anon_"))} == hello.DHE


def test_names_are_those_of_the_library() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    known = {one["id"] & 0xFFFF: one for one in context.get_ciphers() if "psk" not in str(one["kea"]) and "srp" not in str(one["kea"])}
    assert len(set(known) & set(NAMES)) > 70
    for number, one in known.items():
        assert number in NAMES, one
        assert forward_secret(NAMES[number]) == (one["kea"] in {"kx-ecdhe", "kx-dhe", "kx-any"}), one


def test_a_fresh_server_is_asked_few_times_and_fast_enough(pem: Path) -> None:
    with servers.listening(servers.silent, secure=settings(pem, oldest=T12, newest=T13, ciphers="DEFAULT")) as port:
        found = asked(port)
    assert found.hellos <= 45


def test_ipv6(pem: Path) -> None:
    with servers.listening(servers.silent, family=socket.AF_INET6, secure=settings(pem, oldest=T12, newest=T13)) as port:
        assert asked(port, address="::1").versions == ("TLSv1.2", "TLSv1.3")


def issue(folder: Path) -> tuple[Path, list[bytes]]:
    """Write a server's file with leaf, intermediate and root; return it with the three certificates."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    subjects = ["localhost", "Test intermediate", "Test root"]
    chain = []
    for at, key in enumerate(keys):
        signer = min(at + 1, 2)
        builder = (
            x509.CertificateBuilder().subject_name(name(subjects[at])).issuer_name(name(subjects[signer])).public_key(key.public_key())
        )
        builder = builder.serial_number(1000 + at).not_valid_before(TODAY - timedelta(days=1)).not_valid_after(TODAY + timedelta(days=90))
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=at > 0, path_length=None), critical=True)
        chain.append(builder.sign(keys[signer], hashes.SHA256()))
    path = folder / "chain.pem"
    private = keys[0].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain) + private)
    return path, [der(one) for one in chain]


@pytest.mark.parametrize("version", [T12, T13])
def test_the_whole_chain_is_kept(tmp_path: Path, version: ssl.TLSVersion) -> None:
    path, chain = issue(tmp_path)
    with servers.listening(servers.silent, secure=settings(path, oldest=version, newest=version)) as port:
        found = audited_port(port, PortAnswer(port=port, looked=True, tls=TlsAnswer(version="TLSv1.3")))
    assert found.tls is not None
    assert list(found.tls.chain) == chain
    assert found.tls.certificate == chain[0]


def test_a_port_that_was_not_looked_at_is_left_alone() -> None:
    answer = PortAnswer(port=9100)
    assert audited_port(9100, answer) is answer


def test_a_plain_port_is_not_asked_for_tls() -> None:
    answer = PortAnswer(port=1, looked=True, replies=(Reply(probe="greeting", data=b"SSH-2.0-x\r\n"),))
    with servers.refusing() as port:
        assert audited_port(port, answer).tls is None


def talkative(context: ssl.SSLContext, *lines: tuple[bytes, bytes]) -> Callable[[socket.socket, threading.Event], None]:
    """Greet, answer each line that begins like this, then start TLS."""

    def talk(client: socket.socket, ends: threading.Event) -> None:
        greeting, *turns = lines
        client.sendall(greeting[1])
        for begins, answer in turns:
            # MySQL's hello follows at once: what is read here is missed there.
            said = client.recv(36 if begins == b"\x20\0\0\x01" else 4096)
            if not said.startswith(begins):
                return
            client.sendall(answer)
        with context.wrap_socket(client, server_side=True) as wrapped:
            servers.silent(wrapped, ends)

    return talk


LDAP_AGREES = bytes.fromhex("300c02010178070a010004000400")
STARTING: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "smtp": (
        (b"", b"220 mail.example ESMTP Postfix\r\n"), (b"EHLO ", b"250-mail.example\r\n250-STARTTLS\r\n250 HELP\r\n"),
        (b"STARTTLS\r\n", b"220 2.0.0 Ready to start TLS\r\n"),
    ),
    "imap": ((b"", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), (b"wf1 STARTTLS", b"wf1 OK Begin TLS negotiation now.\r\n")),
    "pop3": ((b"", b"+OK ready\r\n"), (b"STLS", b"+OK Begin TLS\r\n")),
    "ftp": ((b"", b"220-Welcome\r\n220 FTP ready\r\n"), (b"AUTH TLS", b"234 AUTH TLS successful\r\n")),
    "ldap": ((b"", b""), (b"\x30\x1d", LDAP_AGREES)),
    "xmpp": ((b"", b""), (b"<?xml", b"<stream:stream><stream:features><starttls/></stream:features>"), (b"<starttls", b"<proceed/>")),
    "postgresql": ((b"", b""), (b"\0\0\0\x08\x04\xd2\x16\x2f", b"S")),
    "mysql": ((b"", b"\x4a\0\0\0\x0a8.0.36\0" + bytes(60)), (b"\x20\0\0\x01", b"")),
    "sieve": ((b"", b'"IMPLEMENTATION" "x"\r\nOK "ready"\r\n'), (b"STARTTLS", b'OK "Begin TLS"\r\n')),
    "nntp": ((b"", b"200 news ready\r\n"), (b"STARTTLS", b"382 Continue\r\n")),
}  # fmt: skip


@pytest.mark.parametrize("protocol", sorted(STARTING))
def test_tls_begins_after_the_upgrade(pem: Path, protocol: str) -> None:
    context = settings(pem, oldest=T12, newest=T13, ciphers="ECDHE-RSA-AES128-GCM-SHA256")
    with servers.listening(talkative(context, *STARTING[protocol])) as port:
        found = asked(port, protocol=protocol)
    assert found.versions == ("TLSv1.2", "TLSv1.3")
    assert found.chain


def test_a_refused_upgrade_is_no_knowledge_about_versions() -> None:
    with servers.listening(servers.banner(b"220 mail ESMTP\r\n")) as port:
        found = asked(port, protocol="smtp")
    assert (found.versions, found.refused) == ((), ())


# Hostile servers.


def hello_record(*messages: bytes) -> bytes:
    content = b"".join(messages)
    return b"\x16\x03\x03" + struct.pack("!H", len(content)) + content


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def server_hello(number: int, suite: int, extensions: bytes = b"") -> bytes:
    body = struct.pack("!H", number) + bytes(32) + b"\0" + struct.pack("!HB", suite, 0)
    return message(2, body + (struct.pack("!H", len(extensions)) + extensions if extensions else b""))


def chosen(asked: bytes) -> bytes:
    """Return a hello with the first suite offered, whatever the version."""
    at = 43 + 1 + asked[43]
    return asked[at + 2 : at + 4]


def echo_first_suite(asked: bytes) -> bytes:
    number = int.from_bytes(asked[9:11], "big")
    return hello_record(server_hello(number, int.from_bytes(chosen(asked), "big")), message(14, b""))


def endless_records(client: socket.socket, ends: threading.Event) -> None:
    client.recv(4096)
    while not ends.is_set():
        client.sendall(hello_record(message(2, bytes(4000))[:100] * 100))


def endless_warnings(client: socket.socket, ends: threading.Event) -> None:
    client.recv(4096)
    while not ends.is_set():
        client.sendall(b"\x15\x03\x03\0\x02\x01\x70" * 1000)


def drip_hello(client: socket.socket, ends: threading.Event) -> None:
    for one in hello_record(server_hello(0x0303, 0xC02F)):
        client.sendall(bytes((one,)))
        if ends.wait(0.2):
            return


@pytest.mark.parametrize(
    "talk",
    [
        servers.endless, servers.drip, servers.close, servers.silent, endless_records, endless_warnings, drip_hello,
        servers.answering(lambda _: b"HTTP/1.0 400 Bad Request\r\n\r\n"), servers.answering(lambda _: hello_record(message(2, b"\x03\x03"))),
        servers.answering(lambda _: b"\x16\x03\x03\xff\xff" + bytes(70_000)), servers.answering(lambda _: hello_record(message(11, bytes(100)))),
        servers.answering(lambda _: hello_record(server_hello(0x0303, 0x5A5A))),
    ],
)  # fmt: skip
def test_nothing_is_learned_from_a_server_that_talks_nonsense(talk: Callable[[socket.socket, threading.Event], None]) -> None:
    with servers.listening(talk) as port:
        found = asked(port)
    assert (found.versions, found.refused, found.suites) == ((), (), ())


def test_a_server_that_agrees_to_everything_is_left_after_a_while() -> None:
    with servers.listening(servers.answering(echo_first_suite)) as port:
        found = asked(port)
    assert found.hellos <= handshake.HELLOS_MAX + 1
    assert found.versions


def test_a_huge_chain_is_cut() -> None:
    one = bytes(9_000)
    many = b"".join(len(one).to_bytes(3, "big") + one for _ in range(200))
    assert len(hello.certificates(len(many).to_bytes(3, "big") + many)) == 3
    small = b"".join(b"\0\0\x01x" for _ in range(200))
    assert len(hello.certificates(len(small).to_bytes(3, "big") + small)) == hello.CERTIFICATES_MAX


@contextmanager
def ssl2_server() -> Iterator[int]:
    answer = b"\x04\0\x01\0\x02\0\0\0\x03\0\x10\x01\0\x80" + bytes(16)
    with servers.listening(
        servers.answering(lambda said: (struct.pack("!H", 0x8000 | len(answer)) + answer) if said[2:5] == b"\x01\0\x02" else b"")
    ) as port:
        yield port


def test_ssl_2_is_seen() -> None:
    with ssl2_server() as port:
        found = asked(port)
    assert found.versions == ("SSLv2",)


def test_ssl_3_is_seen_by_its_hello() -> None:
    def old(said: bytes) -> bytes:
        return echo_first_suite(said) if said[9:11] == b"\x03\x00" else b"\x15\x03\x00\0\x02\x02\x46"

    with servers.listening(servers.answering(old)) as port:
        found = asked(port)
    assert found.versions == ("SSLv3",)
    assert set(found.refused) == {"SSLv2", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}


def test_silence_to_one_version_is_unknown_not_refused(pem: Path) -> None:
    context = settings(pem, oldest=T12, newest=T12, ciphers="ECDHE-RSA-AES128-GCM-SHA256")

    def talk(client: socket.socket, ends: threading.Event) -> None:
        first = client.recv(200, socket.MSG_PEEK)
        if first[9:11] == b"\x03\x01":
            ends.wait(5)
            return
        with context.wrap_socket(client, server_side=True) as wrapped:
            servers.silent(wrapped, ends)

    with servers.listening(talk) as port:
        found = audited_port(port, PortAnswer(port=port, looked=True, tls=TlsAnswer(version="TLSv1.2")))
    assert found.tls is not None
    assert found.tls.versions == ("TLSv1.2",)
    assert "TLSv1" not in found.tls.refused
    assert found.unsettled


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_any_bytes_are_read_without_trouble(pieces: list[bytes]) -> None:
    flight = hello.Flight(want_chain=True)
    for piece in pieces:
        flight.feed(piece)
    hello.is_ssl2(b"".join(pieces))
    hello.certificates(b"".join(pieces))


@given(st.integers(0, 0xFFFF), st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=40))
def test_any_flight_is_read_without_trouble(suite: int, certificates: bytes, exchange: bytes, extensions: bytes) -> None:
    flight = hello.Flight(want_chain=True)
    flight.feed(hello_record(server_hello(0x0303, suite, extensions), message(11, certificates), message(12, exchange), message(14, b"")))
    assert flight.done


@given(st.integers(0, 4), st.integers(1, 60))
def test_a_flight_is_the_same_in_any_pieces(cut: int, size: int) -> None:
    whole = hello_record(server_hello(0x0303, 0x33), message(11, b"\0\0\x06\0\0\x03abc"), message(12, b"\0\x80" + b"\xff" * 128 + b"\0\0"))
    flight = hello.Flight(want_chain=True)
    for at in range(-cut, len(whole), size):
        flight.feed(whole[max(0, at) : at + size])
    assert (flight.version, flight.suite, flight.chain, flight.dh_bits, flight.done) == ("TLSv1.2", 0x33, (b"abc",), 1024, True)


def test_library_contexts_verify_nothing_on_purpose() -> None:
    assert tls.context().verify_mode is ssl.CERT_NONE


def test_from_wire_to_findings(pem: Path) -> None:
    with servers.listening(servers.silent, secure=settings(pem, oldest=T10, newest=T12, ciphers="AES128-SHA:NULL-MD5:@SECLEVEL=0")) as port:
        answer = audited_port(port, PortAnswer(port=port, looked=True, tls=TlsAnswer(version="TLSv1.2")), host="www.example.org")
    service = audited(Service(port=port, name="https"), answer)
    found = {one.check for one in judge("127.0.0.1", [service], TODAY, name="www.example.org")}
    assert {"tls-old-version", "tls-null-cipher", "tls-no-forward-secrecy", "tls-name-mismatch", "tls-no-1.3"} <= found
