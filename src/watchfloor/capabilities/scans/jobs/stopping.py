"""Cancel a scan, as a job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from watchfloor.capabilities.scans.jobs.starting import LIMITS
from watchfloor.capabilities.scans.queries import ending
from watchfloor.capabilities.scans.schemas import OneScan, Shape
from watchfloor.kernel.contract import job
from watchfloor.kernel.errors import Conflict, GiveUp, NotFound

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


class ScanStopped(Shape):
    """The scan that was stopped; `note` says so when there was nothing to stop."""

    scan_id: UUID
    status: str
    note: str = ""


@job("scans.cancel_scan", OneScan, **LIMITS)
def cancel_scan(context: JobContext, request: OneScan) -> ScanStopped:
    """Stop a scan and all its jobs; what it learned so far stays. One that has ended already is left as it is."""
    note = ""
    try:
        with context.transaction() as session:
            ending.stop(session, context.org, request.scan_id, actor=context.actor)
    except NotFound as error:
        raise GiveUp(str(error)) from error
    except Conflict as error:
        note = str(error)
    with context.transaction() as session:
        state, jobs, batches = ending.work_of(session, context.org, request.scan_id)
    if state == "cancelled":  # by this attempt, or by one that died before it could stop the jobs
        context.cancel(jobs)
        for batch in batches:
            context.cancel([], batch=batch)
    return ScanStopped(scan_id=request.scan_id, status=state, note=note)
