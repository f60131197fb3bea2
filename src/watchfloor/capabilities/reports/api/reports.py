"""REST: ask for reports, list, show, hold, delete and verify them."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from watchfloor.capabilities.reports.jobs import cleanup_old_reports, copies, generate_multiple_reports, verify_report
from watchfloor.capabilities.reports.jobs.cleaning import delete_file
from watchfloor.capabilities.reports.jobs.keeping import is_kept
from watchfloor.capabilities.reports.jobs.making import signed
from watchfloor.capabilities.reports.jobs.subjects import accepting
from watchfloor.capabilities.reports.jobs.wishes import refuse_formats, wanted
from watchfloor.capabilities.reports.queries import ending, reports
from watchfloor.capabilities.reports.schemas.manage import FileHash, Hold, ReportAccepted, ReportRequest, ScanReportRequest
from watchfloor.capabilities.reports.schemas.requests import DAYS_MAX, CleanupReports, GenerateReports, VerifyReport
from watchfloor.capabilities.reports.schemas.views import ReportView
from watchfloor.capabilities.reports.settings import ReportSettings
from watchfloor.kernel.artifacts import links
from watchfloor.kernel.artifacts.answer import RANGES, answer
from watchfloor.kernel.artifacts.queries import get_stored
from watchfloor.kernel.artifacts.schemas import LinkAsked, LinkMade
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.errors import Conflict, Gone
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.artifacts.models import Artifact
    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter(tags=["reports"])
scan_routes = APIRouter(tags=["reports"])


@routes.post("", status_code=202, response_model=ReportAccepted)
def create_report(caller: Caller, body: ReportRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask for reports of one snapshot. The job's result (GET /api/v1/jobs/{job}/result) names each, ready or failed."""
    return _asked(caller, body.job(), idempotency_key)


