"""Facts about probing, against real listeners on loopback."""

from __future__ import annotations

import contextlib
import errno
import json
import resource
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.scans import factories, servers
from tests.servers import valkey_server
from watchfloor.capabilities.scans.connect import look as looking
from watchfloor.capabilities.scans.connect import probe, resolve
from watchfloor.capabilities.scans.connect.probes import BY_NAME
from watchfloor.capabilities.scans.connect.scanner import ConnectScanner, descriptors_free, reuse_works
from watchfloor.capabilities.scans.connect.scanner.answers import SELF_CONNECTS
from watchfloor.capabilities.scans.connect.scanner.host import Waiting
from watchfloor.capabilities.scans.connect.scanner.sockets import Sockets
from watchfloor.capabilities.scans.connect.tls import agreed, old_hello
from watchfloor.capabilities.scans.engine import plan
from watchfloor.capabilities.scans.engine.fingerprint import fingerprint
from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.schemas import (
    AddressRange,
    Group,
    Limits,
    NameRequest,
    PortAnswer,
    ProbeAnswers,
    ProbeHost,
    ProbeRequest,
    ResolveRequest,
    Stopped,
    Tally,
)
from watchfloor.kernel.errors import OutOfScope

PERMITTED = (AddressRange(first="127.0.0.0", last="127.255.255.255"), AddressRange(first="::1", last="::1"))
HTTP = b"HTTP/1.0 200 OK\r\nServer: nginx/1.22.1\r\n\r\n<title>Hello</title>"


class Told:
    """Remembers progress."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, str, str]] = []

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Remember one report."""
        self.calls.append((done, total, phase, note))


def request(ports: list[int], addresses: tuple[str, ...] = ("127.0.0.1",), **limits: object) -> ProbeRequest:
    return ProbeRequest(
        hosts=tuple(ProbeHost(address=address) for address in addresses),
        groups=plan.port_groups(ports),
        permitted=PERMITTED,
        limits=Limits.model_validate({"timeout": timedelta(minutes=2), **limits}),
    )


def test_exactly_the_silent_ports_are_told() -> None:
    with servers.dropping() as silent, servers.refusing() as closed, servers.listening(servers.close) as opened:
        (host,) = probe(request([silent, closed, opened], services=False), Told()).hosts
    assert (host.open, host.filtered, host.skipped) == (((opened, opened),), ((silent, silent),), ())


def test_exactly_the_ports_that_time_did_not_suffice_for_are_told() -> None:
    (host,) = probe(request(list(range(1, 2001)), services=False, timeout=timedelta(microseconds=1)), Told()).hosts
    known = sum(last - first + 1 for first, last in host.skipped)
    assert known == sum(tally.skipped for tally in host.tallies.values()) > 0


def look_at(port: int, address: str = "127.0.0.1", name: str = "") -> PortAnswer:
    asked = request([port]).model_copy(update={"hosts": (ProbeHost(address=address, name=name),)})
    (host,) = probe(asked, Told()).hosts
    assert host.open == ((port, port),)
    (found,) = host.ports
    return found


def total(answers: ProbeAnswers, state: str) -> int:
    return sum(getattr(tally, state) for host in answers.hosts for tally in host.tallies.values())


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = factories.certificate(key, begins=now - timedelta(days=20), ends=now - timedelta(days=2))
    return factories.write_pem(tmp_path, made, key)


def test_open_and_closed_ports_are_told_apart() -> None:
    with servers.listening(servers.close) as opened, servers.refusing() as closed:
        answers = probe(request([opened, closed], services=False), Told())
    (host,) = answers.hosts
    assert host.open == ((opened, opened),)
    assert (total(answers, "open"), total(answers, "closed"), total(answers, "filtered"), total(answers, "skipped")) == (1, 1, 0, 0)
    assert host.ports == ()
    assert answers.stopped is None


def test_ipv6_is_probed() -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n"), family=socket.AF_INET6) as opened:
        answers = probe(request([opened], ("::1", "127.0.0.1")), Told())
    assert [(host.address, host.open) for host in answers.hosts] == [("::1", ((opened, opened),)), ("127.0.0.1", ())]
    assert fingerprint(answers.hosts[0].ports[0]).product == "OpenSSH"


