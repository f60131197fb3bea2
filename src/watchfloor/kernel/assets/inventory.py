"""What we know exists: seen again and again, kept once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session


def see(session: Session, org: UUID, *, kind: str, key: str, name: str | None = None) -> UUID:
    """Note that an asset exists and return its id; seeing it twice changes its last sight and, if told, its name."""
    row = wire_of(session).execute(
        "insert into asset as a (org, id, kind, key, name) values (%s, %s, %s, %s, %s) "
        "on conflict (org, kind, key) do update set last_seen = greatest(a.last_seen, excluded.last_seen), name = coalesce(excluded.name, a.name) "
        "returning id",
        (org, new_id(), kind, key, name),
        prepare=True,
    ).fetchone()  # fmt: skip
    return UUID(str(row[0])) if row else new_id()


def tag(session: Session, org: UUID, asset: UUID, tags: Sequence[str], *, actor: str) -> None:
    """Give an asset exactly these tags; audited. Raises NotFound."""
    kept = sorted(set(tags))
    if wire_of(session).execute("update asset set tags = %s where org = %s and id = %s", (kept, org, asset)).rowcount == 0:
        message = f"there is no asset {asset}"
        raise NotFound(message)
    record(session, org, actor=actor, operation="asset.tag", object=str(asset), reason=", ".join(kept))
