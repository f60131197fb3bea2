"""How reports end: whose time is over, what is held, which snapshots nobody needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta  # noqa: TC003 - psycopg makes rows of this class
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

AT_ONCE: Final = 500
# Older than its class allows, or older than what was asked for; not among the newest of its kind; nobody holds it; no job works on it.
OVER: Final = """
with numbered as (
  select id, artifact, size_bytes, file_path, retention, state, expires_at, coalesce(ready_at, created_at) as since,
    row_number() over (partition by scope_hash, preset, format order by (state = 'ready') desc, coalesce(ready_at, created_at) desc, id desc) as n
  from report where org = %(org)s and state in ('ready', 'failed', 'lost'))
select id, artifact, size_bytes, file_path, state from numbered
where retention <> 'hold' and n > %(keep_last)s and (expires_at < wf_now()
  or (retention in ('temporary', 'standard') and since < wf_now() - %(older_than)s::interval))
  order by id limit %(rows)s
"""
COUNTS: Final = """
select count(*), count(*) filter (where retention = 'hold') from report where org = %(org)s and state <> 'deleted'
"""
# A report whose job has ended, and that is not ready, is nobody's any more: the job was cancelled or stopped, or lost its snapshot.
ABANDONED: Final = """
update report r set state = 'failed', error_code = 'abandoned', error = 'its job ended before it was written; ask for it again',
  expires_at = wf_now() + interval '7 days'
where org = %(org)s and (%(ids)s::uuid[] is null or id = any (%(ids)s)) and state in ('pending', 'rendering') and job is not null
  and not exists (select 1 from job j where j.org = r.org and j.id = r.job and not wf_ended(j.stage))
"""
# A snapshot is needed by what may be verified by rendering it again, and by reports that are being made.
UNUSED: Final = """
select s.id, s.artifact from report_snapshot s where s.org = %(org)s and s.artifact is not null and s.expires_at < wf_now()
  and not exists (select 1 from report r where r.org = s.org and r.snapshot = s.id
    and (r.state in ('pending', 'rendering') or (r.state = 'ready' and r.retention in ('audit', 'hold')))) order by s.id limit %(rows)s
"""


@dataclass(frozen=True)
class Over:
    """A report whose time is over."""

    id: UUID
    artifact: UUID | None
    size_bytes: int | None
    file_path: str | None
    state: str


def list_over(session: Session, org: UUID, *, older_than: timedelta | None, keep_last: int) -> list[Over]:
    """Return the next reports whose time is over, by id."""
    values = {"org": org, "keep_last": keep_last, "older_than": older_than, "rows": AT_ONCE}
    return wire_of(session).cursor(row_factory=class_row(Over)).execute(OVER, values).fetchall()


def counts(session: Session, org: UUID) -> tuple[int, int]:
    """Return how many reports there are, and how many are held."""
    row: Any = wire_of(session).execute(COUNTS, {"org": org}).fetchone()
    return row[0], row[1]


def tombstone(session: Session, org: UUID, reports: list[UUID]) -> list[Over]:
    """Mark reports as deleted, unless somebody holds them by now; return those that are."""
    sql = (
        "with old as (select id, artifact, size_bytes, file_path, state from report where org = %(org)s and id = any (%(ids)s) "
        "and state in ('ready', 'failed', 'lost') and retention <> 'hold' for update), gone as (update report r set state = 'deleted', "
        "deleted_at = wf_now(), file_path = null, artifact = null from old where r.org = %(org)s and r.id = old.id) select * from old"
    )
    return wire_of(session).cursor(row_factory=class_row(Over)).execute(sql, {"org": org, "ids": reports}).fetchall()


def fail_abandoned(session: Session, org: UUID, reports: list[UUID] | None = None) -> int:
    """Say that reports have failed, all or those of these ids, whose jobs ended before they were ready; return how many."""
    return wire_of(session).execute(ABANDONED, {"org": org, "ids": reports}).rowcount


def ended(session: Session, org: UUID, reports: list[UUID]) -> set[UUID]:
    """Return those of these reports that are deleted or have failed."""
    sql = "select id from report where org = %s and id = any (%s) and state in ('deleted', 'failed')"
    return {row[0] for row in wire_of(session).execute(sql, (org, reports)).fetchall()}


def list_unused_snapshots(session: Session, org: UUID) -> list[tuple[UUID, UUID]]:
    """Return snapshots that nobody needs any more, with their files."""
    return [(row[0], row[1]) for row in wire_of(session).execute(UNUSED, {"org": org, "rows": AT_ONCE}).fetchall()]


def drop_snapshot_files(session: Session, org: UUID, snapshots: list[UUID]) -> None:
    """Forget the files of snapshots; their rows stay, because reports name them."""
    wire_of(session).execute("update report_snapshot set artifact = null where org = %s and id = any (%s)", (org, snapshots))


def mark_lost(session: Session, org: UUID, artifacts: list[UUID]) -> int:
    """Mark reports as lost whose stored file is one of these, and snapshots as not to be had; return how many reports."""
    wire = wire_of(session)
    wire.execute("update report_snapshot set artifact = null where org = %s and artifact = any (%s)", (org, artifacts))
    sql = (
        "update report set state = 'lost', error_code = 'lost', error = 'its stored file is gone; ask for the report again' "
        "where org = %s and state = 'ready' and (artifact is null or artifact = any (%s))"
    )
    return wire.execute(sql, (org, artifacts)).rowcount


def hold(session: Session, org: UUID, report: UUID, *, reason: str, actor: str) -> bool:
    """Keep a report until somebody releases it; False when there is none to keep."""
    sql = "update report set retention = 'hold', hold_reason = %s, hold_by = %s, expires_at = null where org = %s and id = %s and state = 'ready'"
    return wire_of(session).execute(sql, (reason, actor, org, report)).rowcount == 1


def list_held(session: Session, org: UUID) -> list[str]:
    """Return the reports that somebody holds and the scans that they are about, as `noun:id`."""
    sql = (
        "select 'report:' || id from report where org = %(org)s and retention = 'hold' and state <> 'deleted' "
        "union select 'scan:' || scan from report where org = %(org)s and retention = 'hold' and state <> 'deleted' and scan is not null"
    )
    return [row[0] for row in wire_of(session).execute(sql, {"org": org}).fetchall()]


def release(session: Session, org: UUID, report: UUID, *, keep: timedelta) -> bool:
    """Let a held report end as an audit report does; False when it is not held."""
    sql = (
        "update report set retention = 'audit', hold_reason = null, hold_by = null, expires_at = ready_at + %s "
        "where org = %s and id = %s and state = 'ready' and retention = 'hold'"
    )
    return wire_of(session).execute(sql, (keep, org, report)).rowcount == 1
