"""Request and cancel scans, for the doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.jobs.run import RunScan, new_seed, run_scan, settled
from watchfloor.capabilities.scans.queries import ending, write
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, NotFound
from watchfloor.kernel.jobs.cancel import cancel
from watchfloor.kernel.jobs.enqueue import Options, enqueue

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.schemas import ScanRequest
    from watchfloor.kernel.jobs.ledger import Ledger


def submit_scan(ledger: Ledger, org: UUID, request: ScanRequest, *, actor: str) -> tuple[UUID, UUID]:
    """Request a scan in a transaction of its own; returns the ids of the scan and of its first job."""
    with ledger.database.transaction(org) as session:
        made = request_scan(ledger, session, org, request, actor=actor)
    ring(ledger)
    return made


def draft_scan(session: Session, org: UUID, request: ScanRequest, *, actor: str) -> UUID:
    """Check a request and keep it without starting it; returns the scan's id. Raises what `request_scan` raises."""
    asked = _checked(session, org, request)
    scan = new_id()
    write.insert_scan(session, org, scan, asked, seed=new_seed(), actor=actor, state="draft")
    record(session, org, actor=actor, operation="scan.draft", object=str(scan), reason=_said(asked))
    return scan


def start_scan(ledger: Ledger, session: Session, org: UUID, scan: UUID, *, actor: str) -> tuple[UUID, UUID]:
    """Start a draft, or look again at what an ended scan looked at; returns the ids of the scan that runs and of its first job.

    A draft starts under its own id. An ended scan stays as it is, for comparison: looking again is a new scan.

    Raises:
        NotFound: There is none of this id.
        Conflict: It waits or runs.
        OutOfScope: The scope does not allow its targets any more.
    """
    found = write.find_planned(session, org, scan)
    if found is None:
        raise NotFound(f"there is no scan {scan}; `watchfloor scans list` shows those there are")
    if found.state in {"planned", "running"}:
        raise Conflict(f"scan {scan} is {found.state} already; cancel it first, or wait for its end")
    if found.state != "draft":
        return request_scan(ledger, session, org, found.request, actor=actor)
    _checked(session, org, found.request)
    write.begin_draft(session, org, scan, job=scan)
    made = enqueue(ledger, session, org, run_scan, RunScan(scan_id=scan), Options(id=scan, actor=actor))
    record(session, org, actor=actor, operation="scan.start", object=str(scan))
    return scan, made.id


def ring(ledger: Ledger) -> None:
    """Wake the dispatcher; call it after the commit of a requested scan."""
    ledger.doorbell.ring("wf_ready", Queue.SCANS)


def request_scan(ledger: Ledger, session: Session, org: UUID, request: ScanRequest, *, actor: str) -> tuple[UUID, UUID]:
    """Check a request, keep it and enqueue its first job in the caller's transaction; returns the ids of scan and job.

    Raises:
        InvalidInput: A target or port is malformed, or there are too many.
        OutOfScope: An address or network is not wholly inside the organisation's scope. Names are checked when they are resolved.
    """
    asked = _checked(session, org, request)
    scan = new_id()
    write.insert_scan(session, org, scan, asked, seed=new_seed(), actor=actor)
    made = enqueue(ledger, session, org, run_scan, RunScan(scan_id=scan), Options(id=scan, actor=actor))
    record(session, org, actor=actor, operation="scan.request", object=str(scan), reason=_said(asked))
    return scan, made.id


def _checked(session: Session, org: UUID, request: ScanRequest) -> ScanRequest:
    asked = settled(request)
    planner.make(asked.targets, asked.ports, scope_of(session, org))
    return asked


def _said(asked: ScanRequest) -> str:
    return ", ".join(asked.targets[:5]) + (f" and {len(asked.targets) - 5} more" if len(asked.targets) > 5 else "")  # noqa: PLR2004 - a line has room for five


def stop_scan(ledger: Ledger, org: UUID, scan: UUID, *, actor: str) -> None:
    """Stop a scan and all its jobs; what it learned so far stays.

    Raises:
        NotFound: There is none of this id.
        Conflict: It has ended already.
    """
    with ledger.database.transaction(org) as session:
        jobs, batches = ending.stop(session, org, scan, actor=actor)
    cancel(ledger, org, jobs, actor=actor)
    for batch in batches:
        cancel(ledger, org, [], actor=actor, batch=batch)