def test_silent_port_is_filtered_and_not_closed() -> None:
    with servers.dropping() as quiet, servers.refusing() as closed:
        answers = probe(request([quiet, closed], services=False), Told())
    assert (total(answers, "filtered"), total(answers, "closed"), total(answers, "open")) == (1, 1, 0)


@pytest.mark.parametrize("reuse", [True, False])
def test_many_hosts_and_ports_are_all_accounted_for(reuse: bool) -> None:  # noqa: FBT001 - both ways
    before = len(list(Path("/proc/self/fd").iterdir()))
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(servers.listening(servers.close)) for _ in range(5)]
        closed = [stack.enter_context(servers.refusing()) for _ in range(100)]
        hosts = [f"127.0.0.{last}" for last in range(1, 9)]
        seen: list[tuple[str, int]] = []
        groups: list[Group] = []
        found = ConnectScanner(
            hosts, plan.port_groups(sorted(opened + closed)), Limits(), reuse=reuse,
            on_open=lambda host, port: seen.append((host.address, port)), on_group=groups.append,
        )  # fmt: skip
        found.run()
    # Counted once the servers are gone too: while they live, one may still hold its end of a connection.
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert sorted(found.hosts[0].opened) == sorted(opened)
    assert sorted(seen) == sorted(("127.0.0.1", port) for port in opened)
    assert set(groups) == {group.group for group in found.groups}
    for host in found.hosts:
        assert sum(tally.open + tally.closed for tally in host.tallies.values()) == 105


def test_this_kernel_lets_a_socket_be_used_again() -> None:
    assert reuse_works()


def test_groups_come_in_order_with_progress_of_their_own() -> None:
    told = Told()
    with servers.listening(servers.close) as opened:
        # Port 1 is a system port of the medium group; nothing on this machine listens there.
        probe(request([1, opened], services=False), told)
    phases = list(dict.fromkeys(call[2] for call in told.calls))
    assert phases == [str(group.group) for group in plan.port_groups([1, opened])]
    done, of, _, note = told.calls[-1]
    assert done == of
    assert json.loads(note)["open"] == 1
    assert set(json.loads(note)) == {"open", "rate", "eta_s", "loss"}
    for phase in phases:
        counted = [call[0] for call in told.calls if call[2] == phase]
        assert counted == sorted(counted)


def test_self_connect_is_no_open_port() -> None:
    with socket.socket() as ours, servers.refusing() as port:
        found = ConnectScanner(["127.0.0.1"], plan.port_groups([port]), Limits())
        ours.bind(("127.0.0.1", 0))
        own = ours.getsockname()[1]
        assert ours.connect_ex(("127.0.0.1", own)) == 0  # a simultaneous open with itself
        found.run()
        host = found.hosts[0]
        before = host.closed
        for _ in range(SELF_CONNECTS):
            found.answers.accepted(Waiting(host, own, 0, ours.dup(), 0.0), 0.0)
    assert host.opened == []
    assert list(host.again) == [(own, 0)] * (SELF_CONNECTS - 1)
    assert host.closed == before + 1


def test_without_descriptors_the_scan_waits_and_loses_nothing() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(servers.listening(servers.close)) for _ in range(2)]
        closed = [stack.enter_context(servers.refusing()) for _ in range(50)]
        asked = 0

        def later(*_: object) -> None:
            nonlocal asked
            asked += 1
            if asked == 3:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        found = ConnectScanner(["127.0.0.1", "::1"], plan.port_groups(sorted(opened + closed)), Limits(), on_progress=later)
        used = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.exists())
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        taken = [stack.enter_context(Path("/dev/null").open()) for _ in range(used)]
        # Nothing is left but one descriptor, which the epoll takes.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(one.fileno() for one in taken) + 2, hard))
        found.run()
    assert sorted(found.hosts[0].opened) == sorted(opened)
    assert found.trouble["EMFILE"] >= 1
    assert sum(tally.skipped + tally.filtered + tally.unreachable for host in found.hosts for tally in host.tallies.values()) == 0


