"""Snapshots: the newest of a scope, a new one, and what a title needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - psycopg makes rows of this class
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.capabilities.reports.schemas.snapshot import Head

KEPT: Final = "7 days"
COLUMNS: Final = "id, artifact, as_of, sha256, size_bytes"


@dataclass(frozen=True)
class Stored:
    """A snapshot whose file is there."""

    id: UUID
    artifact: UUID
    as_of: datetime
    sha256: bytes
    size_bytes: int


def lock(session: Session, org: UUID, scope_hash: bytes, redaction: str) -> None:
    """Let nobody else add a snapshot of a scope until the transaction ends."""
    wire_of(session).execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"report_snapshot|{org}|{scope_hash.hex()}|{redaction}",)
    )


def find_newest(session: Session, org: UUID, scope_hash: bytes, redaction: str, watermark: str) -> Stored | None:
    """Return the newest snapshot of a scope when it was taken at this watermark and its file is still there."""
    sql = (
        f"select {COLUMNS} from (select {COLUMNS}, watermark from report_snapshot where org = %s and scope_hash = %s and redaction = %s "  # noqa: S608 - our own columns
        "order by taken_at desc limit 1) s where watermark = %s and artifact is not null"
    )
    cursor = wire_of(session).cursor(row_factory=class_row(Stored))
    return cursor.execute(sql, (org, scope_hash, redaction, watermark)).fetchone()


def find_newest_size(session: Session, org: UUID, scope_hash: bytes, redaction: str) -> int | None:
    """Return how many bytes the newest snapshot of a scope has or had, whatever changed since; None where there was none."""
    sql = "select size_bytes from report_snapshot where org = %s and scope_hash = %s and redaction = %s order by taken_at desc limit 1"
    row: Any = wire_of(session).execute(sql, (org, scope_hash, redaction)).fetchone()
    return row[0] if row else None


def find_snapshot(session: Session, org: UUID, snapshot: UUID) -> Stored | None:
    """Return a snapshot whose file is still there, or None."""
    sql = f"select {COLUMNS} from report_snapshot where org = %s and id = %s and artifact is not null"  # noqa: S608 - our own columns
    return wire_of(session).cursor(row_factory=class_row(Stored)).execute(sql, (org, snapshot)).fetchone()


def add(
    session: Session, org: UUID, snapshot: UUID, head: Head, *, scope_hash: bytes, watermark: str | None, sha256: str, size: int, artifact: UUID
) -> None:  # fmt: skip
    """Remember a snapshot; its file is kept for a week, longer when an audit report or a hold needs it."""
    wire_of(session).execute(
        "insert into report_snapshot (org, id, scope, scope_hash, redaction, watermark, as_of, rows, counts, sha256, size_bytes, artifact, "
        "expires_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, wf_now() + %s::interval)",
        (
            org, snapshot, Jsonb(head.model_dump(mode="json")["scope"]), scope_hash, str(head.redaction), watermark, head.as_of, head.rows,
            Jsonb({"findings": head.findings, "changes": head.changes}), bytes.fromhex(sha256), size, artifact, KEPT,
        ),
    )  # fmt: skip


def as_of(session: Session) -> datetime:
    """Return the moment of a transaction's data, by the database's clock."""
    row: Any = wire_of(session).execute("select date_trunc('second', wf_now())").fetchone()
    moment: datetime = row[0]
    return moment


def org_name(session: Session, org: UUID) -> str:
    """Return an organisation's name."""
    row: Any = wire_of(session).execute("select name from org where id = %s", (org,)).fetchone()
    return str(row[0])
