"""What we know exists: seen again and again, kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session


NAMES_MAX = 20
TAGGED_MAX = 65_536
EXPOSURES = ("internet", "partner", "internal", "isolated", "unknown")
SEE = """
insert into asset as a (org, id, kind, key, name, names) values (%(org)s, %(id)s, %(kind)s, %(key)s, %(name)s, array_remove(array[%(name)s::text], null))
on conflict (org, kind, key) do update set last_seen = greatest(a.last_seen, excluded.last_seen), name = coalesce(excluded.name, a.name),
  names = case when excluded.name is null or excluded.name = any (a.names) then a.names
    else (array[excluded.name] || a.names)[1:%(most)s] end
returning id
"""
# Row-level security lets no index on names be used, so a scan of the organisation's assets compares each name with a hash of all texts.
KNOWN = """
select id, key, names, tags from asset where org = %(org)s and (id = any (%(ids)s) or key = any (%(texts)s)
  or exists (select from unnest(names) as n (name) where n.name = any (%(texts)s))) order by id limit %(most)s
"""


@dataclass(frozen=True)
class Tagged:
    """An asset that has a tag: its key, and the names it was seen under, latest first."""

    id: UUID
    key: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """An asset as it is known: its key and all names that it was seen under, and its tags."""

    id: UUID
    called: tuple[str, ...]
    tags: tuple[str, ...]


def see(session: Session, org: UUID, *, kind: str, key: str, name: str | None = None) -> UUID:
    """Note that an asset exists and return its id; seeing it twice changes its last sight and, if told, its name (the last 20 are kept)."""
    values = {"org": org, "id": new_id(), "kind": kind, "key": key, "name": name, "most": NAMES_MAX}
    row = wire_of(session).execute(SEE, values, prepare=True).fetchone()
    return UUID(str(row[0])) if row else new_id()


def tagged(session: Session, org: UUID, tags: Sequence[str], *, kind: str) -> list[Tagged]:
    """Return the assets of a kind that have one of these tags, by key."""
    sql = "select id, key, names from asset where org = %s and kind = %s and tags && %s::text[] order by key limit %s"
    rows = wire_of(session).execute(sql, (org, kind, list(tags), TAGGED_MAX)).fetchall()
    return [Tagged(row[0], row[1], tuple(row[2])) for row in rows]


def known(session: Session, org: UUID, *, texts: Sequence[str], ids: Sequence[UUID]) -> list[Known]:
    """Return the assets that have one of these ids, or one of these texts as key or name, in the order of their ids."""
    rows = wire_of(session).execute(KNOWN, {"org": org, "texts": list(texts), "ids": list(ids), "most": TAGGED_MAX}).fetchall()
    return [Known(row[0], (row[1], *row[2]), tuple(row[3])) for row in rows]


def tag(session: Session, org: UUID, asset: UUID, tags: Sequence[str], *, actor: str) -> None:
    """Give an asset exactly these tags; audited. Raises NotFound."""
    kept = sorted(set(tags))
    _change(session, "update asset set tags = %s where org = %s and id = %s", kept, org, asset)
    record(session, org, actor=actor, operation="asset.tag", object=str(asset), reason=", ".join(kept))


def expose(session: Session, org: UUID, asset: UUID, exposure: str, *, actor: str) -> None:
    """Say from where an asset can be reached; audited.

    Raises:
        InvalidInput: It is not one of internet, partner, internal, isolated, unknown.
        NotFound: There is no such asset.
    """
    if exposure not in EXPOSURES:
        raise InvalidInput(f"{exposure[:40]!r} is no exposure; choose from {', '.join(EXPOSURES)}", field="/exposure")
    _change(session, "update asset set exposure = %s where org = %s and id = %s", exposure, org, asset)
    record(session, org, actor=actor, operation="asset.expose", object=str(asset), reason=exposure)


def _change(session: Session, sql: LiteralString, value: object, org: UUID, asset: UUID) -> None:
    if wire_of(session).execute(sql, (value, org, asset)).rowcount == 0:
        message = f"there is no asset {asset}; `watchfloor assets list` shows those there are"
        raise NotFound(message)