def test_few_descriptors_lower_the_cap() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        assert 8 <= descriptors_free() <= 150
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Answering(ConnectScanner):
    """Gives errno values of our choice to probes before the system is asked."""

    def __init__(self, ports: list[int], errors: list[int], address: str = "127.0.0.1") -> None:
        super().__init__([address], plan.port_groups(ports), Limits(timeout=timedelta(seconds=20)))
        self.sockets = self.answers.sockets = FailingSockets(100, reuse=self.reuse)
        self.sockets.errors, self.trouble = errors, self.sockets.trouble


class FailingSockets(Sockets):
    """Opens sockets that fail once each, in this order, then good ones."""

    errors: list[int]

    def open(self, family: int, in_use: int) -> socket.socket | None:
        """Open."""
        sock = super().open(family, in_use)
        if sock is None or not self.errors:
            return sock
        return Failing(sock, self.errors.pop(0))


class Failing(socket.socket):
    """A socket whose connects fail as asked."""

    def __init__(self, real: socket.socket, error: int) -> None:
        super().__init__(real.family, real.type, fileno=real.detach())
        self.error = error

    def connect_ex(self, address: object) -> int:
        """Fail."""
        del address
        return self.error


@pytest.mark.parametrize(
    ("errors", "expected", "trouble"),
    [
        ([errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ENOBUFS], Tally(closed=1), {"EADDRNOTAVAIL", "EAGAIN", "ENOBUFS"}),
        ([errno.ECONNRESET], Tally(closed=1), set()),
        ([errno.ETIMEDOUT], Tally(filtered=1), set()),
        ([errno.EHOSTUNREACH], Tally(unreachable=1), set()),
        ([errno.ENETUNREACH], Tally(unreachable=1), set()),
        ([errno.EACCES], Tally(unreachable=1), {"EACCES"}),
        ([errno.EPERM], Tally(unreachable=1), {"EPERM"}),
        ([errno.EINVAL], Tally(unreachable=1), {"EINVAL"}),
    ],
)
def test_what_the_system_says_becomes_a_state(errors: list[int], expected: Tally, trouble: set[str]) -> None:
    with servers.refusing() as port:
        found = Answering([port], list(errors))
        found.run()
    assert list(found.hosts[0].tallies.values()) == [expected]
    assert set(found.trouble) == trouble


def test_host_without_route_is_dropped_after_three() -> None:
    found = Answering(list(range(40_000, 40_100)), [errno.ENETUNREACH] * 100, "127.0.0.9")
    found.hosts[0].loopback = False
    found.run()
    assert sum(tally.unreachable for tally in found.hosts[0].tallies.values()) == 100
    assert found.probes < 10


def test_refused_probes_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blocked(Sockets):
        def open(self, family: int, in_use: int) -> socket.socket | None:
            sock = super().open(family, in_use)
            return sock and Failing(sock, errno.EPERM)

    monkeypatch.setattr("watchfloor.capabilities.scans.connect.scanner.sockets.Sockets", Blocked)
    answers = probe(request([4001, 4002]), Told())
    assert answers.notes == ("The local firewall or security policy refused 2 connections; those ports count as unreachable.",)


def test_address_outside_the_permitted_ranges_is_never_contacted() -> None:
    contacted: list[bool] = []
    with servers.listening(lambda _client, _ends: contacted.append(True)) as port:
        asked = request([port]).model_copy(update={"permitted": (AddressRange(first="127.0.0.2", last="127.0.0.2"),)})
        with pytest.raises(OutOfScope, match=r"127\.0\.0\.1"):
            probe(asked, Told())
    assert contacted == []


def test_name_is_resolved_and_its_addresses_checked() -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as port:
        asked = ProbeRequest(
            names=(NameRequest(name="localhost", permitted=PERMITTED),), groups=plan.port_groups([port]), permitted=PERMITTED
        )
        answers = probe(asked, Told())
    assert [host.name for host in answers.hosts] == ["localhost"] * len(answers.hosts)
    assert [host.address for host in answers.hosts if host.open] == ["127.0.0.1"]


