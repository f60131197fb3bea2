"""What killing workers does to a scan: nothing."""

from __future__ import annotations

import itertools
import random
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.chaos.floor import gone
from tests.scans import servers
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.schemas import ScanRequest
from watchfloor.kernel.assets.scope import add_scope
from watchfloor.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.chaos.floor import Door, Floor

pytestmark = pytest.mark.slow
ADDRESSES = [f"127.0.1.{n}" for n in range(1, 17)]
PORTS = "20000-24095"
OPEN = {("127.0.1.3", 20_022): b"SSH-2.0-OpenSSH_9.2p1\r\n", ("127.0.1.3", 23_999): b"220 hello\r\n", ("127.0.1.16", 21_500): b""}
RATE = 3000
KILLS = 10
SLOTS = 2


@pytest.fixture
def scanners(floor: Floor) -> Iterator[list[Door]]:
    """Two workers for scans that cut them into many parts."""
    floor.staff(workers=0, schedulers=1)
    with suppress(Conflict), floor.ledger.database.transaction(floor.org) as session:  # the floor's, once for all tests
        add_scope(session, floor.org, "127.0.1.0/24", actor="test")
    yield [scanner(floor) for _ in range(2)]
    floor.staff(workers=0, schedulers=1)


def scanner(floor: Floor) -> Door:
    return floor.worker("scans", slots=SLOTS, WATCHFLOOR_SCANS_SHARD_DURATION="500ms")


@pytest.fixture
def listeners() -> Iterator[None]:
    with ExitStack() as stack:
        for (address, port), greeting in OPEN.items():
            stack.enter_context(servers.listening(servers.banner(greeting), address=address, port=port))
        yield


def begin(floor: Floor, max_rate: int | None = None) -> UUID:
    request = ScanRequest(targets=ADDRESSES, ports=PORTS, max_rate=max_rate)
    return jobs.submit_scan(floor.ledger, floor.org, request, actor="test")[0]


def learned(floor: Floor, scan: UUID) -> dict[str, Any]:
    """Return all that a scan says about the world, without ids and times."""
    ((state, *counts),) = floor.ask(
        "select state, hosts, hosts_up, probes, open_ports, findings, not_looked_at from scan where id = %s", scan
    )
    hosts = floor.ask(
        "select host(address), sum((t.value->>'open')::int)::int, sum((t.value->>'closed')::int)::int, sum((t.value->>'skipped')::int)::int "
        "from host, jsonb_each(counts) p, jsonb_each(p.value) t where scan = %s group by address order by address", scan
    )  # fmt: skip
    services = floor.ask(
        "select host(h.address), s.port, s.name, s.product, s.version from service s join host h on h.id = s.host "
        "where s.scan = %s order by h.address, s.port", scan
    )  # fmt: skip
    findings = floor.ask("select f.key from scan_finding s join finding f on f.id = s.finding where s.scan = %s order by f.key", scan)
    return {"state": state, "counts": counts, "hosts": hosts, "services": services, "findings": findings}


def ended(floor: Floor, scan: UUID) -> bool:
    return floor.one("select finished_at is not null from scan where id = %s", scan) is True


def kill_busy_child(floor: Floor) -> bool:
    """Kill a pool process that looks at a part now; False when there is none, or it ended by itself.

    A part whose third worker dies is given up, as every job is: one that lost two already is left alone.
    """
    rows = floor.ask("select child from job where kind = 'scans.shard' and stage = 'running' and crash_count < 2 order by random() limit 1")
    for (child,) in rows:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(child.partition(":")[0])).kill()
            return True
    return False


def may_die(floor: Floor, door: Door) -> bool:
    """Tell whether no part under way on this worker would be given up with it."""
    session = floor.session(door)
    return not floor.ask("select 1 from job where owner = %s and stage = 'running' and crash_count >= 2", session)


def probes(floor: Floor, scan: UUID) -> int:
    """Return how many probes a scan's parts have saved."""
    return int(floor.one("select coalesce(sum((summary->>'probes')::bigint), 0)::bigint from shard where scan = %s", scan))


