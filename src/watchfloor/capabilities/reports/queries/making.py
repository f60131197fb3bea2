"""How a report comes to be: asked for once, rendered by one attempt at a time, ready or failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta  # noqa: TC003 - psycopg makes rows of this class
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.capabilities.reports.engine.render import Rendered
    from watchfloor.capabilities.reports.schemas.words import Format

COLUMNS: Final = "id, scan, format, state, error, error_code, artifact, sha256, size_bytes, pages, rows_total, file_path, ready_at, job, retention, title"
SAME: Final = (
    "org = %(org)s and spec_hash = %(spec_hash)s and snapshot = %(snapshot)s and format = %(format)s and template_version = %(version)s "
)
ADD: Final = """
insert into report (org, id, snapshot, scan, scope_hash, preset, theme, format, options, redaction, spec_hash, template_version, state, retention, created_by)
values (%(org)s, %(id)s, %(snapshot)s, %(scan)s, %(scope_hash)s, %(preset)s, %(theme)s, %(format)s, %(options)s, %(redaction)s, %(spec_hash)s,
  %(version)s, 'pending', %(retention)s, %(actor)s)
on conflict (org, spec_hash, snapshot, format, template_version) where state not in ('deleted', 'lost') do nothing
"""
# Whoever renders is the job of the row while that job is unfinished; a dead one's row is anybody's.
TAKE: Final = f"""
update report r set state = 'rendering', job = %(job)s, error = null, error_code = null
where {SAME} and (state in ('pending', 'failed') or state = 'rendering' and (job = %(job)s or not exists (
    select 1 from job j where j.org = r.org and j.id = r.job and not wf_ended(j.stage))))
returning {COLUMNS}
"""  # noqa: S608 - our own columns
FIND: Final = f"select {COLUMNS} from report where {SAME} and state not in ('deleted', 'lost')"  # noqa: S608 - our own columns
# A class that keeps longer wins: who asked for an audit report gets one, though somebody had the same as a temporary one.
CLASSES: Final = "array['temporary', 'standard', 'audit', 'hold']"
KEEP: Final = f"""
update report set retention = %(retention)s, expires_at = ready_at + %(keep)s
where org = %(org)s and id = %(id)s and array_position({CLASSES}, retention) < array_position({CLASSES}, %(retention)s::text)
"""  # noqa: S608 - our own words
READY: Final = f"""
update report set state = 'ready', title = %(title)s, artifact = %(artifact)s, sha256 = %(sha256)s, size_bytes = %(size)s, pages = %(pages)s, rows_shown = %(shown)s,
  rows_total = %(total)s, notes = %(notes)s, manifest = %(manifest)s, signature = %(signature)s, file_path = %(path)s, ready_at = wf_now(),
  expires_at = wf_now() + %(keep)s
where org = %(org)s and id = %(id)s and job = %(job)s and state = 'rendering' returning {COLUMNS}
"""  # noqa: S608 - our own columns


@dataclass(frozen=True)
class Row:
    """A report as its makers see it."""

    id: UUID
    scan: UUID | None
    format: str
    state: str
    error: str | None
    error_code: str | None
    artifact: UUID | None
    sha256: bytes | None
    size_bytes: int | None
    pages: int | None
    rows_total: int | None
    file_path: str | None
    ready_at: datetime | None
    job: UUID | None
    retention: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What makes a report the same as another one, and what is written down about it."""

    org: UUID
    job: UUID
    snapshot: UUID
    scan: UUID | None
    scope_hash: bytes
    preset: str
    theme: str
    options: dict[str, Any]
    redaction: str
    spec_hash: bytes
    version: int
    retention: str
    keep: timedelta
    actor: str

    def values(self, format_: Format) -> dict[str, Any]:
        """Return what the statements name."""
        return {**vars(self), "id": new_id(), "options": Jsonb(self.options), "format": str(format_)}


def claim(session: Session, asked: Asked, format_: Format) -> tuple[Row, bool]:
    """Return the report and whether it is this job's to render; else it is ready, or another job renders it just now."""
    wire, values = wire_of(session), asked.values(format_)
    wire.execute(ADD, values)
    taken = wire.cursor(row_factory=class_row(Row)).execute(TAKE, values).fetchone()
    if taken is not None:
        return taken, True
    found = wire.cursor(row_factory=class_row(Row)).execute(FIND, values).fetchone()
    assert found is not None  # noqa: S101 - added above, and rows are only marked as deleted
    if found.state == "ready":
        wire.execute(KEEP, {**values, "id": found.id})
    return found, False


def finish(
    session: Session, asked: Asked, report: UUID, rendered: Rendered, *, artifact: UUID, sha256: bytes, size: int, manifest: bytes, signature: bytes, path: str | None, title: str,
) -> Row | None:  # fmt: skip
    """Say that a report is ready; None when it is no longer this job's."""
    values = {
        "org": asked.org, "job": asked.job, "id": report, "artifact": artifact, "sha256": sha256, "size": size, "pages": rendered.pages,
        "shown": rendered.rows_shown, "total": rendered.rows_total, "notes": Jsonb(list(rendered.notes)), "manifest": manifest, "signature": signature,
        "path": path, "keep": asked.keep, "title": title,
    }  # fmt: skip
    return wire_of(session).cursor(row_factory=class_row(Row)).execute(READY, values).fetchone()


def copied(session: Session, org: UUID, report: UUID, path: str) -> Row:
    """Say where a report's plain copy lies."""
    wire_of(session).execute("update report set file_path = %s where org = %s and id = %s and state = 'ready'", (path, org, report))
    return get_row(session, org, report)


def get_row(session: Session, org: UUID, report: UUID) -> Row:
    """Return a report that is known to be there."""
    sql = f"select {COLUMNS} from report where org = %s and id = %s"  # noqa: S608 - our own columns
    found = wire_of(session).cursor(row_factory=class_row(Row)).execute(sql, (org, report)).fetchone()
    assert found is not None  # noqa: S101 - the caller knows it
    return found


def fail(session: Session, asked: Asked, report: UUID, code: str, text: str) -> None:
    """Say why a report could not be rendered."""
    wire_of(session).execute(
        "update report set state = 'failed', error_code = %s, error = %s, expires_at = wf_now() + %s where org = %s and id = %s and job = %s "
        "and state = 'rendering'",
        (code, text[:2000], asked.keep, asked.org, report, asked.job),
    )
