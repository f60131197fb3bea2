"""REST: the addresses and answers that clients of other scanning platforms know; thin faces over the same scans and jobs."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.engine.scan_types import asked_by
from watchfloor.capabilities.scans.queries import read, tasks
from watchfloor.capabilities.scans.queries.tasks import TaskState
from watchfloor.capabilities.scans.schemas import ScanRequest
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.jobs.enqueue import bind
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

routes = APIRouter(tags=["scans for clients of other platforms"])


class Asked(BaseModel):
    """Unknown fields are refused: one that had no effect would be a promise broken in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskConfig(Asked):
    """How to look."""

    scan_type: str = Field("default", max_length=40, description="quick, standard, full, port_scan and their usual synonyms")
    timeout: timedelta | None = Field(
        None, gt=timedelta(0), le=timedelta(hours=24), description="Longest duration of the scan, in seconds."
    )
    max_concurrent: int | None = Field(None, ge=1, le=20_000)


class TaskCreate(Asked):
    """Look at one target, or several joined by commas."""

    target: str = Field(min_length=1, max_length=3000)
    ports: Annotated[str, Field(max_length=20_000)] | list[int] | None = Field(
        None, description="Numbers, ranges, top-100, top-1000 or all, joined by commas; or a list of numbers."
    )
    config: TaskConfig = TaskConfig()


class TaskAccepted(BaseModel):
    """The task that was requested; it is durable and will run."""

    task_id: UUID
    scan_id: UUID
    status: Literal["queued"] = "queued"
    message: str


class ScanStarted(BaseModel):
    """The scan that starts; of an ended scan that was started again, a new one with an id of its own."""

    id: UUID
    name: str
    status: Literal["queued"] = "queued"
    celery_task_id: UUID


class ScanStatus(BaseModel):
    """A scan and its task."""

    scan_id: UUID
    scan_status: str = Field(description="pending (not started), queued, running, completed, incomplete, failed or cancelled")
    task_id: UUID | None
    task_state: str
    task_info: dict[str, Any]


class ScanCancelled(BaseModel):
    """A scan that was stopped."""

    scan_id: UUID
    status: Literal["cancelled"] = "cancelled"


@routes.post("/api/scan", status_code=202, response_model=TaskAccepted)
def create_scan_task(caller: Caller, body: TaskCreate, idempotency_key: IdempotencyKey = None) -> Response:
    """Request a scan; targets outside the scope are a 403 that names them. Poll `GET /api/scan/{task_id}` for its end."""
    request = _request(body)

    def act(session: Session) -> TaskAccepted:
        scan, job = jobs.request_scan(
            caller.ledger, session, caller.org, request, actor=caller.name, approver=caller.actor.may("scope.approve")
        )
        return TaskAccepted(task_id=job, scan_id=scan, message=f"The scan of {body.target[:100]} is queued.")

    return caller.once(idempotency_key, body, act, after=lambda: jobs.ring(caller.ledger))


def _request(body: TaskCreate) -> ScanRequest:
    """Return the scan that is meant; what was left out is the operator's default."""
    config = body.config
    ports = ",".join(str(port) for port in body.ports) if isinstance(body.ports, list) else body.ports
    named = {"ports": ports, "timeout": config.timeout, "max_concurrent": config.max_concurrent}
    asked = {"targets": [one.strip() for one in body.target.split(",") if one.strip()], **asked_by(config.scan_type)}
    bound = bind(jobs.run_scan, asked | {name: value for name, value in named.items() if value is not None})
    return ScanRequest.model_validate(bound.model_dump(exclude={"scan_id"}, exclude_unset=True))


@routes.get("/api/scan/{task_id}")
def get_scan_task(caller: Caller, task_id: UUID) -> TaskState:
    """Show how far a scan is, or what came of it; answers to the scan's id and to that of its first job."""
    with caller.transaction() as session:
        found = read.find_task(session, caller.org, task_id)
        if found is None:
            message = f"there is no scan task {task_id}"
            raise NotFound(message)
        return tasks.task_state(session, caller.org, found)


@routes.post("/api/v1/vulnerabilities/scans/{scan_id}/start", status_code=202)
def start_vulnerability_scan(caller: Caller, scan_id: UUID) -> ScanStarted:
    """Start a draft, or look again at what an ended scan looked at; one that waits or runs is a 409."""
    with caller.transaction() as session:
        scan, job = jobs.start_scan(
            caller.ledger, session, caller.org, scan_id, actor=caller.name, approver=caller.actor.may("scope.approve")
        )
        name = read.get_scan(session, caller.org, scan).name
    jobs.ring(caller.ledger)
    return ScanStarted(id=scan, name=name, celery_task_id=job)


@routes.get("/api/v1/vulnerabilities/scans/{scan_id}/status")
def get_vulnerability_scan_status(caller: Caller, scan_id: UUID) -> ScanStatus:
    """Show a scan's status and its task's state."""
    with caller.transaction() as session:
        view = read.get_scan(session, caller.org, scan_id)
        state = tasks.task_state(session, caller.org, view)
    info = state.model_dump(mode="json", exclude={"state"}, exclude_none=True)
    return ScanStatus(scan_id=scan_id, scan_status=tasks.status_word(view), task_id=view.job, task_state=state.state, task_info=info)


@routes.post("/api/v1/vulnerabilities/scans/{scan_id}/cancel", status_code=202)
def cancel_vulnerability_scan(caller: Caller, scan_id: UUID) -> ScanCancelled:
    """Stop a scan and all its jobs within seconds; what it learned so far stays. One that has ended is a 409."""
    jobs.stop_scan(caller.ledger, caller.org, scan_id, actor=caller.name)
    return ScanCancelled(scan_id=scan_id)
