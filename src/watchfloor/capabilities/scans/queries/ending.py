"""Stop a scan that somebody does not want any more, and end those that nobody works for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.queries import write
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


def stop(session: Session, org: UUID, scan: UUID, *, actor: str) -> tuple[list[UUID], list[UUID]]:
    """End a scan as cancelled, audited and told; returns what `work_of` returns, for the caller to cancel after the commit.

    Raises:
        NotFound: There is none of this id.
        Conflict: It has ended already.
    """
    found = write.find_planned(session, org, scan)
    if found is None:
        raise NotFound(f"there is no scan {scan}; `watchfloor scans list` shows those there are")
    if not write.end_scan(session, org, scan, state="cancelled"):
        raise Conflict(f"scan {scan} has ended already ({found.state}); there is nothing to cancel")
    record(session, org, actor=actor, operation="scan.cancel", object=str(scan))
    emit(session, org, "scans.cancelled", data={"scan": str(scan)}, job=found.job)
    return _work(session, org, found)


def work_of(session: Session, org: UUID, scan: UUID) -> tuple[str, list[UUID], list[UUID]]:
    """Return a scan's state, its first job and the batches of its parts; a scan that is unknown has none of them."""
    found = write.find_planned(session, org, scan)
    return (found.state, *_work(session, org, found)) if found else ("", [], [])


def _work(session: Session, org: UUID, found: write.Planned) -> tuple[list[UUID], list[UUID]]:
    return ([found.job], write.batches_of(session, org, found.job)) if found.job else ([], [])


STUCK = """
select c.id from scan c where c.org = %(org)s and c.state in ('planned', 'running') and c.created_at < wf_now() - interval '5 minutes'
and not exists (
  select 1 from job j where j.org = c.org and j.finished_at is null
    and (j.id in (c.job, c.finish_job) or j.id in (select s.job from shard s where s.org = c.org and s.scan = c.id)
      or j.batch in (select b.id from job_batch b where b.org = c.org and b.parent = c.job)))
order by c.id limit 100
"""


def list_stuck(session: Session, org: UUID) -> list[UUID]:
    """Return scans that say they wait or run although none of their jobs does; the oldest 100."""
    return [row[0] for row in wire_of(session).execute(STUCK, {"org": org}).fetchall()]