def goes_on(floor: Floor, scan: UUID, before: int) -> bool:
    return probes(floor, scan) > before or ended(floor, scan)


@pytest.mark.usefixtures("listeners")
def test_ten_kills_of_workers_change_nothing_about_what_a_scan_says(floor: Floor, scanners: list[Door]) -> None:
    calm = begin(floor)
    floor.wait(lambda: ended(floor, calm), "the undisturbed scan", 60)
    disturbed = begin(floor, RATE)
    floor.wait(lambda: floor.ask("select 1 from job where kind = 'scans.shard' and stage = 'running'"), "the scan's start")
    chance = random.Random(7)  # noqa: S311 - the same kills every time
    for kill, way in zip(range(KILLS), itertools.cycle(["child", "worker", "child", "group"]), strict=False):
        assert not ended(floor, disturbed), f"the scan ended before kill {kill}"
        if way == "child":
            floor.wait(lambda: kill_busy_child(floor), "a part under way")
        else:
            victim = scanners.pop(chance.randrange(len(scanners)))
            floor.wait(partial(may_die, floor, victim), "a worker whose parts may lose another")
            victim.kill() if way == "worker" else victim.kill_group()
            scanners.append(scanner(floor))
        before = probes(floor, disturbed)
        floor.wait(partial(goes_on, floor, disturbed, before), "the scan going on")
    floor.wait(lambda: ended(floor, disturbed), "the disturbed scan", 60)
    undisturbed, killed = learned(floor, calm), learned(floor, disturbed)
    assert (
        floor.one("select count(*) from job_attempt where outcome = 'lost' and job in (select job from shard where scan = %s)", disturbed)
        >= KILLS / 2
    )
    assert killed == undisturbed
    assert killed["state"] == "finished"
    assert {(address, port) for address, port, *_ in killed["services"]} >= set(OPEN)


PHASES = {
    # ports, rate, and what a part reports when it is in the middle of it
    "connecting": ("20000-20999", 50, "phase <> 'services' and done > 0"),
    "services": ("20022,20023", None, "phase = 'services'"),
    "held back": ("20000-20999", 1, "phase <> 'services'"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_cancelled_scan_is_gone_within_a_second_with_every_process(floor: Floor, scanners: list[Door], phase: str) -> None:
    ports, rate, busy = PHASES[phase]
    with (
        servers.listening(servers.silent, address=ADDRESSES[0], port=20_022),
        servers.listening(servers.drip, address=ADDRESSES[0], port=20_023),
    ):
        request = ScanRequest(targets=ADDRESSES[:1], ports=ports, max_rate=rate)
        scan, _job = jobs.submit_scan(floor.ledger, floor.org, request, actor="test")
        running = f"select 1 from job_progress p join shard s on s.job = p.job where s.scan = %s and {busy}"
        floor.wait(lambda: floor.ask(running, scan), f"a part that is {phase}")
        boxed = [member for door in scanners for member in boxes(door)]
        assert boxed
        jobs.stop_scan(floor.ledger, floor.org, scan, actor="test")
        gone(boxed, 5)
    unfinished = "select count(*) from job where finished_at is null and (id = %s or batch in (select id from job_batch where parent = %s))"
    floor.wait(lambda: not floor.one(unfinished, scan, scan), "the end of all parts")
    late = "select coalesce(max(extract(epoch from finished_at - cancel_at)), 0)::float8 from job where batch in (select id from job_batch where parent = %s)"
    assert floor.one(late, scan) <= 1
    assert floor.one("select state from scan where id = %s", scan) == "cancelled"
    floor.wait(lambda: not floor.one("select count(*) from rate_lease"), "the leases given back")


def boxes(door: Door) -> list[psutil.Process]:
    """Return what runs under a worker's zygote."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(door.pid).children():
            if child.status() != psutil.STATUS_ZOMBIE and "watchfloor.kernel.sandbox" in child.cmdline():
                return list(child.children(recursive=True))
    return []
