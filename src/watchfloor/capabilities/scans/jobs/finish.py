"""End a scan: count, say what was not looked at, tell the others."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.queries import difference, read, write
from watchfloor.capabilities.scans.schemas import (
    OneScan,
    ScanSummary,
    Stopped,
)
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


@job("scans.finish", OneScan, queue=Queue.SCANS, timeout=timedelta(minutes=10), attempts=10, first_delay=timedelta(seconds=2))
def finish_scan(context: JobContext, request: OneScan) -> ScanSummary:
    """End a scan when all its parts have ended, however they did: count, say what was not looked at, tell the others."""
    with context.transaction() as session:
        if not write.all_ended(session, context.org, request.scan_id):
            return ScanSummary(notes=("Other parts of this scan are still under way; the last of them ends it.",))
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
            difference.announce(session, context.org, request.scan_id, job=context.job_id)
    return _summary(ending, found, tuple(notes))


def _missed(ending: write.Ending) -> list[str]:
    """Say in sentences what the parts did not look at."""
    given_up: Counter[str] = Counter()
    skipped = 0
    for summary, error, ports in ending.shards:
        if error is None:
            skipped += summary.skipped
        else:
            given_up[error] += _left(summary, ports)
    said = [f"{_ports(count)} not looked at, because a part of the scan was given up: {error}" for error, count in sorted(given_up.items())]
    if skipped:
        said.append(f"{_ports(skipped)} not looked at, because time ran out or the scope changed meanwhile.")
    return said


def _left(summary: ScanSummary, ports: int) -> int:
    """Return how many ports of a part that was given up nobody looked at: all, or what its last resume point says."""
    return summary.skipped if summary.hosts else ports


def _ports(count: int) -> str:
    return "1 port was" if count == 1 else f"{count:,} ports were"


def _summary(ending: write.Ending, found: dict[Severity, int], notes: tuple[str, ...]) -> ScanSummary:
    parts = [summary for summary, _error, _ports in ending.shards]
    return ScanSummary(
        hosts=max((part.hosts for part in parts), default=0), open=sum(part.open for part in parts), services=sum(part.services for part in parts),
        problems=sum(found.values()), by_severity=found, probes=sum(part.probes for part in parts),
        skipped=sum(part.skipped if error is None else _left(part, ports) for part, error, ports in ending.shards),
        elapsed=sum((part.elapsed for part in parts), timedelta(0)), notes=notes[:20],
        stopped=Stopped.TIMEOUT if any(part.stopped for part in parts) else None,
    )  # fmt: skip
