"""Plan a scan: resolve names, check the scope, cut the work into parts."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from pydantic import Field

from watchfloor.capabilities.scans.connect import resolve
from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.cut import shards
from watchfloor.capabilities.scans.engine.ranges import Span, merge, span
from watchfloor.capabilities.scans.jobs.finish import finish_scan
from watchfloor.capabilities.scans.jobs.shard import scan_shard
from watchfloor.capabilities.scans.queries import write
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.capabilities.scans.schemas import (
    TARGETS_MAX,
    NameRequest,
    OneScan,
    ResolveRequest,
    ScanRequest,
    Scope,
    Shape,
)
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp, InvalidInput, OutsideError
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watchfloor.capabilities.scans.engine.cut import Shard
    from watchfloor.capabilities.scans.schemas import NameAnswer
    from watchfloor.kernel.contract import JobContext

NAMES_AT_ONCE = 250
CHILDREN = 10_000  # what one batch takes


class RunScan(ScanRequest):
    """A scan to run: one that was requested before (`scan_id`), or these targets."""

    targets: list[Annotated[str, Field(max_length=300)]] = Field(default=[], max_length=TARGETS_MAX)
    scan_id: UUID | None = None


class ScanPlanned(Shape):
    """Into how many parts a scan was cut; their jobs, and one that ends the scan, follow."""

    scan_id: UUID
    shards: int


@job("scans.run", RunScan, queue=Queue.SCANS, timeout=timedelta(minutes=30), attempts=3, first_delay=timedelta(seconds=2))
def run_scan(context: JobContext, request: RunScan) -> ScanPlanned:
    """Find which services targets expose: resolve names, check the scope, cut the work into parts that all workers share."""
    return plan_scan(context, request)


def plan_scan(context: JobContext, request: RunScan) -> ScanPlanned:
    """Do what `scans.run` does, for every kind that starts a scan: the attempt's job is the scan's first job."""
    scan = _begin(context, request)
    if scan.state == "planned":
        try:
            parts, hosts, missed = _plan(context, scan)
        except (InvalidInput, OutsideError, GiveUp) as wrong:
            _refuse(context, scan.id, str(wrong))
            raise GiveUp(str(wrong)) from wrong
        with context.transaction() as session:
            write.insert_shards(session, context.org, scan.id, parts, hosts=hosts, not_looked_at=missed)
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


def _plan(context: JobContext, scan: write.Planned) -> tuple[Iterator[dict[str, Any]], int, list[str]]:
    """Return the parts of a scan, how many addresses it has, and in sentences what cannot be looked at."""
    with context.transaction() as session:
        scope, workers = scope_of(session, context.org), write.slots(session, Queue.SCANS)
    plan = planner.make(scan.request.targets, scan.request.ports, scope)
    names, missed = _resolve(context, plan.targets.names, scope)
    spans = tuple(merge((*plan.targets.spans, *(span(ip_address(address)) for address in names))))
    if not spans:
        raise GiveUp(" ".join(missed) or "There is nothing to look at.")
    whole = planner.Plan(planner.Targets(spans, ()), plan.groups)
    duration = read_settings(ScanSettings, "scans").shard_duration
    return _parts(shards(whole, duration=duration, free_workers=workers), names), whole.targets.size, missed


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
            },
            "totals": {str(group.group): planner.width(group.ports) * shard.size for group in shard.groups},
        }


def _resolve(context: JobContext, names: Sequence[str], scope: Scope) -> tuple[dict[str, str], list[str]]:
    """Return the addresses that names stand for, checked once more against the scope, and what cannot be looked at."""
    found: dict[str, str] = {}
    missed: list[str] = []
    for start in range(0, len(names), NAMES_AT_ONCE):
        asked = tuple(NameRequest(name=name, permitted=allowing.permitted(scope, name)) for name in names[start : start + NAMES_AT_ONCE])
        for answer in context.sandbox(resolve, ResolveRequest(names=asked)).names:
            kept, why = _checked(answer, scope)
            for address in kept:
                found.setdefault(address, answer.name)
            missed += why
    return found, missed


def _checked(answer: NameAnswer, scope: Scope) -> tuple[list[str], list[str]]:
    kept, missed = [], []
    for address in answer.addresses:
        refused = allowing.refusal(scope, address, answer.name)
        if refused is None:
            kept.append(str(allowing.unwrap(ip_address(address))))
        else:
            missed.append(f"{answer.name}: {refused}")
    if answer.refused:
        several = f" and {len(answer.refused) - 1} more addresses" if len(answer.refused) > 1 else ""
        missed.append(
            f"{answer.name} resolves to {answer.refused[0]}{several} outside this organisation's scope. "
            f"Add the name with `watchfloor scope add {answer.name}` if you may look at it."
        )
    elif answer.error:
        missed.append(f"{answer.name}: {answer.error}")
    return kept, missed


def settled(request: ScanRequest) -> ScanRequest:
    """Return the request with the operator's defaults where it names nothing, and below the operator's ceilings."""
    settings, given = read_settings(ScanSettings, "scans"), request.model_fields_set
    rates = [rate for rate in (request.max_rate, settings.max_rate) if rate is not None]
    return request.model_copy(
        update={
            "ports": request.ports if "ports" in given else settings.ports,
            "timeout": request.timeout if "timeout" in given else settings.timeout,
            "max_concurrent": min(request.max_concurrent, settings.max_concurrent),
            "max_rate": min(rates, default=None),
        }
    )


def new_seed() -> int:
    """Return what decides the order of a scan's probes."""
    return random.getrandbits(62)
