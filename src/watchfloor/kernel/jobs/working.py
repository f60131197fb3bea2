"""Tell whether work gets done: who dispatches, who works, what waits, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs import queries
from watchfloor.kernel.jobs.rescue import SESSION_TTL_S
from watchfloor.kernel.jobs.schemas import QueueStatus, WorkersStatus, WorkerStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.schemas import WorkerView

UNHEARD_S: Final = 10.0
ATTEMPTS: Final = 500  # of the organisation's newest, to tell which layers were in force
PRESENT: Final = (22342, 3)  # every dispatcher holds this advisory lock, shared, on the connection it listens on

NOW: Final = """
select wf_now() as now,
  (select count(*) from pg_locks where locktype = 'advisory' and (classid, objid) = (%(classid)s, %(objid)s) and granted
     and database = (select oid from pg_database where datname = current_database())) as dispatchers,
  exists (select 1 from job where stage = 'dispatched' and dispatched_at < wf_now() - make_interval(secs => %(unheard_s)s)) as unheard
"""
OLDEST: Final = """
select queue, greatest(0, extract(epoch from wf_now() - min(run_at)))::float8 as age from job where stage = 'queued' and org = %(org)s group by queue
"""
LAYERS: Final = """
select distinct on (session) session, in_force from (
  select session, in_force, job, attempt from job_attempt where org = %(org)s order by job desc, attempt desc limit %(rows)s) newest
where cardinality(in_force) > 0 order by session, job desc, attempt desc
"""


def status(session: Session, org: UUID) -> WorkersStatus:
    """Return who works and what waits; needs an engine transaction. Only the organisation's own jobs are counted and named."""
    (seen,) = _rows(session, NOW, {"classid": PRESENT[0], "objid": PRESENT[1], "unheard_s": UNHEARD_S})
    layers = {row["session"]: row["in_force"] for row in _rows(session, LAYERS, {"org": org, "rows": ATTEMPTS})}
    oldest = {row["queue"]: row["age"] for row in _rows(session, OLDEST, {"org": org})}
    living = [worker for worker in queries.list_workers(session, org) if worker.alive]
    queues = [
        QueueStatus(name=one.name, queued=one.waiting, running=one.running, oldest=oldest.get(one.name), paused=one.paused)
        for one in queries.list_queues(session, org)
    ]
    broker = "unknown" if not (living and seen["dispatchers"]) else "silent" if seen["unheard"] else "ok"
    problems = list(_problems(living, queues, seen["dispatchers"], broker))
    down = not seen["dispatchers"] or not any(not worker.stopping for worker in living)
    return WorkersStatus(
        status="down" if down else "degraded" if problems else "healthy", total_workers=len(living), problems=problems,
        workers=[_worker(worker, seen["now"], layers.get(worker.id)) for worker in living], queues=queues,
        dispatchers=seen["dispatchers"], broker=broker,
    )  # fmt: skip


def _problems(living: Sequence[WorkerView], queues: Sequence[QueueStatus], dispatchers: int, broker: str) -> Iterator[str]:
    if not dispatchers:
        yield "No scheduler runs, so nothing is started: start one with `watchfloor scheduler` or `watchfloor up`."
    if not living:
        yield "No worker is connected, so what is accepted waits: start one with `watchfloor worker` or `watchfloor up`."
    elif all(worker.stopping for worker in living):
        yield "Every worker is stopping, so what is accepted waits for the next one."
    if broker == "silent":
        yield f"A ticket has not been heard for {UNHEARD_S:.0f} s: the broker or the workers' connection to it may be down; see `watchfloor doctor`."
    served = {name for worker in living if not worker.stopping for name in worker.queues}
    for queue in queues:
        if living and queue.queued and queue.name not in served:
            yield f"Jobs wait on queue {queue.name}, which no worker serves."


def _worker(worker: WorkerView, now: datetime, layers: list[str] | None) -> WorkerStatus:
    beat = worker.expires_at.timestamp() - SESSION_TTL_S
    return WorkerStatus(
        name=f"watchfloor-{worker.pid}@{worker.host}", active_tasks=len(worker.active), registered_tasks=len(worker.kinds),
        stats={
            "pool": worker.pool, "uptime": round((now - worker.started_at).total_seconds(), 1), "started_at": worker.started_at,
            "slots_free": max(0, worker.slots - len(worker.active)), "stopping": worker.stopping,
        },
        active=worker.active, kinds=worker.kinds, session=worker.id, host=worker.host, pid=worker.pid, queues=worker.queues, slots=worker.slots,
        heartbeat_age=round(max(0.0, now.timestamp() - beat), 1), isolation=layers,
    )  # fmt: skip


def _rows(session: Session, sql: Any, values: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ANN401 - text of this file
    return wire_of(session).cursor(row_factory=dict_row).execute(sql, values).fetchall()