def test_name_that_points_outside_the_scope_is_refused() -> None:
    narrow = (AddressRange(first="10.0.0.0", last="10.255.255.255"),)
    (found,) = resolve(ResolveRequest(names=(NameRequest(name="localhost", permitted=narrow),)), Told()).names
    assert found.addresses == ()
    assert "127.0.0.1" in found.refused
    assert "outside the scope" in found.error


def test_name_that_does_not_exist_says_so() -> None:
    told = Told()
    (found,) = resolve(ResolveRequest(names=(NameRequest(name="does-not-exist.invalid", permitted=PERMITTED),)), told).names
    assert found.addresses == ()
    assert found.error
    assert told.calls[-1][:3] == (1, 1, "resolve")


def test_slow_name_servers_are_not_an_absent_name() -> None:
    asked = ResolveRequest(names=(NameRequest(name="localhost", permitted=PERMITTED),), timeout=timedelta(seconds=-1))
    (found,) = resolve(asked, Told()).names
    assert found.addresses or "nothing is known" in found.error


def test_ssh_greeting_is_kept() -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n")) as port:
        found = look_at(port)
    assert found.tls is None
    assert [(reply.probe, reply.data) for reply in found.replies] == [("greeting", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n")]


def test_web_server_is_asked_without_host() -> None:
    asked: list[bytes] = []

    def talk(question: bytes) -> bytes:
        asked.append(question)
        return HTTP

    with servers.listening(servers.site(talk)) as port:
        service = fingerprint(look_at(port))
    assert (service.name, service.product, service.title) == ("http", "nginx", "Hello")
    assert asked[0] == b"GET / HTTP/1.0\r\n\r\n"
    # Only then, when it is known as a web server, it is asked for what it shows.
    assert [question.split()[1] for question in asked[1:]] == [b"/", b"/favicon.ico", b"/.git/HEAD"]


def test_web_server_that_insists_on_host_gets_one() -> None:
    asked: list[bytes] = []

    def talk(question: bytes) -> bytes:
        asked.append(question)
        return HTTP if b"Host: shop.example\r\n" in question else b"HTTP/1.1 400 Bad Request\r\n\r\n"

    with servers.listening(servers.site(talk)) as port:
        found = look_at(port, name="shop.example")
    assert fingerprint(found).product == "nginx"
    assert [reply.probe for reply in found.replies] == ["http", "http-host"]
    assert b"User-Agent: Watchfloor" in asked[1]


def test_web_server_over_tls_is_seen_with_its_expired_certificate(pem: Path) -> None:
    with servers.listening(servers.site(lambda _: HTTP), secure=servers.context(pem)) as port:
        found = look_at(port, name="localhost")
    assert found.tls is not None
    assert (found.tls.version, found.tls.oldest, found.tls.error) == ("TLSv1.3", "", "")
    service = fingerprint(found)
    assert (service.name, service.product) == ("https", "nginx")
    assert {one.check for one in judge("127.0.0.1", [service], datetime.now(UTC))} == {"tls-expired", "tls-self-signed"}


def test_web_server_over_tls_that_insists_on_host_gets_one(pem: Path) -> None:
    def talk(question: bytes) -> bytes:
        return HTTP if b"Host: 127.0.0.1\r\n" in question else b"HTTP/1.1 400 Bad Request\r\n\r\n"

    with servers.listening(servers.site(talk), secure=servers.context(pem)) as port:
        assert fingerprint(look_at(port)).product == "nginx"


def test_greeting_inside_tls_is_seen(pem: Path) -> None:
    with servers.listening(servers.banner(b"* OK Dovecot ready.\r\n"), secure=servers.context(pem)) as port:
        assert fingerprint(look_at(port)).name == "imaps"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_detected(pem: Path) -> None:
    import ssl  # noqa: PLC0415 - only here

    old = servers.context(pem)
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with servers.listening(servers.site(lambda _: HTTP), secure=old) as port:
        found = look_at(port)
    assert found.tls is not None
    assert (found.tls.version, found.tls.oldest) == ("TLSv1.3", "TLSv1")


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (b"\x16\x03\x01\x00\x31\x02\x00\x00\x2d\x03\x01", "TLSv1"),
        (b"\x16\x03\x02\x00\x31\x02\x00\x00\x2d\x03\x02", "TLSv1.1"),
        (b"\x16\x03\x00\x00\x31\x02\x00\x00\x2d\x03\x00", "SSLv3"),
        (b"\x16\x03\x00\x00\x31\x02\x00\x00\x2d\x09\x09", ""),
        (b"\x15\x03\x01\x00\x02\x02\x46", ""),
        (b"\x16\x03\x01\x00\x31\x0b\x00\x00\x2d\x03\x01", ""),
        (b"HTTP/1.1 400 Bad Request", ""),
        (b"", ""),
    ],
)
def test_answer_to_the_old_hello_is_read(data: bytes, version: str) -> None:
    assert agreed(data) == version
    assert len(old_hello("a.example")) == len(old_hello()) + 18


