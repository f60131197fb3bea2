"""REST: jobs, their kinds, results and streams, and the small fixed face for Celery's users, /tasks."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.errors import Conflict, InvalidInput
from watchfloor.kernel.jobs import cancel, queries, stream
from watchfloor.kernel.jobs.api_floor import routes as floor_routes
from watchfloor.kernel.jobs.api_tasks import routes as task_routes
from watchfloor.kernel.jobs.enqueue import Options, bind, enqueue, enqueue_many
from watchfloor.kernel.jobs.schemas import (
    Accepted,
    AcceptedMany,
    AttemptView,
    CancelledView,
    CancelMany,
    Choices,
    EventView,
    JobView,
    KindView,
    Purge,
    Purged,
    ResultView,
    Submit,
    SubmitMany,
)
from watchfloor.kernel.jobs.states import State
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter()
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)]
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events named `job`; data is a JobView."}
}


@routes.get("/kinds", tags=["jobs"])
def list_kinds(caller: Caller) -> list[KindView]:
    """List what can run here, with the JSON Schema of its arguments."""
    return [
        KindView(
            name=kind.name, description=kind.description, queue=kind.queue, queues=sorted({kind.queue, *kind.queues}), timeout=kind.timeout,
            attempts=kind.attempts, arguments=kind.arguments.model_json_schema(),
        )
        for _name, kind in sorted(caller.kinds.items())
    ]  # fmt: skip


@routes.get("/jobs", tags=["jobs"])
def list_jobs(
    caller: Caller, state: str | None = None, kind: str | None = None, queue: str | None = None, label: str | None = None,
    created_after: datetime | None = None, schedule: UUID | None = None, parent: UUID | None = None, limit: Limit = LIMIT, after: str | None = None,
) -> Page[JobView]:  # fmt: skip
    """List jobs, newest first; `state` takes states, stages, `active` and `finished`, joined by commas."""
    with caller.transaction() as session:
        return queries.list_jobs(
            session, caller.org, state=state, kind=kind, queue=queue, label=label, created_after=created_after, schedule=schedule, parent=parent,
            limit=limit, after=after,
        )  # fmt: skip


@routes.post("/jobs", status_code=202, response_model=Accepted, tags=["jobs"])
def submit_job(caller: Caller, body: Submit, idempotency_key: IdempotencyKey = None) -> Response:
    """Enqueue one job of any kind. 202 means that it is durable and will run, whatever becomes of broker and workers."""
    return _submit(caller, body, idempotency_key)


def _submit(caller: Call, body: Submit, idempotency_key: str | None) -> Response:
    kind = caller.kind(body.kind)
    request, options = bind(kind, body.arguments), _options(caller, body, body.unique)

    def act(session: Session) -> Accepted:
        made = enqueue(caller.ledger, session, caller.org, kind, request, options)
        return Accepted(id=made.id, created=made.created)

    return caller.once(idempotency_key, body, act, after=lambda: caller.ledger.doorbell.ring("wf_ready", options.queue or kind.queue))


@routes.post("/jobs/bulk", status_code=202, response_model=AcceptedMany, tags=["jobs"])
def submit_jobs(caller: Caller, body: SubmitMany, idempotency_key: IdempotencyKey = None) -> Response:
    """Enqueue up to 10,000 jobs of one kind, all or none."""
    kind = caller.kind(body.kind)
    requests, options = [bind(kind, arguments) for arguments in body.arguments], _options(caller, body)

    def act(session: Session) -> AcceptedMany:
        made = enqueue_many(caller.ledger, session, caller.org, kind, requests, options)
        return AcceptedMany(jobs=[Accepted(id=one.id, created=one.created) for one in made])

    return caller.once(idempotency_key, body, act, after=lambda: caller.ledger.doorbell.ring("wf_ready", options.queue or kind.queue))


def _options(caller: Call, body: Choices, unique: str | None = None) -> Options:
    if body.run_at and body.delay:
        message = "give either run_at or delay, not both"
        raise InvalidInput(message, field="/delay")
    return Options(
        priority=body.priority, run_at=body.run_at, delay=body.delay, expires_at=body.expires_at, queue=body.queue, unique=unique,
        actor=caller.name, label=body.label,
    )  # fmt: skip


@routes.post("/jobs/cancel", status_code=202, tags=["jobs"])
def cancel_jobs(caller: Caller, body: CancelMany) -> list[CancelledView]:
    """Cancel many jobs; those that have ended, or are none of yours, are left out of the answer."""
    return [CancelledView(id=one.id, stage=one.stage) for one in cancel.cancel(caller.ledger, caller.org, body.ids, actor=caller.name)]


@routes.post("/jobs/purge", status_code=202, tags=["jobs"])
def purge_jobs(caller: Caller, body: Purge) -> Purged:
    """Cancel everything that waits, on one queue or of one kind if named; what runs goes on."""
    return Purged(cancelled=cancel.purge(caller.ledger, caller.org, actor=caller.name, queue=body.queue, kind=body.kind))


@routes.get("/jobs/{job}", tags=["jobs"])
def get_job(caller: Caller, job: UUID) -> JobView:
    """Show one job."""
    with caller.transaction() as session:
        return queries.get_job(session, caller.org, job)


@routes.get("/jobs/{job}/result", tags=["jobs"])
def get_result(caller: Caller, job: UUID) -> ResultView:
    """Show what came of a job; an unfinished one has neither result nor, usually, error."""
    with caller.transaction() as session:
        found = queries.get_job(session, caller.org, job)
        return ResultView(
            id=job, state=found.state, reason=found.reason,
            result=queries.open_result(caller.ledger, session, caller.org, job) if found.state == State.SUCCESS else None,
            error=None if found.state == State.SUCCESS else queries.open_error(caller.ledger, session, caller.org, job),
        )  # fmt: skip


@routes.get("/jobs/{job}/arguments", tags=["jobs"])
def get_arguments(caller: Caller, job: UUID) -> dict[str, Any] | None:
    """Show what a job was asked to do; null once retention removed it."""
    with caller.transaction() as session:
        queries.get_job(session, caller.org, job)
        plain = queries.open_part(caller.ledger, session, caller.org, job, "args")
        caller.audit(session, job)
        return None if plain is None else json.loads(plain)


@routes.get("/jobs/{job}/attempts", tags=["jobs"])
def list_attempts(caller: Caller, job: UUID) -> list[AttemptView]:
    """List a job's tries."""
    with caller.transaction() as session:
        queries.get_job(session, caller.org, job)
        return queries.list_attempts(session, caller.org, job)


