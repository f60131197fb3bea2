"""REST: queues, workers and schedules."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter, Response

from watchfloor.kernel.contract import queue_named
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.jobs import queries, schedules
from watchfloor.kernel.jobs.enqueue import bind
from watchfloor.kernel.jobs.schemas import Accepted, QueueView, ScheduleCreate, ScheduleView, WorkerView
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter()
UPCOMING = 5


@routes.get("/queues", tags=["queues"])
def list_queues(caller: Caller) -> list[QueueView]:
    """List the queues with your organisation's counts."""
    with caller.engine() as session:
        return queries.list_queues(session, caller.org)


@routes.post("/queues/{queue}/pause", tags=["queues"])
def pause_queue(caller: Caller, queue: str) -> QueueView:
    """Start nothing more from a queue, for any organisation; what runs goes on, requests are still accepted."""
    return _paused(caller, queue, paused=True)


@routes.post("/queues/{queue}/resume", tags=["queues"])
def resume_queue(caller: Caller, queue: str) -> QueueView:
    """Start jobs of a queue again."""
    return _paused(caller, queue, paused=False)


def _paused(caller: Call, queue: str, *, paused: bool) -> QueueView:
    with caller.engine() as session:
        if wire_of(session).execute("update queue set paused = %s where name = %s", (paused, queue)).rowcount == 0:
            message = f"there is no queue {queue[:32]!r}; GET /api/v1/queues lists those there are"
            raise NotFound(message)
        caller.audit(session, queue)
        found = next(view for view in queries.list_queues(session, caller.org) if view.name == queue)
    caller.ledger.doorbell.ring("wf_ready", queue)
    return found


@routes.get("/workers", tags=["workers"])
def list_workers(caller: Caller) -> list[WorkerView]:
    """List workers, their queues, slots and those of your jobs they run."""
    with caller.engine() as session:
        return queries.list_workers(session, caller.org)


@routes.get("/schedules", tags=["schedules"])
def list_schedules(caller: Caller) -> list[ScheduleView]:
    """List schedules by name."""
    with caller.transaction() as session:
        return queries.list_schedules(session, caller.org)


@routes.post("/schedules", status_code=201, response_model=ScheduleView, tags=["schedules"])
def create_schedule(caller: Caller, body: ScheduleCreate, idempotency_key: IdempotencyKey = None) -> Response:
    """Create a schedule from a crontab or an interval; the answer shows its next instants."""
    kind = caller.kind(body.kind)
    request = bind(kind, body.arguments)
    if body.queue is not None and queue_named(body.queue) not in {kind.queue, *kind.queues}:
        message = f"{kind.name} does not run on queue {body.queue!r}; it runs on {', '.join(sorted({kind.queue, *kind.queues}))}"
        raise InvalidInput(message, field="/queue")

    def act(session: Session) -> ScheduleView:
        made = schedules.create(
            caller.ledger, session, caller.org, name=body.name, kind=kind, request=request, cron=body.cron, every=body.every, tz=body.tz,
            catch_up=body.catch_up, overlap=body.overlap, jitter=body.jitter, queue=body.queue, priority=body.priority, actor=caller.name,
        )  # fmt: skip
        caller.audit(session, made, reason=body.name)
        return _shown(caller, session, made)

    return caller.once(idempotency_key, body, act, status=201)


@routes.get("/schedules/{schedule}", tags=["schedules"])
def get_schedule(caller: Caller, schedule: UUID) -> ScheduleView:
    """Show one schedule and its next instants."""
    with caller.transaction() as session:
        return _shown(caller, session, schedule)


@routes.post("/schedules/{schedule}/pause", tags=["schedules"])
def pause_schedule(caller: Caller, schedule: UUID) -> ScheduleView:
    """Stop ticking; instants that pass meanwhile are not made up for."""
    with caller.transaction() as session:
        schedules.pause(session, caller.org, schedule)
        caller.audit(session, schedule)
        return _shown(caller, session, schedule)


@routes.post("/schedules/{schedule}/resume", tags=["schedules"])
def resume_schedule(caller: Caller, schedule: UUID) -> ScheduleView:
    """Tick again, from the first instant after now."""
    with caller.transaction() as session:
        schedules.resume(session, caller.org, schedule)
        caller.audit(session, schedule)
        return _shown(caller, session, schedule)


@routes.post("/schedules/{schedule}/run", status_code=202, tags=["schedules"])
def run_schedule(caller: Caller, schedule: UUID) -> Accepted:
    """Run a schedule's job once, now, beside its rhythm."""
    with caller.transaction() as session:
        found = queries.get_schedule(session, caller.org, schedule)
        caller.kind(found.kind)
        job = schedules.run_now(caller.ledger, session, caller.org, schedule, caller.kinds, caller.name)
        caller.audit(session, schedule, reason=f"as {job}")
    caller.ledger.doorbell.ring("wf_ready", found.queue)
    return Accepted(id=job, created=True)


@routes.delete("/schedules/{schedule}", status_code=204, tags=["schedules"])
def delete_schedule(caller: Caller, schedule: UUID) -> None:
    """Remove a schedule; jobs it made go on."""
    with caller.transaction() as session:
        found = queries.get_schedule(session, caller.org, schedule)
        schedules.remove(session, caller.org, schedule)
        caller.audit(session, schedule, reason=found.name)


def _shown(caller: Call, session: Session, schedule: UUID) -> ScheduleView:
    found = queries.get_schedule(session, caller.org, schedule)
    upcoming = schedules.preview(found.cron, found.tz, UPCOMING, found.every) if found.enabled else []
    return found.model_copy(
        update={"upcoming": [found.next_tick, *[one for one in upcoming if one > found.next_tick]][:UPCOMING] if upcoming else []}
    )
