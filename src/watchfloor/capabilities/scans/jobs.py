"""The job kinds of a scan: plan it, look at one part of it, end it."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from ipaddress import ip_address, ip_network
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from pydantic import Field

from watchfloor.capabilities.scans.connect import probe, resolve
from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ranges import merge, span
from watchfloor.capabilities.scans.engine.sight import Sighting, sight
from watchfloor.capabilities.scans.queries import read, write
from watchfloor.capabilities.scans.schemas import (
    TARGETS_MAX,
    AddressRange,
    Limits,
    NameRequest,
    ProbeAnswers,
    ProbeHost,
    ProbeRequest,
    ResolveRequest,
    ScanRequest,
    ScanSummary,
    Scope,
    Shape,
    Stopped,
)
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel import clock
from watchfloor.kernel.assets.scope import allowed
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, GiveUp, InvalidInput, NotFound, OutsideError
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.cancel import cancel
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.schemas import NameAnswer
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

SHARDS_MAX = 2000
NAMES_AT_ONCE = 250
# A box of the profile for scans lives an hour; what is learned must be out of it before.
SHARD_TIMEOUT = timedelta(minutes=55)


class RunScan(ScanRequest):
    """A scan to run: one that was requested before (`scan_id`), or these targets."""

    targets: list[Annotated[str, Field(max_length=300)]] = Field(default=[], max_length=TARGETS_MAX)
    scan_id: UUID | None = None


class ScanPlanned(Shape):
    """Into how many parts a scan was cut; their jobs, and one that ends the scan, follow."""

    scan_id: UUID
    shards: int


class OneScan(Shape):
    """The scan a job works for."""

    scan_id: UUID


def submit_scan(ledger: Ledger, org: UUID, request: ScanRequest, *, actor: str) -> tuple[UUID, UUID]:
    """Request a scan in a transaction of its own; returns the ids of the scan and of its first job."""
    with ledger.database.transaction(org) as session:
        made = request_scan(ledger, session, org, request, actor=actor)
    ring(ledger)
    return made


def ring(ledger: Ledger) -> None:
    """Wake the dispatcher; call it after the commit of a requested scan."""
    ledger.doorbell.ring("wf_ready", Queue.SCANS)


def request_scan(ledger: Ledger, session: Session, org: UUID, request: ScanRequest, *, actor: str) -> tuple[UUID, UUID]:
    """Check a request, keep it and enqueue its first job in the caller's transaction; returns the ids of scan and job.

    Raises:
        InvalidInput: A target or port is malformed, or there are too many.
        OutOfScope: An address or network is not wholly inside the organisation's scope. Names are checked when they are resolved.
    """
    asked = settled(request)
    planner.make(asked.targets, asked.ports, scope_of(session, org))
    scan = new_id()
    write.insert_scan(session, org, scan, asked, seed=_seed(), actor=actor)
    made = enqueue(ledger, session, org, run_scan, RunScan(scan_id=scan), Options(id=scan, actor=actor))
    said = ", ".join(asked.targets[:5]) + (f" and {len(asked.targets) - 5} more" if len(asked.targets) > 5 else "")  # noqa: PLR2004 - a line has room for five
    record(session, org, actor=actor, operation="scan.request", object=str(scan), reason=said)
    return scan, made.id


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


def scope_of(session: Session, org: UUID) -> Scope:
    """Return what the organisation allows to be looked at now."""
    networks, domains = [], []
    for target in allowed(session, org):
        try:
            networks.append(str(ip_network(target)))
        except ValueError:
            domains.append(target)
    return Scope(networks=tuple(networks), domains=tuple(domains))


def _seed() -> int:
    return random.getrandbits(62)


def cancel_scan(ledger: Ledger, org: UUID, scan: UUID, *, actor: str) -> None:
    """Stop a scan and all its jobs; what it learned so far stays.

    Raises:
        NotFound: There is none of this id.
        Conflict: It has ended already.
    """
    with ledger.database.transaction(org) as session:
        found = write.find_planned(session, org, scan)
        if found is None:
            raise NotFound(f"there is no scan {scan}; `watchfloor scans list` shows those there are")
        if not write.end_scan(session, org, scan, state="cancelled"):
            raise Conflict(f"scan {scan} has ended already ({found.state}); there is nothing to cancel")
        record(session, org, actor=actor, operation="scan.cancel", object=str(scan))
        emit(session, org, "scans.cancelled", data={"scan": str(scan)}, job=found.job)
        batches = write.batches_of(session, org, found.job) if found.job else []
    cancel(ledger, org, [found.job] if found.job else [], actor=actor)
    for batch in batches:
        cancel(ledger, org, [], actor=actor, batch=batch)


@job("scans.finish", OneScan, queue=Queue.SCANS, timeout=timedelta(minutes=10), attempts=10, first_delay=timedelta(seconds=2))
def finish_scan(context: JobContext, request: OneScan) -> ScanSummary:
    """End a scan when all its parts have ended, however they did: count, say what was not looked at, tell the others."""
    with context.transaction() as session:
        ending = write.close_shards(session, context.org, request.scan_id)
        found = read.by_severity(session, context.org, request.scan_id)
        view = read.get_scan(session, context.org, request.scan_id)
        missed = _missed(ending)
        notes = sorted({note for summary, _error, _ports in ending.shards for note in summary.notes})
        state = "incomplete" if missed or view.not_looked_at else "finished"
        if write.end_scan(session, context.org, request.scan_id, state=state, not_looked_at=missed, notes=notes):
            data = {"scan": str(request.scan_id), "state": state, "findings": {str(severity): count for severity, count in found.items()}}
            worst = max(found, key=lambda severity: severity.rank, default=Severity.INFO)
            emit(session, context.org, "scans.finished", severity=worst, data=data, job=context.job_id)
    return _summary(ending, found, tuple(notes))


def _missed(ending: write.Ending) -> list[str]:
    """Say in sentences what the parts did not look at."""
    given_up: Counter[str] = Counter()
    for _summary, error, ports in ending.shards:
        if error is not None:
            given_up[error] += ports
    skipped = sum(summary.skipped for summary, _error, _ports in ending.shards)
    said = [f"{_ports(count)} not looked at, because a part of the scan was given up: {error}" for error, count in sorted(given_up.items())]
    if skipped:
        said.append(f"{_ports(skipped)} not looked at, because time ran out or the scope changed meanwhile.")
    return said


def _ports(count: int) -> str:
    return "1 port was" if count == 1 else f"{count:,} ports were"


def _summary(ending: write.Ending, found: dict[Severity, int], notes: tuple[str, ...]) -> ScanSummary:
    parts = [summary for summary, _error, _ports in ending.shards]
    return ScanSummary(
        hosts=max((part.hosts for part in parts), default=0), open=sum(part.open for part in parts), services=sum(part.services for part in parts),
        problems=sum(found.values()), by_severity=found, probes=sum(part.probes for part in parts),
        skipped=sum(part.skipped for part in parts) + sum(ports for _summary, error, ports in ending.shards if error is not None),
        elapsed=sum((part.elapsed for part in parts), timedelta(0)), notes=notes[:20],
        stopped=Stopped.TIMEOUT if any(part.stopped for part in parts) else None,
    )  # fmt: skip


@job("scans.shard", OneScan, queue=Queue.SCANS, timeout=timedelta(hours=1), attempts=3, first_delay=timedelta(seconds=2))
def scan_shard(context: JobContext, request: OneScan) -> ScanSummary:
    """Look at one part of a scan, the most important one that nobody has: connect, identify services, record findings."""
    with context.transaction() as session:
        taken = write.take_shard(session, context.org, request.scan_id, context.job_id)
        scope = scope_of(session, context.org)
        at_once = min(taken.shards, write.slots(session, Queue.SCANS)) if taken else 1
    if taken is None:
        return ScanSummary()
    asked, reason = _asked(taken, scope, at_once)
    if asked is None:
        with context.transaction() as session:
            write.abandon(session, context.org, taken, reason)
        return ScanSummary(skipped=sum(taken.part.totals.values()), notes=(reason,))
    try:
        answers = context.sandbox(probe, asked)
    except OutsideError as wrong:
        raise GiveUp(str(wrong)) from wrong
    sightings = _sightings(answers, taken.part, clock.now())
    summary = _counted(answers, sightings, taken.part, left_out=len(taken.part.hosts) - len(asked.hosts))
    with context.transaction() as session:
        write.save_shard(session, context.org, taken, context.job_id, sightings, summary, actor=context.actor)
    return summary


def _asked(taken: write.Taken, scope: Scope, at_once: int) -> tuple[ProbeRequest | None, str]:
    """Return what the sandbox shall look at under the scope as it is now, or the reason why nothing may be."""
    left = taken.ends_at - taken.now
    if left <= timedelta(0):
        return None, "the scan's time limit was used up before this part began"
    hosts = tuple(host for host in taken.part.hosts if allowing.refusal(scope, host.address, host.name) is None)
    if not hosts:
        return None, "the scope does not allow these addresses any more"
    request, settings = taken.scan.request, read_settings(ScanSettings, "scans")
    limits = Limits(
        timeout=min(left, SHARD_TIMEOUT), max_concurrent=request.max_concurrent, services=request.services, looks_at_once=settings.looks_at_once,
        max_rate=max(1, request.max_rate // at_once) if request.max_rate else None, user_agent=settings.user_agent,
    )  # fmt: skip
    permitted = _ranges(host.address for host in hosts)
    return ProbeRequest(hosts=hosts, groups=taken.part.groups, permitted=permitted, limits=limits, seed=taken.scan.seed + taken.part.n), ""


def _ranges(addresses: Iterator[str]) -> tuple[AddressRange, ...]:
    """Return exactly these addresses as ranges: the box may contact nothing else."""
    merged = merge(span(ip_address(address)) for address in addresses)
    return tuple(AddressRange(first=str(one.at(0)), last=str(one.at(one.size - 1))) for one in merged)


def _sightings(answers: ProbeAnswers, part: write.Part, today: datetime) -> list[Sighting]:
    seen = (sight(answer, part.groups, today) for answer in answers.hosts)
    # One order for all shards, so that their transactions do not wait for each other in a circle.
    return sorted((one for one in seen if one is not None), key=lambda one: one.address)


def _counted(answers: ProbeAnswers, sightings: Sequence[Sighting], part: write.Part, *, left_out: int) -> ScanSummary:
    tallies = [tally for host in answers.hosts for tally in host.tallies.values()]
    asked = sum(part.totals.values()) // max(1, len(part.hosts)) * len(answers.hosts)
    settled_ports = sum(tally.open + tally.closed + tally.filtered + tally.unreachable for tally in tallies)
    unlisted = sum(one.unlisted for one in sightings)
    notes = list(answers.notes)
    if unlisted:
        notes.append(f"{unlisted:,} open ports are counted but not listed: a host that accepts every port is usually a proxy or a tarpit.")
    problems = [problem for one in sightings for problem in one.problems]
    return ScanSummary(
        hosts=len(answers.hosts), open=sum(tally.open for tally in tallies), services=sum(len(one.services) for one in sightings),
        problems=len(problems), by_severity=dict(Counter(problem.severity for problem in problems)), probes=answers.probes,
        skipped=asked - settled_ports + left_out * sum(planner.width(group.ports) for group in part.groups), elapsed=answers.elapsed,
        stopped=answers.stopped, notes=tuple(notes),
    )  # fmt: skip


@job("scans.run", RunScan, queue=Queue.SCANS, timeout=timedelta(minutes=30), attempts=3, first_delay=timedelta(seconds=2))
def run_scan(context: JobContext, request: RunScan) -> ScanPlanned:
    """Find which services targets expose: resolve names, check the scope, cut the work into parts that all workers share."""
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
        shards = write.count_shards(session, context.org, scan.id)
    if now is None or now.state != "running":
        return ScanPlanned(scan_id=scan.id, shards=0)
    one = OneScan(scan_id=scan.id)
    batch = context.fan_out("shards", [(scan_shard, one)] * shards, callback=(finish_scan, one))
    with context.transaction() as session:
        write.keep_finish_job(session, context.org, scan.id, batch)
    return ScanPlanned(scan_id=scan.id, shards=shards)


def _begin(context: JobContext, request: RunScan) -> write.Planned:
    """Return this job's own scan; a job that was made without one, or repeats an ended one, gets a new one."""
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
            asked = before.request
        seed = _seed()
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


