"""Facts about the connect engine: what it asks beside the scan, what holds it back, and what it leaves behind."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans import servers
from watchfloor.capabilities.scans.connect import probe
from watchfloor.capabilities.scans.connect.conntrack import Conntrack
from watchfloor.capabilities.scans.connect.control import CANARIES, RTO_UNKNOWN, WINDOW_MAX, WINDOW_SILENT, Neighbourhood, Pace
from watchfloor.capabilities.scans.connect.scanner import ConnectScanner, Host
from watchfloor.capabilities.scans.connect.scanner.beside import DECOYS, HIGH_PORTS, OPENED, Watch
from watchfloor.capabilities.scans.connect.scanner.flight import Flight
from watchfloor.capabilities.scans.connect.scanner.host import Beside, Waiting
from watchfloor.capabilities.scans.connect.scanner.sockets import Sockets
from watchfloor.capabilities.scans.engine import plan
from watchfloor.capabilities.scans.schemas import AddressRange, Group, Limits, PortGroup, ProbeHost, ProbeRequest, Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = (PortGroup(group=Group.LOW, ports=((1, 65_535),)),)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "nf_conntrack_max").write_text("1000\n")
    (tmp_path / "nf_conntrack_count").write_text("0\n")
    return tmp_path


@pytest.fixture
def flight() -> Iterator[Flight]:
    sockets = Sockets(1000, reuse=True)
    sockets.start()
    made = Flight(sockets, 0.0)
    yield made
    made.clear()
    sockets.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_every_port_of_loopback_is_settled_and_the_open_ones_are_right(address: str) -> None:
    family = socket.AF_INET if address == "127.0.0.1" else socket.AF_INET6
    with contextlib.ExitStack() as stack:
        opened = {stack.enter_context(servers.listening(servers.close, family=family)) for _ in range(5)}
        found = ConnectScanner([address], ALL, Limits())
        found.run()
        host = found.hosts[0]
    assert opened <= set(host.opened)
    assert len(host.opened) == len(set(host.opened))
    tally = host.tallies[Group.LOW]
    assert (tally.open + tally.closed, tally.filtered, tally.unreachable, tally.skipped) == (65_535, 0, 0, 0)


def test_silent_ports_are_known_one_by_one() -> None:
    with servers.dropping() as quiet, servers.refusing() as closed:
        found = ConnectScanner(["127.0.0.1"], plan.port_groups(sorted([quiet, closed])), Limits())
        found.run()
    assert list(found.hosts[0].filtered_ports) == [quiet]
    assert list(found.hosts[0].skipped_ports) == []


def test_cancelled_scan_leaves_no_descriptor_and_no_probe() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    asked = iter([False] * 5)
    found = ConnectScanner(["127.0.0.1", "127.0.0.2"], ALL, Limits(), cancelled=lambda: next(asked, True))
    found.run()
    assert found.stopped is Stopped.CANCELLED
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not found.flight.waiting
    for host in found.hosts:
        tally = host.tallies[Group.LOW]
        assert tally.skipped == len(host.skipped_ports) > 0
        assert host.in_flight == 0


def test_unanswered_probes_stop_the_scan_before_the_table_is_full(table: Path) -> None:
    watch = Conntrack(table, container=False)
    assert not watch.must_pause(0.0, 10_000)
    (table / "nf_conntrack_count").write_text("601\n")
    assert not watch.must_pause(0.1, 10_000), "the table is read twice a second"
    assert watch.must_pause(1.0, 10_000)
    (table / "nf_conntrack_count").write_text("580\n")
    assert watch.must_pause(2.0, 10_000), "not at once: it would flutter"
    (table / "nf_conntrack_count").write_text("500\n")
    assert not watch.must_pause(3.0, 10_000)
    assert watch.pauses == 1


def test_in_a_container_our_own_unanswered_probes_count(table: Path) -> None:
    watch = Conntrack(table, container=True)
    assert not watch.must_pause(0.0, 700)
    assert watch.must_pause(1.0, 900)
    assert not watch.must_pause(130.0, 900), "two minutes later their entries are gone"


def test_without_a_table_nothing_is_held_back(tmp_path: Path) -> None:
    watch = Conntrack(tmp_path / "none", container=True)
    assert not watch.must_pause(0.0, 10_000_000)


def test_full_table_holds_the_scan_until_it_has_room(table: Path) -> None:
    (table / "nf_conntrack_count").write_text("999\n")
    waited = []

    def later(*_: object) -> None:
        waited.append(found.probes)
        if len(waited) == 3:
            (table / "nf_conntrack_count").write_text("1\n")

    with servers.listening(servers.close) as opened:
        found = ConnectScanner(
            ["127.0.0.1"], plan.port_groups([opened]), Limits(), on_progress=later, conntrack=Conntrack(table, container=False)
        )
        found.run()
    assert waited[:3] == [0, 0, 0]
    assert found.hosts[0].opened == [opened]
    assert found.conntrack.pauses == 1


def test_host_that_accepts_everything_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tarpit is a host on which every connect succeeds: here each probe reaches the one port that listens."""
    with servers.listening(servers.close) as opened:
        _connect_all_to(monkeypatch, opened, HIGH_PORTS)
        found = ConnectScanner(["127.0.0.1"], (PortGroup(group=Group.LOW, ports=((1, 5000),)),), Limits())
        found.run()
    host = found.hosts[0]
    assert host.accepts_all
    tally = host.tallies[Group.LOW]
    assert OPENED <= tally.open < 1000
    assert tally.skipped == 5000 - tally.open, "what was not asked is unknown"


