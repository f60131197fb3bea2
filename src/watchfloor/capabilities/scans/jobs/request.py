"""Request and cancel scans, for the doors."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.engine.estimate import estimate
from watchfloor.capabilities.scans.jobs.refusal import demand_confirmed, is_wide, summary, write_down
from watchfloor.capabilities.scans.jobs.run import RunScan, new_seed, plan_of, run_scan, settled
from watchfloor.capabilities.scans.queries import ending, write
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.capabilities.scans.schemas import Engine
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound, OutOfScope, Unconfirmed
from watchfloor.kernel.jobs.cancel import cancel
from watchfloor.kernel.jobs.enqueue import Options, enqueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.schemas import ScanEstimate, ScanRequest
    from watchfloor.kernel.jobs.ledger import Ledger

NOTES_MAX = 20


def submit_scan(ledger: Ledger, org: UUID, request: ScanRequest, *, actor: str) -> tuple[UUID, UUID]:
    """Request a scan in a transaction of its own; returns the ids of the scan and of its first job."""
    with ledger.database.transaction(org) as session:
        made = request_scan(ledger, session, org, request, actor=actor)
    ring(ledger)
    return made


def draft_scan(ledger: Ledger, session: Session, org: UUID, request: ScanRequest, *, actor: str) -> UUID:
    """Check a request and keep it without starting it; returns the scan's id. Raises what `request_scan` raises, except Unconfirmed."""
    asked = settled(request)
    with _refusals_kept(ledger, org, asked, actor=actor):
        _estimate(session, org, asked)
    scan = new_id()
    write.insert_scan(session, org, scan, asked, seed=new_seed(), actor=actor, state="draft")
    record(session, org, actor=actor, operation="scan.draft", object=str(scan), reason=summary(asked))
    return scan


def start_scan(ledger: Ledger, session: Session, org: UUID, scan: UUID, *, actor: str, approver: bool = False) -> tuple[UUID, UUID]:
    """Start a draft, or look again at what an ended scan looked at; returns the ids of the scan that runs and of its first job.

    A draft starts under its own id. An ended scan stays as it is, for comparison: looking again is a new scan.

    Raises:
        NotFound: There is none of this id.
        Conflict: It waits or runs.
        OutOfScope: The scope does not allow its targets any more.
        Unconfirmed: It is wide and nobody said that it is meant.
    """
    found = write.find_planned(session, org, scan)
    if found is None:
        raise NotFound(f"there is no scan {scan}; `watchfloor scans list` shows those there are")
    if found.state in {"planned", "running"}:
        raise Conflict(f"scan {scan} is {found.state} already; cancel it first, or wait for its end")
    if found.request.engine is Engine.IMPORT:
        raise Conflict(f"scan {scan} is from a file; import a newer one with `watchfloor scans import`, or scan its targets yourself")
    if found.state != "draft":
        return request_scan(ledger, session, org, found.request, actor=actor, approver=approver)
    meant = _meant(ledger, session, org, found.request, actor=actor, approver=approver)
    write.begin_draft(session, org, scan, job=scan, confirmed=meant.confirmed)
    made = enqueue(ledger, session, org, run_scan, RunScan(scan_id=scan), Options(id=scan, actor=actor))
    record(session, org, actor=actor, operation="scan.start", object=str(scan))
    return scan, made.id


def ring(ledger: Ledger) -> None:
    """Wake the dispatcher; call it after the commit of a requested scan."""
    ledger.doorbell.ring("wf_ready", Queue.SCANS)


def request_scan(
    ledger: Ledger, session: Session, org: UUID, request: ScanRequest, *, actor: str, approver: bool = False
) -> tuple[UUID, UUID]:
    """Check a request, keep it and enqueue its first job in the caller's transaction; returns the ids of scan and job.

    A refusal is written down in a transaction of its own, so it stays when the caller's is rolled back.

    Args:
        ledger: Where jobs go.
        session: The caller's transaction.
        org: Whose scan it is.
        request: What to look at.
        actor: Who asks.
        approver: The actor may approve scopes, so a wide scan needs no further word.

    Raises:
        InvalidInput: A target or port is malformed, or there are too many.
        OutOfScope: An address or network is not wholly inside the organisation's scope. Names are checked when they are resolved.
        Unconfirmed: The scan is wide and nobody said that it is meant.
    """
    asked = _meant(ledger, session, org, request, actor=actor, approver=approver)
    scan = new_id()
    write.insert_scan(session, org, scan, asked, seed=new_seed(), actor=actor)
    made = enqueue(ledger, session, org, run_scan, RunScan(scan_id=scan), Options(id=scan, actor=actor))
    record(session, org, actor=actor, operation="scan.request", object=str(scan), reason=summary(asked))
    return scan, made.id


def _meant(ledger: Ledger, session: Session, org: UUID, request: ScanRequest, *, actor: str, approver: bool) -> ScanRequest:
    """Return the request as it will run: allowed, and where it is wide, confirmed."""
    if request.engine is Engine.IMPORT:
        raise InvalidInput("An import is made from a file: `watchfloor scans import FILE`.", field="/engine")
    asked = settled(request)
    confirmed = asked.confirmed or approver
    with _refusals_kept(ledger, org, asked, actor=actor):
        demand_confirmed(_estimate(session, org, asked), confirmed=confirmed)
    return asked.model_copy(update={"confirmed": confirmed})


def estimate_scan(ledger: Ledger, session: Session, org: UUID, request: ScanRequest, *, actor: str) -> ScanEstimate:
    """Return how big a scan would be; checks it as `request_scan` does and sends nothing."""
    asked = settled(request)
    with _refusals_kept(ledger, org, asked, actor=actor):
        found = _estimate(session, org, asked)
    return found.model_copy(update={"needs_confirmation": is_wide(found)})


@contextmanager
def _refusals_kept(ledger: Ledger, org: UUID, request: ScanRequest, *, actor: str) -> Iterator[None]:
    try:
        yield
    except (InvalidInput, OutOfScope, Unconfirmed) as wrong:
        write_down(ledger, org, request, wrong, actor=actor)
        raise


def _estimate(session: Session, org: UUID, request: ScanRequest) -> ScanEstimate:
    """Plan a scan as far as that goes without asking name servers."""
    scope = scope_of(session, org)
    plan = plan_of(session, org, request, scope)
    parts, notes = planner.apart(plan, scope.control)
    notes += [f"{one.target} has the tag and is left out: {one}" for one in plan.refused]
    found = estimate(parts, names=len(plan.targets.names), max_rate=request.max_rate, slots=write.slots(session, Queue.SCANS))
    return found.model_copy(update={"notes": tuple(notes[:NOTES_MAX])})


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
