"""Read the ledger: one job, lists by key, attempts, events, results, workers and queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import dict_row
from sqlalchemy import and_, or_, select

from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.jobs.models import Job, JobProgress
from watchfloor.kernel.jobs.schemas import ActiveView, AttemptView, EventView, JobView, ProgressView, QueueView, ScheduleView, WorkerView
from watchfloor.kernel.jobs.states import Stage, State, public_priority

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger

__all__ = ["ActiveView", "AttemptView", "EventView", "JobView", "Page", "ProgressView", "QueueView", "ScheduleView", "WorkerView"]
ROWS = 1000
NO_JOB = UUID(int=0)


def get_job(session: Session, org: UUID, job: UUID) -> JobView:
    """Return one job, live or archived.

    Raises:
        NotFound: There is none of this id in the organisation.
    """
    found = find_job(session, org, job)
    if found is None:
        message = f"there is no job {job}; it may have been removed by retention. `watchfloor jobs list` shows those there are"
        raise NotFound(message)
    return found


def find_job(session: Session, org: UUID, job: UUID) -> JobView | None:
    """Return one job, or None."""
    row = session.execute(_jobs(org).where(Job.id == job)).first()
    return _view(row) if row else None


def list_jobs(
    session: Session, org: UUID, *, state: str | None = None, kind: str | None = None, queue: str | None = None,
    label: str | None = None, created_after: datetime | None = None, schedule: UUID | None = None, parent: UUID | None = None,
    limit: int = LIMIT, after: str | None = None,
) -> Page[JobView]:  # fmt: skip
    """List jobs, newest first.

    Args:
        session: The organisation's transaction.
        org: Whose jobs.
        state: States (`FAILURE,REVOKED`) or stages (`queued`), joined by commas; also `active` and `finished`.
        kind: Kinds, joined by commas.
        queue: Queues, joined by commas.
        label: Exactly this label.
        created_after: Only jobs made at or after this moment.
        schedule: Only jobs this schedule made.
        parent: Only children of this job.
        limit: 1 to 500.
        after: `next` of the page before.
    """
    chosen = words("state", state, [*State, *Stage, "active", "finished"])
    query = matching(_jobs(org), {Job.kind: words("kind", kind), Job.queue: words("queue", queue), Job.label: [label] if label else []})
    if chosen:
        ended = [Job.finished_at.is_not(None)] if "finished" in chosen else []
        active = [Job.finished_at.is_(None)] if "active" in chosen else []
        query = query.where(or_(Job.state.in_(chosen), Job.stage.in_(chosen), *ended, *active))
    for column, value in ((Job.schedule, schedule), (Job.parent, parent)):
        if value is not None:
            query = query.where(column == value)
    if created_after is not None:
        query = query.where(Job.created_at >= created_after)
    return page(session, query, [Job.id], shape=_view, limit=limit, after=after)


def _jobs(org: UUID) -> Select[Job, JobProgress]:
    joined = and_(JobProgress.org == Job.org, JobProgress.job == Job.id)
    return select(Job, JobProgress).outerjoin(JobProgress, joined).where(Job.org == org)


def _view(row: Any) -> JobView:  # noqa: ANN401 - a row of `_jobs`, with or without its key
    job: Job = row[0]
    told: JobProgress | None = row[1]
    progress = ProgressView(phase=told.phase, done=told.done, total=told.total, note=told.note, at=told.at) if told else None
    return JobView(
        id=job.id, kind=job.kind, queue=job.queue, state=job.state, stage=job.stage, priority=public_priority(job.priority),
        attempt=job.attempt, failures=job.failures, crash_count=job.crash_count, actor=job.actor, label=job.label, reason=job.reason,
        created_at=job.created_at, run_at=job.run_at, started_at=job.started_at, finished_at=job.finished_at, expires_at=job.expires_at,
        cancel_requested=job.cancel_at is not None, progress=progress, owner=job.owner, batch=job.batch, parent=job.parent,
        schedule=job.schedule, replay_of=job.replay_of,
    )  # fmt: skip


def list_attempts(session: Session, org: UUID, job: UUID) -> list[AttemptView]:
    """List a job's tries, first to last, the running one included; the newest 1,000."""
    rows = _rows(
        session,
        "select attempt, session, child, started_at, ended_at, outcome, reason, error_fp, in_force, cpu_ms from job_attempt "
        "where org = %(org)s and job = %(job)s "
        "union all select attempt, owner, child, attempt_at, null, null, null, null, '{}', null from job "
        "where org = %(org)s and id = %(job)s and stage = 'running' order by attempt desc limit %(rows)s",
        {"org": org, "job": job, "rows": ROWS},
    )
    return [AttemptView(**row) for row in reversed(rows)]