def test_of_a_host_that_accepts_everything_only_what_speaks_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.listening(servers.close) as opened:
        _connect_all_to(monkeypatch, opened, HIGH_PORTS)
        asked = ProbeRequest(
            hosts=(ProbeHost(address="127.0.0.1"),), permitted=(AddressRange(first="127.0.0.1", last="127.0.0.1"),),
            groups=(PortGroup(group=Group.LOW, ports=((1, 5000),)),), limits=Limits(services=False),
        )  # fmt: skip
        answers = probe(asked, lambda done, total, phase="", note="": None)  # noqa: ARG005 - nobody watches
    (host,) = answers.hosts
    assert (host.open, host.ports) == ((), ())
    assert host.skipped == ((1, 5000),), "none of them is known to be closed"
    assert "accept connections on every port" in answers.notes[0]


def test_busy_host_with_closed_high_ports_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.listening(servers.close) as opened:
        _connect_all_to(monkeypatch, opened, ())
        found = ConnectScanner(["127.0.0.1"], (PortGroup(group=Group.LOW, ports=((1, 200),)),), Limits())
        monkeypatch.setattr("watchfloor.capabilities.scans.connect.scanner.beside.HIGH_PORTS", range(20_000, 20_000 + DECOYS))
        found.run()
    host = found.hosts[0]
    assert not host.accepts_all
    assert sorted(host.opened) == list(range(1, 201))


def _connect_all_to(monkeypatch: pytest.MonkeyPatch, opened: int, high: range | tuple[int, ...]) -> None:
    """Let every probe to a low port, and to these high ones, reach a port that is open."""
    real = Sockets.open

    class Deceived(socket.socket):
        def connect_ex(self, address: Any) -> int:
            asked = address[1]
            return super().connect_ex((address[0], opened if asked < HIGH_PORTS[0] or asked in high else asked))

    def opens(self: Sockets, family: int, in_use: int) -> socket.socket | None:
        sock = real(self, family, in_use)
        return None if sock is None else Deceived(sock.family, sock.type, fileno=sock.detach())

    monkeypatch.setattr(Sockets, "open", opens)


def test_canaries_open_the_window_of_a_silent_host_and_their_loss_closes_it() -> None:
    pace = Pace()
    pace.silent = 1000
    assert pace.mostly_silent()
    assert pace.room() == WINDOW_SILENT
    pace.silent_window = 100.0
    for _ in range(2 * CANARIES):
        pace.canary(back=True)
    assert pace.room() == WINDOW_MAX
    assert pace.tries(2) == 2
    for _ in range(5):
        pace.canary(back=False)
    assert pace.room() < WINDOW_MAX
    assert pace.tries(2) == 4


def test_canary_asks_a_port_that_answered_once_per_timer() -> None:
    watch, host = Watch("0"), Host("127.0.0.1")
    host.pace.silent = 1000
    assert watch.canary_for(host, 1.0) is None, "nothing has answered yet"
    host.answers_on = 22
    canary = watch.canary_for(host, 1.0)
    assert canary is not None
    assert list(canary.again) == [(22, 0)]
    assert watch.canary_for(host, 9.0) is None, "one at a time"
    canary.closed = 1
    watch.judge(canary)
    assert (host.pace.canaries, host.pace.canaries_back) == (1, 1)
    assert watch.canary_for(host, 1.0) is None, "not before the next timer"
    assert watch.canary_for(host, 3.0) is not None


