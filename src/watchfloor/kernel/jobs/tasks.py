"""The small fixed face of the ledger: start a kind once, show a job as a task, schedules with what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs import queries
from watchfloor.kernel.jobs.enqueue import Enqueued, Options, enqueue
from watchfloor.kernel.jobs.schemas import ChildView, ScheduledTaskView, TaskProgress, TaskStarted, TaskView
from watchfloor.kernel.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.jobs.ledger import Ledger

LOOKED_AT: Final = 20
CHILDREN: Final = 200
TASKS: Final = "/api/v1/tasks"
JOBS: Final = "/api/v1/jobs"

# Each stage by its own partial index: an organisation's history is long, what it has under way is not.
ACTIVE: Final = " union all ".join(
    f"(select id from job where org = %(org)s and kind = %(kind)s and stage = '{stage}' order by id limit {LOOKED_AT})"  # noqa: S608 - words of ours
    for stage in ("running", "dispatched", "queued", "scheduled", "blocked")
)
BRED: Final = """
select j.id, j.kind, j.state from job_batch b join job j on j.org = b.org and j.batch = b.id
where b.org = %(org)s and b.parent = %(job)s order by j.id limit %(rows)s
"""
SCHEDULED: Final = """
select s.id, s.name, s.kind, make_interval(secs => s.every_s) as every, s.cron, s.tz as timezone, s.enabled,
  case when s.enabled then s.next_tick end as next_at, t.tick_at as last_tick, t.skipped as last_skipped, r.job as last_task, j.state as last_state
from schedule s
left join lateral (select tick_at, skipped from schedule_tick where org = s.org and schedule = s.id order by tick_at desc limit 1) t on true
left join lateral (
  select job from schedule_tick where org = s.org and schedule = s.id and job is not null order by tick_at desc limit 1) r on true
left join job_all j on j.org = s.org and j.id = r.job
where s.org = %(org)s order by s.name limit 1000
"""


def start_once(ledger: Ledger, session: Session, org: UUID, kind: JobKind[Any, Any], request: BaseModel, actor: str) -> Enqueued:
    """Start a kind, unless a job of the same arguments waits or runs already, whoever asked for it; that one is returned then."""
    rows = wire_of(session).execute(ACTIVE, {"org": org, "kind": kind.name}).fetchall()
    for (job,) in rows:
        plain = queries.open_part(ledger, session, org, job, "args")
        if plain is not None and kind.arguments.model_validate_json(plain) == request:
            return Enqueued(job, created=False)
    unique = f"task|{request.model_dump_json(exclude_defaults=True)}"  # of two at the same moment, one
    return enqueue(ledger, session, org, kind, request, Options(actor=actor, unique=unique))


def started(ledger: Ledger, session: Session, org: UUID, kind: JobKind[Any, Any], made: Enqueued) -> TaskStarted:
    """Say which task stands for a request."""
    shown = show(ledger, session, org, made.id, {kind.name: kind})
    return TaskStarted(**dict(shown), coalesced=not made.created)


def show(ledger: Ledger, session: Session, org: UUID, job: UUID, kinds: Mapping[str, JobKind[Any, Any]]) -> TaskView:
    """Return a job as a task; raises NotFound."""
    found = queries.get_job(session, org, job)
    done, told = found.state == State.SUCCESS, found.progress
    unit = kinds[found.kind].unit if found.kind in kinds else ""
    progress = TaskProgress(done=told.done, total=told.total, stage=told.phase, unit=unit or None) if told else None
    links = {"self": f"{TASKS}/{job}", "job": f"{JOBS}/{job}", "result": f"{JOBS}/{job}/result"}
    if found.finished_at is None:
        links |= {"stream": f"{JOBS}/{job}/stream", "cancel": f"{JOBS}/{job}/cancel"}
    return TaskView(
        id=job, kind=found.kind, state=found.state, progress=progress, attempt=found.attempt, created=found.created_at,
        started=found.started_at, finished=found.finished_at,
        result=queries.open_result(ledger, session, org, job) if done else None,
        error=None if done else queries.open_error(ledger, session, org, job),
        children=_children(session, org, job), links=links,
        name=found.kind, status=found.state, ready=State(found.state).ended, successful=done, date_done=found.finished_at,
        info=told.model_dump(mode="json") if told and not done else None,
    )  # fmt: skip


def list_scheduled(session: Session, org: UUID) -> list[ScheduledTaskView]:
    """List an organisation's schedules by name, each with its newest tick and the newest task it made."""
    rows = wire_of(session).cursor(row_factory=dict_row).execute(SCHEDULED, {"org": org}).fetchall()
    return [ScheduledTaskView(**row) for row in rows]


def _children(session: Session, org: UUID, job: UUID) -> list[ChildView]:
    rows = wire_of(session).cursor(row_factory=dict_row).execute(BRED, {"org": org, "job": job, "rows": CHILDREN}).fetchall()
    return [ChildView(**row) for row in rows]