def list_events(session: Session, org: UUID, job: UUID) -> list[EventView]:
    """List what happened to a job out of the ordinary, oldest first; the newest 1,000."""
    sql = "select at, type, data from job_event where org = %(org)s and job = %(job)s order by at desc, n desc limit %(rows)s"
    return [EventView(**row) for row in reversed(_rows(session, sql, {"org": org, "job": job, "rows": ROWS}))]


def open_result(ledger: Ledger, session: Session, org: UUID, job: UUID) -> dict[str, Any] | None:
    """Return what a job returned, or None: it returned nothing, has not ended, or its result was removed."""
    plain = open_part(ledger, session, org, job, "result")
    return None if plain is None else json.loads(plain)


def open_error(ledger: Ledger, session: Session, org: UUID, job: UUID) -> str | None:
    """Return the last failed attempt's error with its traceback, scrubbed of secrets, or None."""
    plain = open_part(ledger, session, org, job, "error")
    return None if plain is None else plain.decode(errors="replace")


def open_part(ledger: Ledger, session: Session, org: UUID, job: UUID, part: str) -> bytes | None:
    """Unseal a job's `args`, `result` or `error`; raises Forged when the row was tampered with."""
    sql = (
        "select p.kid, p.v, p.blob, j.schedule from job_payload p left join job_all j on j.org = p.org and j.id = p.job "
        "where p.org = %(org)s and p.job = %(job)s and p.part = %(part)s"
    )
    rows = _rows(session, sql, {"org": org, "job": job, "part": part})
    if not rows:
        return None
    row = rows[0]
    place = f"schedule|args|{row['schedule']}" if row["v"] == 2 else f"job_payload|{part}|{job}"  # noqa: PLR2004 - sealed for a schedule
    return ledger.vault.open(org, row["kid"], place, bytes(row["blob"]))


def list_workers(session: Session, org: UUID | None = None) -> list[WorkerView]:
    """List workers seen within a day, living ones first; needs an engine transaction. With `org`, only its jobs are named."""
    # Newest first, so that a day of restarts never hides a living worker's jobs.
    sql = (
        "select w.id, host, pid, queues, slots, pool, kinds, w.started_at, w.expires_at, stopping, "
        "w.lost_at is null and w.expires_at > wf_now() as alive, coalesce(a.active, '[]') as active "
        "from worker_session w left join lateral (select jsonb_agg(jsonb_build_object('job', j.id, 'kind', j.kind, 'since', j.attempt_at) order by j.id) "
        "as active from job j where j.owner = w.id and j.stage = 'running' and (%(org)s::uuid is null or j.org = %(org)s::uuid)) a on true "
        "order by alive desc, w.started_at desc, w.id limit %(rows)s"
    )
    return [WorkerView(**row) for row in _rows(session, sql, {"org": org, "rows": ROWS})]


# Each count reads its own partial index.
COUNTS = " union all ".join(
    f"select queue, '{stage}' as stage, count(*) as n from job where stage = '{stage}' and (%(org)s::uuid is null or org = %(org)s::uuid) group by queue"  # noqa: S608 - words of ours
    for stage in ("queued", "scheduled", "blocked", "dispatched", "running")
)


