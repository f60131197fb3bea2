"""Acknowledge: somebody looks after it, so nobody else is told, and nothing is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg.rows import class_row

from watchfloor.capabilities.notifications.engine import group as engine
from watchfloor.capabilities.notifications.engine.grouped import GROUP
from watchfloor.capabilities.notifications.queries import groups, runs
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

LINK: Final = "link of "
STANDING: Final = "select title, acknowledged_by from notification where org = %s and id = %s"
# What somebody is waited for: what escalates, what a step of that said, and messages of groups, which are repeated.
AWAITED: Final = """
select n.id from notification n where n.org = %(org)s and n.id = any (%(ids)s) and (n.type = %(group)s
  or exists (select 1 from escalation_run r where r.org = n.org and r.notification = n.id)
  or exists (select 1 from escalation_told t where t.org = n.org and t.notification = n.id))
"""
# Groups, then runs, then notifications: whoever locks several of them does so in this order.
OF_GROUPS: Final = """
select g.id, g.id = %(message)s from notify_group g where g.org = %(org)s and g.closed_at is null and (g.id = %(message)s
  or exists (select 1 from notify_group_member m where m.org = g.org and m.group_id = g.id and m.notification = %(id)s and not m.over))
order by g.id for update
"""
OF_RUNS: Final = """
select r.id, r.notification from escalation_run r where r.org = %(org)s and (r.notification = %(id)s or r.group_id = %(message)s
  or exists (select 1 from escalation_told t where t.org = r.org and t.run = r.id and t.notification = %(id)s))
order by r.id for update
"""
# A group's message speaks for those of its members that were told, a step's for what it is about, and the other way round.
NOTED: Final = """
update notification n set acknowledged_by = %(actor)s, acknowledged_at = wf_now() where n.org = %(org)s and n.acknowledged_at is null and (n.id = any (%(ids)s)
  or n.id in (select t.notification from escalation_told t where t.org = n.org and t.run = any (%(runs)s))
  or n.id in (select m.notification from notify_group_member m where m.org = n.org and m.group_id = %(message)s and m.told and not m.over))
"""
ENDED: Final = """
update escalation_run set acknowledged_by = %(actor)s, acknowledged_at = wf_now(), due_at = null
where org = %(org)s and id = any (%(runs)s) and acknowledged_at is null
"""
LEFT: Final = """
select exists (select 1 from notify_group_member m join notification n on (n.org, n.id) = (m.org, m.notification)
  where m.org = %(org)s and m.group_id = %(group)s and not m.over and not m.resolved and n.acknowledged_at is null), wf_now()
"""
SEEN: Final = "update notify_group set acknowledged_by = %s, acknowledged_at = %s, next_flush_at = %s where org = %s and id = %s"


@dataclass(frozen=True)
class Standing:
    """One notification, and who looks after it."""

    title: str
    acknowledged_by: str | None


def standing(session: Session, org: UUID, notification: UUID) -> Standing | None:
    """Return how a notification stands; None when it is not kept any more."""
    return wire_of(session).cursor(row_factory=class_row(Standing)).execute(STANDING, (org, notification)).fetchone()


def list_awaited(session: Session, org: UUID, notifications: Iterable[UUID]) -> set[UUID]:
    """Return those notifications that go on, to others or again, until somebody acknowledges them."""
    values = {"org": org, "ids": sorted(set(notifications)), "group": GROUP}
    return {row[0] for row in wire_of(session).execute(AWAITED, values).fetchall()}


def acknowledge(session: Session, org: UUID, notification: UUID, *, actor: str) -> None:
    """Say that somebody looks after it, which ends its escalations and repetitions; who was first stays, and the second changes nothing.

    Raises:
        NotFound: There is no such notification.
    """
    wire = wire_of(session)
    row: Any = wire.execute("select type, subject_id from notification where org = %s and id = %s", (org, notification)).fetchone()
    if row is None:
        message = f"there is no notification {notification}"
        raise NotFound(message)
    values: dict[str, Any] = {"org": org, "id": notification, "message": _group_of(*row), "actor": actor}
    within = wire.execute(OF_GROUPS, values).fetchall()
    found = wire.execute(OF_RUNS, values).fetchall()
    values |= {"runs": [one[0] for one in found], "ids": [notification, *(one[1] for one in found)]}
    changed = wire.execute(NOTED, values).rowcount + wire.execute(ENDED, values).rowcount
    runs.cancel_told(session, org, values["runs"], reason="acknowledged")
    for group, whole in within:
        _seen(session, org, group, actor=actor, whole=whole)
    if changed:
        record(session, org, actor=actor, operation="notify.acknowledge", object=str(notification))


def _group_of(type_: str, subject: str) -> UUID | None:
    """Return the group whose message this is. Somebody may have sent one of that type by hand, about whatever they liked."""
    try:
        return UUID(subject) if type_ == GROUP else None
    except ValueError:
        return None


def _seen(session: Session, org: UUID, group: UUID, *, actor: str, whole: bool) -> None:
    """Repeat a group no more, whose message was acknowledged, or each of its members."""
    wire = wire_of(session)
    row: Any = wire.execute(LEFT, {"org": org, "group": group}).fetchone()
    left, now = row
    if left and not whole:
        return
    one = groups.get_open(session, org, group)
    members = {str(row.notification): engine.Member(row.resolved, row.told) for row in groups.list_members(session, org, group)}
    after = engine.acknowledge(one.state(members), now)
    wire.execute(SEEN, (actor, after.acknowledged_at, after.next_flush_at, org, group))
