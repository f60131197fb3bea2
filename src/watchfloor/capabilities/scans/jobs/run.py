"""Plan a scan: resolve names, check the scope, cut the work into parts."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import timedelta
from heapq import merge as merge_sorted
from ipaddress import ip_address
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from pydantic import Field

from watchfloor.capabilities.scans.connect import nmap
from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.engine import protocols
from watchfloor.capabilities.scans.engine.cut import Shard, shards
from watchfloor.capabilities.scans.engine.estimate import estimate
from watchfloor.capabilities.scans.engine.judge import OPT_IN
from watchfloor.capabilities.scans.engine.ranges import Span, span
from watchfloor.capabilities.scans.engine.targets import parse_targets
from watchfloor.capabilities.scans.engine.timing import TIMINGS
from watchfloor.capabilities.scans.jobs.finish import finish_scan
from watchfloor.capabilities.scans.jobs.pin import excluded_addresses, pin
from watchfloor.capabilities.scans.jobs.refusal import demand_confirmed, named, write_down_all
from watchfloor.capabilities.scans.jobs.shard import scan_shard
from watchfloor.capabilities.scans.jobs.sift import sift
from watchfloor.capabilities.scans.queries import difference, write
from watchfloor.capabilities.scans.queries.scope import known_assets, scope_of
from watchfloor.capabilities.scans.schemas import TARGETS_MAX, Engine, Group, OneScan, ScanRequest, Shape, Target, each_port
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp, InvalidInput, OutOfScope, OutsideError, Unconfirmed
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.schemas import Scope
    from watchfloor.kernel.contract import JobContext

CHILDREN = 10_000  # what one batch takes


class RunScan(ScanRequest):
    """A scan to run: one that was requested before (`scan_id`), or these targets."""

    targets: list[Target] = Field(default=[], max_length=TARGETS_MAX)
    scan_id: UUID | None = None


class ScanPlanned(Shape):
    """Into how many parts a scan was cut; their jobs, and one that ends the scan, follow."""

    scan_id: UUID
    shards: int


@job("scans.run", RunScan, queue=Queue.SCANS, timeout=timedelta(minutes=30), attempts=4, first_delay=timedelta(seconds=60))
def run_scan(context: JobContext, request: RunScan) -> ScanPlanned:
    """Find which services targets expose: resolve names, check the scope, cut the work into parts that all workers share."""
    return plan_scan(context, request)


def plan_scan(context: JobContext, request: RunScan) -> ScanPlanned:
    """Do what `scans.run` does, for every kind that starts a scan: the attempt's job is the scan's first job."""
    scan = _begin(context, request)
    if scan.state == "planned":
        try:
            cut = _plan(context, scan)
        except (InvalidInput, Unconfirmed, OutsideError, GiveUp) as wrong:
            if isinstance(wrong, InvalidInput | Unconfirmed | OutOfScope):
                write_down_all(context, [(named(scan.request, wrong), str(wrong))])
            _refuse(context, scan.id, str(wrong))
            raise GiveUp(str(wrong)) from wrong
        with context.transaction() as session:
            write.insert_shards(session, context.org, scan.id, cut.parts, hosts=cut.hosts, not_looked_at=cut.missed, notes=cut.notes)
            write.keep_silent(session, context.org, scan.id, cut.silent)
            if not cut.hosts:
                _nobody(session, context, scan.id, missed=cut.missed)
    with context.transaction() as session:
        now = write.find_planned(session, context.org, scan.id)
        count = write.count_shards(session, context.org, scan.id)
    if now is None or now.state != "running":
        return ScanPlanned(scan_id=scan.id, shards=0)
    one = OneScan(scan_id=scan.id)
    for n, start in enumerate(range(0, count, CHILDREN)):
        batch = context.fan_out(f"shards-{n}", [(scan_shard, one)] * min(CHILDREN, count - start), callback=(finish_scan, one))
        with context.transaction() as session:
            write.keep_finish_job(session, context.org, scan.id, batch)
    return ScanPlanned(scan_id=scan.id, shards=count)


def _nobody(session: Session, context: JobContext, scan: UUID, *, missed: list[str]) -> None:
    """End a scan whose targets hold no host that answers: there is nothing left to ask."""
    state = "incomplete" if missed else "finished"
    if write.end_scan(session, context.org, scan, state=state):
        emit(session, context.org, "scans.finished", data={"scan": str(scan), "state": state, "findings": {}}, job=context.job_id)
        difference.announce(session, context.org, scan, job=context.job_id)


def _begin(context: JobContext, request: RunScan) -> write.Planned:
    """Return this job's own scan, a draft included; a job that was made without one, or repeats another, gets a new one."""
    with context.transaction() as session:
        found = write.find_planned(session, context.org, context.job_id)
        if found is not None:
            return found
        asked = settled(
            ScanRequest.model_validate(request.model_dump(exclude={"scan_id"}, exclude_unset=True)) if request.targets else _empty()
        )
        if request.scan_id is not None:
            before = write.find_planned(session, context.org, request.scan_id)
            if before is None:
                raise GiveUp(f"there is no scan {request.scan_id}")
            if write.begin_draft(session, context.org, before.id, job=context.job_id):
                state = "planned" if before.state == "draft" else before.state
                return replace(before, state=state, job=context.job_id)
            asked = before.request
        seed = new_seed()
        write.insert_scan(session, context.org, context.job_id, asked, seed=seed, actor=context.actor)
        return write.Planned(id=context.job_id, request=asked, seed=seed, state="planned", job=context.job_id)