def list_queues(session: Session, org: UUID | None = None) -> list[QueueView]:
    """List the queues with their counts; needs an engine transaction. With `org`, only its jobs are counted."""
    counted: dict[tuple[str, str], int] = {(row["queue"], row["stage"]): row["n"] for row in _rows(session, COUNTS, {"org": org})}
    return [
        QueueView(
            name=row["name"], paused=row["paused"], waiting=counted.get((row["name"], "queued"), 0),
            **{stage: counted.get((row["name"], stage), 0) for stage in ("scheduled", "blocked", "dispatched", "running")},
        )
        for row in _rows(session, "select name, paused from queue order by name", {})
    ]  # fmt: skip


def list_schedules(session: Session, org: UUID) -> list[ScheduleView]:
    """List an organisation's schedules by name; the first 1,000."""
    return [_schedule(row) for row in _rows(session, SCHEDULES + " order by name limit %(rows)s", {"org": org, "id": None, "rows": ROWS})]


def get_schedule(session: Session, org: UUID, schedule: UUID) -> ScheduleView:
    """Return one schedule; raises NotFound."""
    rows = _rows(session, SCHEDULES, {"org": org, "id": schedule})
    if not rows:
        message = f"there is no schedule {schedule}; `watchfloor schedules list` shows those there are"
        raise NotFound(message)
    return _schedule(rows[0])


SCHEDULES = (
    "select id, name, kind, queue, cron, make_interval(secs => every_s) as every, tz, next_tick, enabled, catch_up, overlap, jitter, priority, "
    "created_at, actor from schedule where org = %(org)s and (%(id)s::uuid is null or id = %(id)s::uuid)"
)


def _schedule(row: dict[str, Any]) -> ScheduleView:
    return ScheduleView(**{**row, "priority": public_priority(row["priority"])})


# A job's moment is its newest timestamp. Candidates come from four indexes: made, running, ended lately, and named by a ring.
CHANGES = """
with near as (
  select id from job where org = %(org)s and id >= %(first)s
  union select id from job where org = %(org)s and stage = 'running'
  union select id from job where org = %(org)s and finished_at >= %(since)s
  union select id from job where org = %(org)s and id = any (%(rung)s::uuid[])),
seen as (
  select j.id, greatest(j.created_at, j.attempt_at, j.cancel_at, j.finished_at, p.at, a.ended_at) as moment
  from near n join job j on j.org = %(org)s and j.id = n.id
  left join job_progress p on p.org = j.org and p.job = j.id
  left join job_attempt a on a.org = j.org and a.job = j.id and a.attempt = j.attempt)
select id, moment from seen where (moment, id) > (%(since)s, %(last)s::uuid) order by moment, id limit %(rows)s
"""


def list_changes(
    session: Session, org: UUID, since: datetime, last: UUID = NO_JOB, *, rung: Sequence[UUID] = ()
) -> list[tuple[datetime, JobView]]:
    """List jobs that changed after `(since, last)`, oldest change first, at most 1,000; for the live stream.

    `rung` are jobs that a notification named: they are found even when no index leads to their change.
    """
    values = {"org": org, "since": since, "last": last, "first": _first_id(since), "rung": list(rung), "rows": ROWS}
    found = {row["id"]: row["moment"] for row in _rows(session, CHANGES, values)}
    # The rows are read a moment later than their moments: whichever is newer goes with what is told.
    rows = session.execute(_jobs(org).where(Job.id.in_(list(found)))).all()
    return sorted(((max(found[row[0].id], _moment(row)), _view(row)) for row in rows), key=lambda one: (one[0], one[1].id))


def _moment(row: Any) -> datetime:  # noqa: ANN401 - a row of `_jobs`
    job: Job = row[0]
    moments = (job.created_at, job.attempt_at, job.cancel_at, job.finished_at, row[1].at if row[1] else None)
    return max(moment for moment in moments if moment is not None)


def _first_id(since: datetime) -> str:
    """Return the smallest id a job made at this moment can have; clocks may differ by a minute."""
    stamp = max(0, int(since.timestamp() * 1000) - 60_000)
    return f"{stamp:012x}" + "0" * 20


def _rows(session: Session, sql: Any, values: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - text of this file
    return wire_of(session).cursor(row_factory=dict_row).execute(sql, values).fetchall()
