"""REST: /tasks, the small fixed face of the ledger for Celery's users."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter

from watchfloor.kernel.jobs import tasks, working
from watchfloor.kernel.jobs.enqueue import bind
from watchfloor.kernel.jobs.schemas import ScheduledTaskView, TaskStarted, TaskView, WorkersStatus
from watchfloor.kernel.tenancy.access import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Response
    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter(tags=["tasks"])


@routes.get("/tasks/scheduled/list")
def list_scheduled_tasks(caller: Caller) -> list[ScheduledTaskView]:
    """List schedules by name: when they tick next, when they ticked last and what came of it."""
    with caller.transaction() as session:
        return tasks.list_scheduled(session, caller.org)


@routes.get("/tasks/workers/status")
def get_workers_status(caller: Caller) -> WorkersStatus:
    """Tell whether work gets done: living workers, queues with your organisation's counts, schedulers and the broker."""
    with caller.engine() as session:
        return working.status(session, caller.org)


@routes.get("/tasks/{job}")
def get_task(caller: Caller, job: UUID) -> TaskView:
    """Show a job in the words of `AsyncResult`."""
    with caller.transaction() as session:
        return tasks.show(caller.ledger, session, caller.org, job, caller.kinds)


def start_task(caller: Call, name: str, arguments: dict[str, Any], body: BaseModel, idempotency_key: str | None) -> Response:
    """Answer a request for a kind by name: 202 with the task and where it is; one of the same arguments that is under way stands for it."""
    kind = caller.kind(name)
    request = bind(kind, arguments)
    return answer_task(caller, kind, lambda _session: request, body, idempotency_key)


def answer_task(
    caller: Call, kind: JobKind[Any, Any], make: Callable[[Session], BaseModel], body: BaseModel, idempotency_key: str | None
) -> Response:
    """Do the same for arguments that `make` works out in the transaction that starts the task; `body` is what was asked."""

    def act(session: Session) -> TaskStarted:
        made = tasks.start_once(caller.ledger, session, caller.org, kind, make(session), caller.name)
        if not made.created:
            caller.audit(session, made.id, reason="stands for this request")
        return tasks.started(caller.ledger, session, caller.org, kind, made)

    answer = caller.once(idempotency_key, body, act, after=lambda: caller.ledger.doorbell.ring("wf_ready", kind.queue))
    answer.headers["Location"] = f"{tasks.TASKS}/{json.loads(bytes(answer.body))['id']}"
    return answer
