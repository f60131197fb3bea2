"""What people opt out of and back into, one type of event at a time, and what nobody may opt out of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.queries.wishes import DEFAULT, get_preference
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.events.outbox import heard_as

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST: Final = 100  # as many as Wishes.opted_out may hold
# One statement each, so that two links that are posted at once both count.
OUT: Final = (
    f"""
insert into notify_preference as p (org, id, user_id, wishes, changed_by)
select %(org)s, %(id)s, %(user)s, d.wishes || jsonb_build_object('opted_out', coalesce(d.wishes -> 'opted_out', '[]') || to_jsonb(%(what)s::text)), %(actor)s
from (select {DEFAULT} as wishes) d
"""  # noqa: S608 - our own text
    """
on conflict (org, user_id) do update set changed_by = excluded.changed_by, changed_at = wf_now(), revision = p.revision + 1,
  wishes = jsonb_set(p.wishes, '{opted_out}', coalesce(p.wishes -> 'opted_out', '[]') || to_jsonb(%(what)s::text))
where not coalesce(p.wishes -> 'opted_out', '[]') ?| %(heard)s and jsonb_array_length(coalesce(p.wishes -> 'opted_out', '[]')) < %(most)s
"""
)
BACK: Final = """
update notify_preference set changed_by = %(actor)s, changed_at = wf_now(), revision = revision + 1,
  wishes = jsonb_set(wishes, '{opted_out}', (wishes -> 'opted_out') - %(what)s::text)
where org = %(org)s and user_id = %(user)s and coalesce(wishes -> 'opted_out', '[]') ? %(what)s
"""
MANDATORY: Final = """
select w.user_id, w.type from unnest(%(users)s::text[], %(types)s::text[], %(nouns)s::text[]) as w (user_id, type, noun)
where exists (select 1 from notify_route r where r.org = %(org)s and r.enabled and r.mandatory and r.owner = w.user_id
  and r.events && array[w.type, w.noun, '*'])
"""


def list_mandatory(session: Session, org: UUID, asked: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those people and types of events of which a route says that they are told whatever they wish."""
    pairs = sorted({(user, type_) for user, type_ in asked if user})
    values = {
        "org": org, "users": [user for user, _ in pairs], "types": [type_ for _, type_ in pairs], "nouns": [heard_as(type_)[1] for _, type_ in pairs]
    }  # fmt: skip
    return {(row[0], row[1]) for row in wire_of(session).execute(MANDATORY, values).fetchall()} if pairs else set()


def opt_out(session: Session, org: UUID, user: str, type_: str, *, request_id: str | None, address: str | None) -> bool:
    """Tell a person nothing of this type any more; False when they had opted out of it already.

    Raises:
        Conflict: They opted out of as many events as they may.
    """
    actor = _actor(user)
    values = {"org": org, "id": new_id(), "user": user, "what": type_, "actor": actor, "heard": heard_as(type_), "most": MOST}
    if wire_of(session).execute(OUT, values).rowcount:
        record(session, org, actor=actor, operation="unsubscribe", object=user, reason=type_, request_id=request_id, address=address)
        return True
    if not set(heard_as(type_)) & set(get_preference(session, org, user).wishes.opted_out):
        message = (
            f"{user} has opted out of {MOST} events already, the most there may be; opt out of many at once in the settings, such as with *"
        )
        raise Conflict(message)
    return False


def opt_in(session: Session, org: UUID, user: str, type_: str, *, request_id: str | None, address: str | None) -> bool:
    """Take back that a person opted out of just this type; False when they had not. What they said of many events at once stays."""
    actor = _actor(user)
    if not wire_of(session).execute(BACK, {"org": org, "user": user, "what": type_, "actor": actor}).rowcount:
        return False
    record(session, org, actor=actor, operation="undo_unsubscribe", object=user, reason=type_, request_id=request_id, address=address)
    return True


def moment(session: Session) -> datetime:
    """Return the database's time."""
    row: Any = wire_of(session).execute("select wf_now()").fetchone()
    found: datetime = row[0]
    return found


def _actor(user: str) -> str:
    return f"link of {user}"
