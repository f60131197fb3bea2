"""What an organisation watches for: kept and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries.search import Asked, compiled
from watchfloor.capabilities.advisories.schemas.watches import Watches, WatchView
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.advisories.schemas.watches import WatchChange, WatchCreate
    from watchfloor.kernel.db.session import Wire

MOST = 500  # watches of an organisation
COLUMNS = "w.id, w.name, w.query, w.kinds, w.min_score, w.asset_tags, w.enabled, w.created_by, w.created_at"
LIST = f"""
select {COLUMNS}, count(h.k), max(h.at) from adv_watch w left join adv_watch_hit h on (h.org, h.watch) = (w.org, w.id)
where w.org = %(org)s and (%(id)s::uuid is null or w.id = %(id)s) group by w.org, w.id order by w.name
"""  # noqa: S608 - our own columns
# A watch begins here and now, when it is made and when it is switched on again.
LAST = "(select coalesce(max(id), 0) from adv_change)"
ADD = f"""
insert into adv_watch (org, id, name, query, kinds, min_score, asset_tags, enabled, created_by, since_change)
select %(org)s, %(id)s, %(name)s, %(query)s, %(kinds)s, %(min_score)s, %(asset_tags)s, %(enabled)s, %(actor)s, {LAST}
on conflict (org, name) do nothing returning id
"""
CHANGE = f"""
update adv_watch set name = %(name)s, query = %(query)s, kinds = %(kinds)s, min_score = %(min_score)s, asset_tags = %(asset_tags)s,
  since_change = case when %(enabled)s and not enabled then {LAST} else since_change end,
  armed_at = case when %(enabled)s and not enabled then wf_now() else armed_at end,
  seen_until = case when %(enabled)s and not enabled then wf_now() else seen_until end, enabled = %(enabled)s
where org = %(org)s and id = %(id)s
"""  # noqa: S608 - our own text


def list_watches(session: Session, org: UUID, *, least: float) -> Watches:
    """Return all watches by name."""
    wire = wire_of(session)
    rows = wire.execute(LIST, {"org": org, "id": None}).fetchall()
    return Watches(items=[_view(wire, row, least) for row in rows])


def get_watch(session: Session, org: UUID, watch: UUID, *, least: float) -> WatchView:
    """Return one watch; raises NotFound."""
    wire = wire_of(session)
    row = wire.execute(LIST, {"org": org, "id": watch}).fetchone()
    if row is None:
        raise missing(watch)
    return _view(wire, row, least)


def find_watch(session: Session, org: UUID, name: str) -> UUID | None:
    """Return the watch of a name."""
    row: Any = wire_of(session).execute("select id from adv_watch where org = %s and name = %s", (org, name)).fetchone()
    return row[0] if row else None


def create_watch(session: Session, org: UUID, wanted: WatchCreate, *, actor: str, least: float) -> UUID:
    """Begin to watch; audited. It tells of what happens from now on, never of what is so already.

    Raises:
        InvalidInput: The query has no meaning.
        Conflict: There is a watch of this name, or too many.
    """
    wire = wire_of(session)
    _demand_query(wire, wanted.query, least)
    count: Any = wire.execute("select count(*) from adv_watch where org = %s", (org,)).fetchone()
    if count[0] >= MOST:
        message = f"there are {MOST} watches already; remove one first"
        raise Conflict(message)
    watch = new_id()
    if wire.execute(ADD, {"org": org, "id": watch, "actor": actor, **wanted.model_dump()}).fetchone() is None:
        raise _taken(wanted.name)
    record(session, org, actor=actor, operation="watch.create", object=str(watch), reason=wanted.name)
    return watch


def change_watch(session: Session, org: UUID, watch: UUID, wanted: WatchChange, *, actor: str, least: float) -> None:
    """Change a watch; audited. Switched on again it begins anew: what happened meanwhile is not told.

    Raises:
        NotFound: There is none.
        InvalidInput: The query has no meaning.
        Conflict: Another watch has this name.
    """
    wire = wire_of(session)
    held = get_watch(session, org, watch, least=least)
    asked = wanted.model_dump(exclude_unset=True, exclude_none=True)
    if "query" in asked:
        _demand_query(wire, asked["query"], least)
    if asked.get("name", held.name) != held.name and find_watch(session, org, asked["name"]) is not None:
        raise _taken(asked["name"])
    values = held.model_dump(include={"name", "query", "kinds", "min_score", "asset_tags", "enabled"}) | asked
    wire.execute(CHANGE, {"org": org, "id": watch, **values})
    record(session, org, actor=actor, operation="watch.change", object=str(watch), reason=", ".join(sorted(asked)))


def delete_watch(session: Session, org: UUID, watch: UUID, *, actor: str) -> None:
    """Watch no longer; audited. Raises NotFound."""
    if wire_of(session).execute("delete from adv_watch where org = %s and id = %s", (org, watch)).rowcount == 0:
        raise missing(watch)
    record(session, org, actor=actor, operation="watch.delete", object=str(watch))


def enabled(wire: Wire, org: UUID) -> list[UUID]:
    """Return the watches that look."""
    return [row[0] for row in wire.execute("select id from adv_watch where org = %s and enabled order by id", (org,))]


def _view(wire: Wire, row: Any, least: float) -> WatchView:  # noqa: ANN401 - a row
    number, name, query, kinds, score, tags, active, actor, created, hits, last = row
    return WatchView(
        id=number, name=name, query=query, kinds=kinds, min_score=score, asset_tags=tags, enabled=active, created_by=actor, created_at=created,
        hits=hits, last_hit_at=last, broken=trouble(wire, query, created, least),
    )  # fmt: skip


def trouble(wire: Wire, query: str, now: datetime, least: float) -> str | None:
    """Return why a query cannot be asked, or None: the language of a later version may have other words."""
    try:
        compiled(wire, Asked(query, now, least=least))
    except InvalidInput as error:
        return str(error)
    return None


def _demand_query(wire: Wire, query: str, least: float) -> None:
    row: Any = wire.execute("select wf_now()").fetchone()
    compiled(wire, Asked(query, row[0], least=least))


def missing(watch: UUID) -> NotFound:
    """Return that there is no such watch, to be raised."""
    return NotFound(f"there is no watch {watch}; `watchfloor advisories watch list` shows those there are")


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a watch {name[:60]!r} already; change it, or take another name")