@routes.get("/jobs/{job}/events", tags=["jobs"])
def list_job_events(caller: Caller, job: UUID) -> list[EventView]:
    """List what happened to a job out of the ordinary."""
    with caller.transaction() as session:
        queries.get_job(session, caller.org, job)
        return queries.list_events(session, caller.org, job)


@routes.post("/jobs/{job}/cancel", status_code=202, tags=["jobs"])
def cancel_job(caller: Caller, job: UUID) -> CancelledView:
    """Cancel one job: a waiting one ends at once, a running one within seconds. Asking again is harmless."""
    return _cancel(caller, job)


def _cancel(caller: Call, job: UUID) -> CancelledView:
    told = cancel.cancel(caller.ledger, caller.org, [job], actor=caller.name)
    if told:
        return CancelledView(id=job, stage=told[0].stage)
    with caller.transaction() as session:
        found = queries.get_job(session, caller.org, job)
    if found.finished_at is not None and found.state != State.REVOKED:
        message = f"job {job} has ended already ({found.state}); there is nothing to cancel"
        raise Conflict(message)
    return CancelledView(id=job, stage=found.stage)


@routes.post("/jobs/{job}/retry", status_code=202, response_model=Accepted, tags=["jobs"])
def retry_job(caller: Caller, job: UUID) -> Accepted:
    """Run an ended job again, as a new one with the same arguments."""
    with caller.transaction() as session:
        caller.kind(queries.get_job(session, caller.org, job).kind)
    return Accepted(id=cancel.replay(caller.ledger, caller.org, job, caller.kinds, actor=caller.name), created=True)


@routes.get("/jobs/{job}/stream", response_class=StreamingResponse, responses=STREAM, tags=["jobs"])
async def stream_job(caller: Caller, job: UUID) -> StreamingResponse:
    """Follow one job as server-sent events: as it is, then each change; the stream ends with the job."""

    def known() -> JobView:
        with caller.transaction() as session:
            return queries.get_job(session, caller.org, job)

    await run_in_threadpool(known)
    return stream.streamed(caller, stream.one_job(caller, job))


@routes.get("/events", response_class=StreamingResponse, responses=STREAM, tags=["jobs"])
async def stream_events(caller: Caller, last_event_id: LastEventId = None) -> StreamingResponse:
    """Follow all jobs as server-sent events; Last-Event-ID resumes up to a day back. An event may come twice, never not at all."""
    return stream.streamed(caller, stream.all_jobs(caller, stream.read_position(last_event_id)))


@routes.post("/tasks/{name}", status_code=202, response_model=Accepted, tags=["tasks"])
def submit_task(caller: Caller, name: str, body: dict[str, Any], idempotency_key: IdempotencyKey = None) -> Response:
    """Enqueue one job; the body is its keyword arguments."""
    return _submit(caller, Submit(kind=caller.kind(name).name, arguments=body), idempotency_key)


@routes.delete("/tasks/{job}", status_code=202, tags=["tasks"])
def revoke_task(caller: Caller, job: UUID) -> CancelledView:
    """Revoke a job, as `AsyncResult.revoke` does."""
    return _cancel(caller, job)


routes.include_router(task_routes)
routes.include_router(floor_routes)
