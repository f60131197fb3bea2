"""Look at one part of a scan."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import probe
from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ranges import merge, span
from watchfloor.capabilities.scans.engine.sight import Sighting, sight
from watchfloor.capabilities.scans.engine.timing import TIMINGS
from watchfloor.capabilities.scans.jobs import ways
from watchfloor.capabilities.scans.jobs.refusal import write_down_all
from watchfloor.capabilities.scans.queries import write
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.capabilities.scans.schemas import (
    AddressRange,
    Limits,
    OneScan,
    ProbeAnswers,
    ProbeRequest,
    ScanSummary,
    Scope,
)
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel import clock
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp, OutOfScope, OutsideError
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from datetime import datetime

    from watchfloor.kernel.contract import JobContext


# A box of the profile for scans lives an hour; what is learned must be out of it before.
SHARD_TIMEOUT = timedelta(minutes=55)


@job("scans.shard", OneScan, queue=Queue.SCANS, timeout=timedelta(hours=1), attempts=3, first_delay=timedelta(seconds=2))
def scan_shard(context: JobContext, request: OneScan) -> ScanSummary:
    """Look at one part of a scan, the most important one that nobody has: connect, identify services, record findings."""
    with context.transaction() as session:
        taken = write.take_shard(session, context.org, request.scan_id, context.job_id)
        scope = scope_of(session, context.org)
        at_once = min(taken.shards, write.slots(session, Queue.SCANS)) if taken else 1
    if taken is None:
        return ScanSummary()
    refused = _refused(taken.part, scope)
    write_down_all(context, refused.items())
    asked, reason = _asked(taken, scope, at_once, refused)
    if asked is None:
        with context.transaction() as session:
            write.abandon(session, context.org, taken, reason)
        return ScanSummary(skipped=sum(taken.part.totals.values()), notes=(reason,))
    if ways.another(taken):
        return ways.look(context, taken, asked)
    try:
        answers = context.sandbox(probe, asked)
    except OutsideError as wrong:
        if isinstance(wrong, OutOfScope):
            write_down_all(context, [(wrong.target or "a part of the scan", str(wrong))])
        raise GiveUp(str(wrong)) from wrong
    sightings = _sightings(answers, taken.part, clock.now())
    summary = _counted(answers, sightings, taken.part, left_out=taken.part.size - len(asked.hosts))
    with context.transaction() as session:
        write.save_shard(session, context.org, taken, context.job_id, sightings, summary, actor=context.actor)
    return summary


def _refused(part: write.Part, scope: Scope) -> dict[str, str]:
    """Return the pinned addresses that the scope, as it is now, does not allow on this part's ports any more, each with the reason."""
    ports = (*(one for group in part.groups for one in group.ports), *part.udp)
    found = ((host.address, allowing.refusal(scope, host.address, host.name, ports)) for host in part.hosts)
    return {address: why for address, why in found if why is not None}


def _asked(taken: write.Taken, scope: Scope, at_once: int, refused: Container[str]) -> tuple[ProbeRequest | None, str]:
    """Return what the sandbox shall look at under the scope as it is now, or the reason why nothing may be."""
    left = taken.ends_at - taken.now
    if left <= timedelta(0):
        return None, "the scan's time limit was used up before this part began"
    hosts = tuple(host for host in taken.part.hosts if host.address not in refused)
    if not hosts:
        return None, "the scope does not allow these addresses any more"
    request, settings = taken.scan.request, read_settings(ScanSettings, "scans")
    timing = TIMINGS[request.profile]
    limits = Limits(
        timeout=min(left, SHARD_TIMEOUT), max_concurrent=request.max_concurrent, services=request.services, tries=timing.tries,
        looks_at_once=min(settings.looks_at_once, timing.looks_at_once), window_max=timing.window_max,
        max_rate=max(1, request.max_rate // at_once) if request.max_rate else None, user_agent=settings.user_agent,
    )  # fmt: skip
    permitted = _ranges(host.address for host in hosts)
    seed = taken.scan.seed + taken.part.n
    return ProbeRequest(hosts=hosts, groups=taken.part.groups, permitted=permitted, control=scope.control, limits=limits, seed=seed), ""


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
    asked = sum(part.totals.values()) // part.size * len(answers.hosts)
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