def test_server_that_asks_for_tls_gets_it(pem: Path) -> None:
    secure = servers.context(pem)

    def talk(client: socket.socket, ends: object) -> None:
        del ends
        if client.recv(1, socket.MSG_PEEK) == b"\x16":
            with secure.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as wrapped:
                wrapped.do_handshake()
                wrapped.recv(4096)
                wrapped.sendall(HTTP)
        else:
            client.recv(4096)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port")

    with servers.listening(talk) as port:
        found = look_at(port)
    assert found.tls is not None
    assert fingerprint(found).name == "https"


def test_redis_without_password_tells_its_version() -> None:
    def talk(question: bytes) -> bytes:
        if question.startswith(b"*2\r\n$4\r\nINFO"):
            return b"$40\r\n# Server\r\nredis_version:7.0.15\r\n"
        return b"-ERR wrong number of arguments for 'get' command\r\n"

    with servers.listening(servers.answering(talk)) as port:
        service = fingerprint(look_at(port))
    assert (service.product, service.version) == ("Redis", "7.0.15")
    assert [one.check for one in judge("127.0.0.1", [service], datetime.now(UTC))] == ["unauthenticated-redis", "cleartext-redis"]


def test_real_valkey_with_password_is_recognised_and_not_called_open() -> None:
    with valkey_server(tcp=True) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        service = fingerprint(look_at(port))
    assert service.name == "redis"
    assert "no-authentication" not in service.facts


@pytest.mark.parametrize(
    ("talk", "most"),
    [(servers.endless, 4096), (servers.drip, 200), (servers.close, 0), (servers.silent, 0), (servers.banner(bytes(range(256)) * 8), 2048)],
)
def test_hostile_server_gets_little_time_and_memory(talk: object, most: int) -> None:
    with servers.listening(talk) as port:  # type: ignore[arg-type]  # the table's column
        found = look_at(port)
    kept = sum(len(reply.data) for reply in found.replies)
    assert kept <= most
    assert found.looked
    again = ProbeAnswers.model_validate_json(probe(request([1], services=False), Told()).model_dump_json())
    assert total(again, "closed") == 1
    assert PortAnswer.model_validate_json(found.model_dump_json()) == found
    assert fingerprint(found).evidence.isprintable() or not kept


def test_printers_are_not_spoken_to() -> None:
    assert set(range(9100, 9108)) == looking.NEVER_SPEAK


def test_cancelled_scan_stops_and_says_what_is_missing() -> None:
    with contextlib.ExitStack() as stack:
        quiet = [stack.enter_context(servers.dropping()) for _ in range(3)]
        asked = iter([False, False, True])
        found = ConnectScanner(["127.0.0.1"], plan.port_groups(quiet), Limits(), cancelled=lambda: next(asked, True))
        found.run()
    assert found.stopped is Stopped.CANCELLED
    assert sum(tally.skipped for tally in found.hosts[0].tallies.values()) == 3


def test_scan_ends_in_time_and_what_is_left_is_not_closed() -> None:
    with servers.dropping() as quiet, servers.refusing() as closed:
        answers = probe(request([quiet, closed], services=False, timeout=timedelta(milliseconds=300)), Told())
    assert answers.stopped is Stopped.TIMEOUT
    assert total(answers, "skipped") >= 1
    assert total(answers, "filtered") == 0