@scan_routes.post("/api/v1/scans/{scan}/reports", status_code=202, response_model=ReportAccepted)
def create_scan_report(caller: Caller, scan: UUID, body: ScanReportRequest, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask for reports about one scan."""
    return _asked(caller, GenerateReports(scan_id=scan, **body.model_dump(exclude_unset=True)), idempotency_key)


def _asked(caller: Call, request: GenerateReports, key: str | None) -> Response:
    with caller.transaction() as session:  # what can be refused is refused before there is any row
        chosen = wanted(session, caller.org, request, read_settings(ReportSettings, "reports"), caller.sections)
        refuse_formats(chosen.formats, chosen.options)
        accepting(session, caller.org, request.scope_of(request.scan_id), caller.sections)
    return _accepted(caller, generate_multiple_reports, request, key)


def _accepted(caller: Call, kind: JobKind[Any, Any], request: BaseModel, key: str | None) -> Response:
    def act(session: Session) -> ReportAccepted:
        return ReportAccepted(job=enqueue(caller.ledger, session, caller.org, kind, request, Options(actor=caller.name)).id)

    answer = caller.once(key, request, act, after=lambda: caller.ledger.doorbell.ring("wf_ready", kind.queue))
    answer.headers["Location"] = f"/api/v1/jobs/{ReportAccepted.model_validate_json(bytes(answer.body)).job}"
    return answer


@routes.get("")
def list_reports(
    caller: Caller, scan: UUID | None = None, format: str | None = None, state: str | None = None,  # noqa: A002 - the parameter's name
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None,
) -> Page[ReportView]:  # fmt: skip
    """List reports, newest first. `format` and `state` take words joined by commas; deleted ones are listed when asked for."""
    with caller.transaction() as session:
        return reports.list_reports(session, caller.org, scan=scan, format_=format, state=state, limit=limit, after=after)


@routes.post("/cleanup", status_code=202, response_model=ReportAccepted)
def cleanup_reports(
    caller: Caller,
    *,
    dry_run: bool = False,
    keep_last: Annotated[int, Query(ge=0, le=1000)] = 1,
    days: Annotated[int | None, Query(ge=1, le=DAYS_MAX)] = None,
) -> Response:
    """Delete reports whose time is over; with dry_run the job only counts."""
    request = CleanupReports.model_validate({"days": days, "keep_last": keep_last, "dry_run": dry_run})
    return _accepted(caller, cleanup_old_reports, request, None)


@routes.get("/files/{sha256}")
def identify_report(caller: Caller, sha256: str) -> FileHash:
    """Tell which report a file is, by its SHA-256 in hex; `report` is null when we never made such a file."""
    try:
        digest = bytes.fromhex(sha256)
    except ValueError:
        digest = b""
    with caller.transaction() as session:
        found = reports.find_by_hash(session, caller.org, digest) if digest else None
    if found is None or found.manifest is None:
        return FileHash()
    return FileHash(report=found.id, state=found.state, signature_ok=signed(found), manifest=json.loads(found.manifest))


@routes.get("/{report}")
def get_report(caller: Caller, report: UUID) -> ReportView:
    """Show one report."""
    with caller.transaction() as session:
        return reports.get_report(session, caller.org, report)


@routes.get("/{report}/content", response_class=StreamingResponse, responses=RANGES)
def download_report(caller: Caller, report: UUID) -> Response:
    """Download a report's file or a range of it; its ETag is the file's SHA-256."""
    card = _stored(caller, report)
    with caller.transaction() as session:
        caller.audit(session, report, reason=card.name)
    return answer(caller.ledger, card, caller.request)


@routes.head("/{report}/content", response_class=Response)
def head_report(caller: Caller, report: UUID) -> Response:
    """Show size, hash (ETag) and name of a report's file in the headers of its download."""
    return answer(caller.ledger, _stored(caller, report), caller.request)


@routes.post("/{report}/links", status_code=201)
def create_report_link(caller: Caller, report: UUID, body: LinkAsked) -> LinkMade:
    """Make a link that opens a report's file without a key, for at most 15 minutes."""
    card = _stored(caller, report)
    with caller.transaction() as session:
        made = links.make_link(caller.ledger, session, caller.actor, card.id, body)
        caller.audit(session, report, reason=f"until {made.expires_at:%H:%M:%S} UTC{', once' if made.single_use else ''}")
    return made


@routes.post("/{report}/verify", status_code=202, response_model=ReportAccepted)
def check_report(caller: Caller, report: UUID, *, rerender: bool = False, pdfa: bool = False) -> Response:
    """Prove that a report's file is the one that was made; with `rerender`, render its snapshot again and compare the bytes."""
    with caller.transaction() as session:
        _ready(session, caller.org, report)
    return _accepted(caller, verify_report, VerifyReport(report_id=report, rerender=rerender, pdfa=pdfa), None)


@routes.post("/{report}/hold")
def hold_report(caller: Caller, report: UUID, body: Hold) -> ReportView:
    """Keep a report, and the snapshot it can be made from again, until somebody releases it."""
    with caller.transaction() as session:
        _ready(session, caller.org, report)
        if not ending.hold(session, caller.org, report, reason=body.reason, actor=caller.name):
            message = "this report was deleted just now"
            raise Gone(message)
        caller.audit(session, report, reason=body.reason)
        return reports.get_report(session, caller.org, report)


@routes.delete("/{report}/hold")
def release_report(caller: Caller, report: UUID) -> ReportView:
    """Release a held report; it is kept as an audit report from then on."""
    with caller.transaction() as session:
        _ready(session, caller.org, report)
        if not ending.release(session, caller.org, report, keep=read_settings(ReportSettings, "reports").keep_audit):
            message = "this report is not held"
            raise Conflict(message)
        caller.audit(session, report)
        return reports.get_report(session, caller.org, report)


@routes.delete("/{report}", status_code=204)
def delete_report(caller: Caller, report: UUID) -> None:
    """Delete a report's file; the row stays with its hash. A held one is a 409."""
    with caller.transaction() as session:
        found = reports.get_report(session, caller.org, report)
        if found.retention == "hold":
            message = f"this report is held: {found.hold_reason}. Release it first."
            raise Conflict(message)
        gone = ending.tombstone(session, caller.org, [report])
        if not gone and found.state != "deleted":
            working = found.state in {"pending", "rendering"}
            message = f"this report is {found.state}; cancel its job {found.job} or wait for its end" if working else "this report is held"
            raise Conflict(message)
        for one in gone:
            delete_file(session, caller.org, one, actor=caller.name, reason="deleted by hand")
    for one in gone:
        copies.remove(one.file_path)


def _ready(session: Session, org: UUID, report: UUID) -> ReportView:
    """Return a report whose file is there.

    Raises:
        NotFound: There is none of this id.
        Gone: It is lost or deleted.
        Conflict: It is not ready yet, or failed.
    """
    found = reports.get_report(session, org, report)
    if found.state in {"lost", "deleted"}:
        message = f"this report's file is {found.state}; ask for the report again"
        raise Gone(message)
    if found.state != "ready":
        message = f"this report is {found.state}" + (f": {found.error}" if found.error else "")
        raise Conflict(message)
    return found


def _stored(caller: Call, report: UUID) -> Artifact:
    """Return the card of a ready report's file, which is there."""
    with caller.transaction() as session:
        found = _ready(session, caller.org, report)
    if found.artifact is None or not is_kept(caller.ledger, caller.org, found.artifact):
        message = "this report's file is lost; ask for the report again"
        raise Gone(message)
    with caller.transaction() as session:
        return get_stored(session, caller.org, found.artifact)