def _empty() -> ScanRequest:
    return ScanRequest(targets=[])


def _refuse(context: JobContext, scan: UUID, reason: str) -> None:
    with context.transaction() as session:
        if write.end_scan(session, context.org, scan, state="incomplete", error=reason, not_looked_at=[f"Nothing was looked at: {reason}"]):
            emit(
                session, context.org, "scans.finished", data={"scan": str(scan), "state": "incomplete", "error": reason}, job=context.job_id
            )


def plan_of(session: Session, org: UUID, request: ScanRequest, scope: Scope) -> planner.Plan:
    """Return the plan of a request under this scope, with the assets that its tags stand for now.

    Raises:
        InvalidInput: Besides what is malformed: no asset has any of the tags, and there is no other target.
    """
    tags = parse_targets(request.targets).tags
    assets = known_assets(session, org, tags) if tags else ()
    plan = planner.make(request.targets, request.ports, scope, exclude=request.exclude, assets=assets)
    if tags and not assets and not plan.targets.size:
        said = ", ".join(repr(tag) for tag in tags[:5])
        raise InvalidInput(f"No host among the assets has the tag {said}. `watchfloor assets tag` gives it to some.", field="/targets")
    if tags and not plan.targets.size and plan.refused:
        raise plan.refused[0]
    return plan


class Cut(NamedTuple):
    """The parts of a scan, how many addresses it has, in sentences what cannot be looked at, and what is left out on purpose."""

    parts: Iterator[dict[str, Any]]
    hosts: int
    missed: list[str]
    notes: list[str]
    silent: list[Span]


def _plan(context: JobContext, scan: write.Planned) -> Cut:
    """Decide what is looked at, from the names and tags as they are now."""
    with context.transaction() as session:
        scope, workers = scope_of(session, context.org), write.slots(session, Queue.SCANS)
        plan = plan_of(session, context.org, scan.request, scope)
    names, missed = pin(context, plan, scope)
    whole = planner.pinned(plan, names, excluded_addresses(context, plan))
    if not whole.targets.spans:
        raise GiveUp(" ".join(missed) or "There is nothing to look at: everything is excluded.")
    parts, own = planner.apart(whole, scope.control)
    demand_confirmed(estimate(parts, names=0, max_rate=scan.request.max_rate, slots=workers), confirmed=scan.request.confirmed)
    if scan.request.engine is Engine.NMAP and nmap.program() is None:
        raise GiveUp(nmap.MISSING)
    parts, silent, told = sift(context, scan.request, parts, scope)
    duration = read_settings(ScanSettings, "scans").shard_duration
    # The critical ports of all targets come first, whichever part they are in.
    cut = merge_sorted(*(shards(part, duration=duration, free_workers=workers) for part in parts if part.groups), key=_urgency)
    datagrams = (Shard(block, (), part.udp) for part in parts if part.udp for block in protocols.blocks(part.targets.spans))
    return Cut(_parts(chain(cut, datagrams), plan.named | names), sum(part.targets.size for part in parts), missed, [*own, *told], silent)


def _urgency(shard: Shard) -> int:
    return list(Group).index(shard.groups[0].group)


def _parts(cut: Iterable[Shard], names: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield each shard as its row keeps it: ranges, however many addresses they hold, and the names of those that came from names."""
    named = sorted((span(ip_address(address)), name) for address, name in names.items())
    for shard in cut:
        found = (
            named[
                bisect_left(named, (Span(one.version, one.first, one.first), "")) : bisect_right(
                    named, (Span(one.version, one.last, one.last), "\U0010ffff")
                )
            ]
            for one in shard.spans
        )
        yield {
            "request": {
                "spans": [(str(one.at(0)), str(one.at(one.size - 1))) for one in shard.spans],
                "names": {str(one.at(0)): name for held in found for one, name in held},
                "groups": [group.model_dump(mode="json") for group in shard.groups],
                "udp": shard.udp,
            },
            "totals": {
                str(group.group): planner.width(group.ports) * shard.size
                for group in (*shard.groups, *planner.port_groups(list(each_port(shard.udp))))
            },
        }


def settled(request: ScanRequest) -> ScanRequest:
    """Return the request with the operator's defaults where it names nothing, and below the operator's ceilings.

    Raises:
        InvalidInput: It asks for a check that is none of those that are made only when asked for.
    """
    if unknown := sorted(set(request.checks) - OPT_IN):
        raise InvalidInput(f"{', '.join(unknown)}: no such opt-in check; there are {', '.join(sorted(OPT_IN))}.", field="/checks")
    settings, given = read_settings(ScanSettings, "scans"), request.model_fields_set
    timing = TIMINGS[request.profile]
    wanted = request.max_rate if "max_rate" in given else timing.max_rate
    rates = [rate for rate in (wanted, settings.max_rate) if rate is not None]
    return request.model_copy(
        update={
            "ports": request.ports if "ports" in given else settings.ports,
            "timeout": request.timeout if "timeout" in given else settings.timeout,
            "max_concurrent": min(request.max_concurrent if "max_concurrent" in given else timing.max_concurrent, settings.max_concurrent),
            "max_rate": min(rates, default=None),
        }
    )


def new_seed() -> int:
    """Return what decides the order of a scan's probes."""
    return random.getrandbits(62)