def _plan(context: JobContext, scan: write.Planned) -> tuple[list[dict[str, Any]], int, list[str]]:
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
    cut = _joined(list(planner.shards(whole, duration=duration, free_workers=workers)))
    return [_part(shard, names) for shard in cut], whole.targets.size, missed


def _joined(shards: list[planner.Shard]) -> list[planner.Shard]:
    """Join neighbours of one group so that a very wide scan stays within what one batch takes."""
    size = -(-len(shards) // SHARDS_MAX)
    if size <= 1:
        return shards
    joined = []
    for groups, held in groupby(shards, key=lambda shard: shard.groups):
        members = list(held)
        for start in range(0, len(members), size):
            spans = [one for shard in members[start : start + size] for one in shard.spans]
            joined.append(planner.Shard(tuple(spans), groups))
    return joined


def _part(shard: planner.Shard, names: dict[str, str]) -> dict[str, Any]:
    hosts = [ProbeHost(address=address, name=names.get(address, "")) for address in shard.addresses()]
    return {
        "request": {
            "hosts": [host.model_dump(exclude_defaults=True) for host in hosts],
            "groups": [group.model_dump(mode="json") for group in shard.groups],
        },
        "totals": {str(group.group): planner.width(group.ports) * len(hosts) for group in shard.groups},
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
