"""Count what tells whether scanning works: queue, workers, scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.capabilities.scans.engine.health import Figures
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

# Work of another organisation is not seen here; its wait shows in that of ours.
FIGURES: Final = """
with waiting as (
  select count(*) as n, min(run_at) as first from job where org = %(org)s and queue = %(queue)s and stage = 'queued'),
working as (
  select count(*) as n, coalesce(sum(slots), 0) as slots from worker_session
  where %(queue)s = any (queues) and not stopping and lost_at is null and expires_at > wf_now())
select working.n::int as workers, working.slots::int as slots, (select paused from queue where name = %(queue)s) as paused,
  waiting.n::int as waiting, coalesce(greatest(0, extract(epoch from wf_now() - waiting.first)), 0)::float8 as oldest_wait_s,
  (select count(*) from scan where org = %(org)s and state = 'running')::int as scans_running
from waiting, working
"""
OVERDUE: Final = """
select id from scan where org = %(org)s and state = 'running'
  and started_at + (request->>'timeout')::interval + interval '10 minutes' < wf_now() order by id limit 100
"""
LAST: Final = (
    "select data->'checks' from event where org = %s and name = any (%s) and at > wf_now() - interval '24 hours' order by id desc limit 1"
)


def figures(session: Session, org: UUID, *, queue: str, **more: Any) -> Figures:  # noqa: ANN401 - Figures' other fields
    """Return what was counted in the database, together with what the caller counted elsewhere."""
    wire = wire_of(session)
    row: Any = wire.cursor(row_factory=dict_row).execute(FIGURES, {"org": org, "queue": queue}).fetchone()
    overdue = tuple(found[0] for found in wire.execute(OVERDUE, {"org": org}).fetchall())
    return Figures(**row, overdue=overdue, **more)


def last_told(session: Session, org: UUID, events: Sequence[str]) -> list[str]:
    """Return which checks the last of these events named; nothing when none was told within a day."""
    row = wire_of(session).execute(LAST, (org, list(events))).fetchone()
    return list(row[0]) if row else []
