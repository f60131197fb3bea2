"""The place in the database: parts are rows that come and go with the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.artifacts.places import Lying, between
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Database

PUT = "insert into artifact_part (org, address, n, blob) values (%s, %s, %s, %s) on conflict (org, address, n) do update set blob = excluded.blob"
LISTING = (
    "select address, sum(octet_length(blob)) from artifact_part where org = %(org)s and address >= %(low)s "
    "and (%(high)s::bytea is null or address < %(high)s) group by address"
)


class Table:
    """Table `artifact_part`."""

    def scratch(self) -> Path | None:
        """Return None: the database's disk is out of our reach."""
        return None

    def put(self, session: Session | None, org: UUID, address: bytes, parts: Iterable[bytes]) -> None:
        """Keep all parts in the caller's transaction, without which there is no way."""
        if session is None:
            raise TypeError("the place in the database needs the caller's transaction")
        for n, part in enumerate(parts):
            wire_of(session).execute(PUT, (org, address, n, part))

    def fetch(self, database: Database, org: UUID, address: bytes, n: int, start: int, size_bytes: int) -> bytes | None:  # noqa: ARG002 - a part is a row
        """Return a part, read in a short transaction of its own."""
        with database.transaction(org) as session:
            sql = "select blob from artifact_part where org = %s and address = %s and n = %s"
            row = wire_of(session).execute(sql, (org, address, n)).fetchone()
        return bytes(row[0]) if row else None

    def look(self, session: Session, org: UUID, address: bytes) -> Lying | None:
        """Return the parts' sizes together."""
        sql = "select sum(octet_length(blob)) from artifact_part where org = %s and address = %s"
        row = wire_of(session).execute(sql, (org, address)).fetchone()
        return Lying(address, int(row[0]), None) if row and row[0] is not None else None

    def drop(self, session: Session, org: UUID, address: bytes) -> None:
        """Delete all parts in the caller's transaction."""
        wire_of(session).execute("delete from artifact_part where org = %s and address = %s", (org, address))

    def listing(self, database: Database, org: UUID, first: int | None) -> Iterator[Lying]:
        """Yield what lies there."""
        with database.transaction(org) as session:
            rows = wire_of(session).execute(LISTING, {"org": org, **between(first)}).fetchall()
        for address, size_bytes in rows:
            yield Lying(bytes(address), int(size_bytes), None)

    def clear_drafts(self, org: UUID, older_than: timedelta, *, dry_run: bool = False) -> int:  # noqa: ARG002 - a transaction leaves none behind
        """Return 0."""
        return 0
