"""REST: scans."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.engine.difference import Difference
from watchfloor.capabilities.scans.engine.judge import catalogue
from watchfloor.capabilities.scans.queries import difference, read
from watchfloor.capabilities.scans.queries.following import Following
from watchfloor.capabilities.scans.queries.views import HostView, ScanFindingView, ScanProgress, ScanView, ServiceView
from watchfloor.capabilities.scans.schemas import CheckView, ScanEstimate, ScanRequest
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.jobs import stream
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

routes = APIRouter(tags=["scans"])
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {}},
        "description": "Events named `progress` (data is a ScanProgress), `port` (a ServiceView) and `end` (a ScanView).",
    }
}


class ScanCreate(ScanRequest):
    """Ask for a scan, or with `start: false` for a draft of one."""

    start: bool = Field(default=True, description="False keeps the scan as a draft, to be started later.")


class ScanAccepted(BaseModel):
    """The scan that was requested, and its first job; both have one id. A draft has no job yet."""

    id: UUID
    job: UUID | None


@routes.post("", status_code=202, response_model=ScanAccepted)
def create_scan(caller: Caller, body: ScanCreate, idempotency_key: IdempotencyKey = None) -> Response:
    """Request a scan. 202 means that it is durable and will run; targets outside the scope are a 403 that names them.

    A wide scan is a 409 with its estimate unless `confirmed` is true or your role may approve scopes.
    """
    request = ScanRequest.model_validate(body.model_dump(exclude={"start"}, exclude_unset=True))

    def act(session: Session) -> ScanAccepted:
        if not body.start:
            return ScanAccepted(id=jobs.draft_scan(caller.ledger, session, caller.org, request, actor=caller.name), job=None)
        approver = caller.actor.may("scope.approve")
        scan, job = jobs.request_scan(caller.ledger, session, caller.org, request, actor=caller.name, approver=approver)
        return ScanAccepted(id=scan, job=job)

    answer = caller.once(idempotency_key, body, act, after=lambda: jobs.ring(caller.ledger))
    answer.headers["Location"] = f"/api/v1/scans/{json.loads(bytes(answer.body))['id']}"
    return answer


@routes.post("/estimate")
def estimate_scan(caller: Caller, body: ScanRequest) -> ScanEstimate:
    """Say how many addresses and probes a scan would be and about how long it would take; nothing is sent. Refused as a scan would be."""
    with caller.transaction() as session:
        return jobs.estimate_scan(caller.ledger, session, caller.org, body, actor=caller.name)


@routes.get("")
def list_scans(caller: Caller, state: str | None = None, limit: Limit = LIMIT, after: str | None = None) -> Page[ScanView]:
    """List scans, newest first."""
    with caller.transaction() as session:
        return read.list_scans(session, caller.org, state=state, limit=limit, after=after)


@routes.get("/checks")
def list_checks(caller: Caller) -> list[CheckView]:
    """List every check of a scan by id: what it looks for, what it needs, what it sends, and whether it is on by default."""
    del caller  # whoever may read findings may read this
    return catalogue()


@routes.get("/{scan}")
def get_scan(caller: Caller, scan: UUID) -> ScanView:
    """Show one scan."""
    with caller.transaction() as session:
        return read.get_scan(session, caller.org, scan)


@routes.get("/{scan}/progress")
def get_scan_progress(caller: Caller, scan: UUID) -> ScanProgress:
    """Show how far a scan is: phase, ports done of all, open ports so far, time left; and each priority group."""
    with caller.transaction() as session:
        return read.scan_progress(session, caller.org, scan)


@routes.get("/{scan}/stream", response_class=StreamingResponse, responses=STREAM)
async def stream_scan(caller: Caller, scan: UUID) -> StreamingResponse:
    """Follow a scan as server-sent events: its progress, each port that opens and what answers there, and its end, which ends the stream."""
    following = Following(caller.org, scan)

    def look(_rung: list[UUID]) -> list[str]:
        with caller.transaction() as session:
            return [f"event: {name}\ndata: {told.model_dump_json()}\n\n" for name, told in following.look(session)]

    first = await run_in_threadpool(look, [])  # an unknown scan is a 404, not a stream

    def next_look(rung: list[UUID]) -> list[str]:
        told = [*first, *([] if following.ended else look(rung))]
        first.clear()
        return told

    return stream.streamed(caller, stream.follow(caller, next_look, until=lambda: following.ended))


@routes.get("/{scan}/hosts")
def list_scan_hosts(caller: Caller, scan: UUID, limit: Limit = LIMIT, after: str | None = None) -> Page[HostView]:
    """List the addresses that answered."""
    with caller.transaction() as session:
        return read.list_hosts(session, caller.org, scan, limit=limit, after=after)


@routes.get("/{scan}/services")
def list_scan_services(
    caller: Caller, scan: UUID, name: str | None = None, port: Annotated[int | None, Query(ge=1, le=65_535)] = None, limit: Limit = LIMIT,
    after: str | None = None,
) -> Page[ServiceView]:  # fmt: skip
    """List open ports with what answers there."""
    with caller.transaction() as session:
        return read.list_services(session, caller.org, scan, name=name, port=port, limit=limit, after=after)


@routes.get("/{scan}/findings")
def list_scan_findings(
    caller: Caller, scan: UUID, severity: str | None = None, limit: Limit = LIMIT, after: str | None = None
) -> Page[ScanFindingView]:
    """List what a scan found wrong, the gravest first."""
    with caller.transaction() as session:
        return read.list_scan_findings(session, caller.org, scan, severity=severity, limit=limit, after=after)


@routes.post("/{scan}/start", status_code=202)
def start_scan(caller: Caller, scan: UUID) -> ScanAccepted:
    """Start a draft. An ended scan is looked at again as a new one, whose id is in the answer; one that waits or runs is a 409."""
    with caller.transaction() as session:
        started, job = jobs.start_scan(
            caller.ledger, session, caller.org, scan, actor=caller.name, approver=caller.actor.may("scope.approve")
        )
    jobs.ring(caller.ledger)
    return ScanAccepted(id=started, job=job)


@routes.get("/{scan}/diff")
def diff_scan(caller: Caller, scan: UUID, base: UUID | None = None) -> Difference:
    """Show what changed since `base`, by default the scan before of the same targets and ports (409 when there is none)."""
    with caller.transaction() as session:
        return difference.difference(session, caller.org, scan, base)


@routes.post("/{scan}/cancel", status_code=202)
def cancel_scan(caller: Caller, scan: UUID) -> ScanView:
    """Stop a scan and all its jobs within seconds; what it learned so far stays."""
    jobs.stop_scan(caller.ledger, caller.org, scan, actor=caller.name)
    with caller.transaction() as session:
        return read.get_scan(session, caller.org, scan)