def test_what_is_asked_beside_is_no_result() -> None:
    with servers.listening(servers.close) as opened:
        seen: list[int] = []
        found = ConnectScanner(["127.0.0.1"], plan.port_groups([1]), Limits(), on_open=lambda host, port: seen.append(port))  # noqa: ARG005 - only the port
        host = found.hosts[0]
        found.watch.judge = lambda beside: judged.append(beside.opened)  # type: ignore[method-assign]  # watches the real one
        judged: list[list[int]] = []
        found._beside(Beside(host, [opened]))
        found.run()
    assert judged == [[opened]]
    assert seen == host.opened == []


def test_late_answer_lengthens_the_timer(flight: Flight) -> None:
    host = Host("127.0.0.1")
    host.pace.sample(0.001)
    before = host.pace.rto()
    sock = socket.socket()
    flight.let_go(Waiting(host, 1, 0, sock, 0.0))
    flight.late_answer(sock.fileno(), 0.6)
    assert host.pace.rto() >= 0.75 > before
    assert not flight.sentinels
    assert sock.fileno() == -1


def test_sentinels_end(flight: Flight) -> None:
    host = Host("127.0.0.1")
    host.pace.sample(0.001)
    flight.let_go(Waiting(host, 1, 0, socket.socket(), 0.0))
    flight.relieve(1.0)
    assert len(flight.sentinels) == 1
    flight.relieve(4.0)
    assert not flight.sentinels


def test_first_answer_hurries_what_was_sent_to_a_stranger(flight: Flight) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        host, now = Host("127.0.0.1"), time.monotonic()
        flight.tick = int(now * 64)
        flight.add(Waiting(host, 1, 0, socket.socket(), now))
        assert flight.overdue(now + 0.5) == []
        flight.tick = int(now * 64)
        host.pace.sample(0.02)
        flight.hurry(host)
        (late,) = flight.overdue(now + 0.5)
        late.sock.close()
        assert late.port == 1
        assert flight.overdue(now + 2.0) == []


def test_neighbours_give_a_stranger_its_timer() -> None:
    neighbours = Neighbourhood()
    assert Pace(neighbours).rto() == RTO_UNKNOWN
    for _ in range(3):
        Pace(neighbours).sample(0.08)
    assert Pace(neighbours).rto() == pytest.approx(0.4)
    assert Pace(Neighbourhood()).rto() == RTO_UNKNOWN


def test_no_more_strangers_are_asked_than_the_kernel_can_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.scans.connect.scanner.loop.STRANGERS", 4)
    most = 0
    hosts = [f"127.0.0.{last}" for last in range(1, 60)]
    found = ConnectScanner(hosts, plan.port_groups([1]), Limits(), cancelled=lambda: bool(count()))

    def count() -> int:
        nonlocal most
        most = max(most, sum(bool(host.next and not host.pace.answered) for host in found.hosts))
        return 0

    found.run()
    assert most <= 4
    assert all(host.closed for host in found.hosts)


def test_ports_of_a_silent_stranger_are_asked_once_each_before_any_is_repeated() -> None:
    with contextlib.ExitStack() as stack:
        quiet = sorted(stack.enter_context(servers.dropping()) for _ in range(3))
        found = ConnectScanner(["127.0.0.1"], (PortGroup(group=Group.LOW, ports=tuple((port, port) for port in quiet)),), Limits())
        host = found.hosts[0]
        found.sockets.start()
        found.flight = Flight(found.sockets, 0.0)
        found.ports.extend(quiet)
        host.next = 1
        host.again.append((quiet[0], 1))
        found._send_to(host, 2, 0.0)
        asked = [(one.port, one.attempt) for one in found.flight.waiting.values()]
        found._send_to(host, 2, 0.0)
        last = list(found.flight.waiting.values())[-1]
        found.flight.clear()
        found.sockets.close()
    assert asked == [(quiet[1], 0), (quiet[2], 0)]
    assert (last.port, last.attempt) == (quiet[0], 1)


def test_few_descriptors_are_enough_for_a_whole_scan() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    with servers.listening(servers.close) as opened:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, hard))
            found = ConnectScanner(["127.0.0.1"], plan.port_groups(sorted({opened, *range(1, 3000)})), Limits())
            found.run()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert opened in found.hosts[0].opened
    assert sum(tally.skipped + tally.filtered for tally in found.hosts[0].tallies.values()) == 0
