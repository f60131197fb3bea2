"""What killing workers does to a scan: nothing."""

from __future__ import annotations

import itertools
import random
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.scans import servers
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.schemas import ScanRequest
from watchfloor.kernel.assets.scope import add_scope

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
    with floor.ledger.database.transaction(floor.org) as session:
        for address in ADDRESSES:
            add_scope(session, floor.org, address, actor="test")
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
    """Kill a pool process that looks at a part now; False when there is none, or it ended by itself."""
    rows = floor.ask("select child from job where kind = 'scans.shard' and stage = 'running' order by random() limit 1")
    for (child,) in rows:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(int(child.partition(":")[0])).kill()
            return True
    return False


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
