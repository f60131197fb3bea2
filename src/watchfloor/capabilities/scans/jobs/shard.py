"""Look at one part of a scan."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import probe
from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ranges import merge, span
from watchfloor.capabilities.scans.engine.timing import TIMINGS
from watchfloor.capabilities.scans.jobs import ways
from watchfloor.capabilities.scans.jobs.notebook import Notebook
from watchfloor.capabilities.scans.jobs.refusal import write_down_all
from watchfloor.capabilities.scans.jobs.share import Share
from watchfloor.capabilities.scans.queries import write
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.capabilities.scans.schemas import (
    AddressRange,
    Limits,
    OneScan,
    ProbeHost,
    ProbeRequest,
    Rates,
    ScanSummary,
    Scope,
)
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel import clock
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp, OutOfScope, OutsideError
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.contract import JobContext


# A box of the profile for scans lives an hour; what is learned must be out of it before.
SHARD_TIMEOUT = timedelta(minutes=55)
KEEP_EVERY = timedelta(seconds=2)


@job("scans.shard", OneScan, queue=Queue.SCANS, timeout=timedelta(hours=1), attempts=3, first_delay=timedelta(seconds=2))
def scan_shard(context: JobContext, request: OneScan) -> ScanSummary:
    """Look at one part of a scan, the most important one that nobody has: connect, identify services, record findings."""
    with context.transaction() as session:
        taken = write.take_shard(session, context.org, request.scan_id, context.job_id)
        scope = scope_of(session, context.org)
    if taken is None:
        return ScanSummary()
    refused = _refused(taken.part, scope)
    write_down_all(context, refused.items())
    hosts = tuple(host for host in taken.part.hosts if host.address not in refused)
    deadline = clock.monotonic() + (taken.ends_at - taken.now).total_seconds()
    share = Share(context, taken)
    if not hosts:
        return _give_up(context, taken, "the scope does not allow these addresses any more")
    if not share.wait_for_first(deadline):
        return _give_up(context, taken, "the scan's time limit was used up before this part began")
    notebook = Notebook(context, taken, left_out=len(refused), share=share)
    asked = _asked(taken, scope, hosts, timedelta(seconds=deadline - clock.monotonic()), share.rates())
    if ways.another(taken):
        return ways.look(context, taken, asked)
    try:
        answers = context.sandbox(probe, asked, keep=notebook.keep)
    except OutsideError as wrong:
        if isinstance(wrong, OutOfScope):
            write_down_all(context, [(wrong.target or "a part of the scan", str(wrong))])
        raise GiveUp(str(wrong)) from wrong
    return notebook.finish(answers)


def _give_up(context: JobContext, taken: write.Taken, reason: str) -> ScanSummary:
    """Give a part up before anything was sent in this attempt; what earlier ones learned stays."""
    with context.transaction() as session:
        write.abandon(session, context.org, taken, reason)
    return ScanSummary(skipped=sum(taken.part.totals.values()), notes=(reason,))


def _refused(part: write.Part, scope: Scope) -> dict[str, str]:
    """Return the pinned addresses that the scope, as it is now, does not allow on this part's ports any more, each with the reason."""
    ports = (*(one for group in part.groups for one in group.ports), *part.udp)
    found = ((host.address, allowing.refusal(scope, host.address, host.name, ports)) for host in part.hosts)
    return {address: why for address, why in found if why is not None}


def _asked(taken: write.Taken, scope: Scope, hosts: tuple[ProbeHost, ...], left: timedelta, rates: Rates) -> ProbeRequest:
    """Return what the sandbox shall look at under the scope as it is now, going on where the last attempt stood."""
    request, settings = taken.scan.request, read_settings(ScanSettings, "scans")
    timing = TIMINGS[request.profile]
    limits = Limits(
        timeout=min(left, SHARD_TIMEOUT), max_concurrent=request.max_concurrent, services=request.services, tries=timing.tries,
        looks_at_once=min(settings.looks_at_once, timing.looks_at_once), window_max=timing.window_max, user_agent=settings.user_agent,
        checks=tuple(request.checks),
        # The other ways know one rate for all; our own takes `rates`.
        max_rate=max(1, int(rates.total or 0)) if request.max_rate else None,
    )  # fmt: skip
    resume = taken.resume
    if resume is not None:
        allowed = {host.address for host in hosts}
        resume = resume.model_copy(update={"hosts": tuple(answer for answer in resume.hosts if answer.address in allowed)})
    return ProbeRequest(
        hosts=hosts, groups=taken.part.groups, permitted=_ranges(host.address for host in hosts), control=scope.control, limits=limits,
        seed=taken.scan.seed + taken.part.n, rates=rates, keep_every=KEEP_EVERY, resume=resume,
    )  # fmt: skip


def _ranges(addresses: Iterator[str]) -> tuple[AddressRange, ...]:
    """Return exactly these addresses as ranges: the box may contact nothing else."""
    merged = merge(span(ip_address(address)) for address in addresses)
    return tuple(AddressRange(first=str(one.at(0)), last=str(one.at(one.size - 1))) for one in merged)