def test_services_that_take_too_long_are_said_not_to_be_identified() -> None:
    with servers.listening(servers.silent) as port:
        answers = probe(request([port], timeout=timedelta(milliseconds=400)), Told())
    assert answers.stopped is Stopped.TIMEOUT
    assert total(answers, "open") == 1
    assert "1 open ports were not identified" in answers.notes[0]


def test_only_so_many_services_are_looked_at() -> None:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(servers.listening(servers.banner(b"SSH-2.0-x\r\n"))) for _ in range(3)]
        answers = probe(request(opened, services_max=1), Told())
    assert len(answers.hosts[0].ports) == 1
    assert total(answers, "open") == 3
    assert "2 open ports were not identified" in answers.notes[0]


def test_rate_limit_is_kept() -> None:
    with contextlib.ExitStack() as stack:
        closed = [stack.enter_context(servers.refusing()) for _ in range(30)]
        answers = probe(request(closed, services=False, max_rate=100), Told())
    # 30 probes at 100 a second cannot be sent in less; how much longer it takes is not our promise.
    assert answers.elapsed >= timedelta(seconds=0.25)
    assert total(answers, "closed") == 30


@pytest.mark.parametrize(
    ("hinted", "said", "product"),
    [
        ("postgresql", b"N", "PostgreSQL"),
        ("memcached", b"VERSION 1.6.18\r\n", "memcached"),
        ("clamd", b"", ""),
    ],
)
def test_port_suggests_the_first_question(monkeypatch: pytest.MonkeyPatch, hinted: str, said: bytes, product: str) -> None:
    asked: list[bytes] = []

    def talk(question: bytes) -> bytes:
        asked.append(question)
        return said

    with servers.listening(servers.answering(talk)) as port:
        monkeypatch.setattr(looking, "hints", lambda _: (BY_NAME[hinted],))
        service = fingerprint(look_at(port))
    assert asked[0] == BY_NAME[hinted].sends
    assert service.product == product


def test_plain_server_on_a_tls_port_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.listening(servers.site(lambda asked: HTTP if asked.startswith(b"GET") else b"")) as port:
        monkeypatch.setattr(looking, "TLS_FIRST", frozenset((port,)))
        found = look_at(port)
    assert found.tls is not None
    assert found.tls.error
    assert fingerprint(found).product == "nginx"


def test_printer_is_found_open_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def talk(client: socket.socket, ends: object) -> None:
        del ends
        heard.append(client.recv(100))

    with servers.listening(talk) as port:
        monkeypatch.setattr(looking, "NEVER_SPEAK", frozenset((port,)))
        found = look_at(port)
    assert not found.looked
    assert set(heard) <= {b""}


def test_evidence_of_one_job_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.scans.connect.shard.EVIDENCE_MAX", 10)
    with servers.listening(servers.banner(b"SSH-2.0-a-long-name\r\n")) as port:
        answers = probe(request([port]), Told())
    assert answers.hosts[0].ports == ()
    assert "1 open ports were not identified" in answers.notes[0]


def test_kernel_without_reuse_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.scans.connect.scanner.sockets.reuse_works", lambda: False)
    with servers.refusing() as port:
        answers = probe(request([port]), Told())
    assert total(answers, "closed") == 1
    assert "new one for each probe" in answers.notes[0]


def test_machine_without_ipv6_says_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.scans.connect.scanner.sockets.has_family", lambda family: family == socket.AF_INET)
    with servers.refusing() as port:
        answers = probe(request([port], ("::1", "127.0.0.1")), Told())
    assert [total(answers, state) for state in ("unreachable", "closed")] == [1, 1]


def test_silent_ports_of_a_refusing_host_are_asked_again_before_they_count() -> None:
    with contextlib.ExitStack() as stack:
        quiet = stack.enter_context(servers.dropping())
        closed = [stack.enter_context(servers.refusing()) for _ in range(5)]
        found = ConnectScanner(["127.0.0.1"], plan.port_groups(sorted([quiet, *closed])), Limits())
        found.run()
    assert found.hosts[0].confirming
    assert sum(tally.filtered for tally in found.hosts[0].tallies.values()) == 1
    assert found.probes >= 5 + 3
