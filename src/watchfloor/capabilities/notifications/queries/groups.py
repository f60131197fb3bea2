"""Groups of messages that go out together: joined under the lock of their route, sent under their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta  # noqa: TC003 - psycopg makes rows of this class
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.capabilities.notifications.engine.group import Group, Member, Timing
from watchfloor.capabilities.notifications.engine.grouped import Standing
from watchfloor.capabilities.notifications.queries.subjects import SETTLED
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

MEMBERS_MAX: Final = 10_000  # what one sending looks at; the rest comes with the next
_OPEN: Final = """
select g.id, g.route_id, g.group_key, g.user_id, g.next_flush_at, g.last_sent_at, g.added_at, g.acknowledged_at, g.flushes, r.group_by, r.group_wait,
  r.group_interval, r.repeat_interval, r.escalation_id, wf_now() as now
from notify_group g join notify_route r on (r.org, r.id) = (g.org, g.route_id) where g.org = %(org)s and g.closed_at is null
"""
_ABOUT: Final = "m.org = %(org)s and not m.over and m.subject = any (%(subjects)s)"
# Whoever puts messages into groups of a route, or ends them, does so alone: groups are made and locked in no other order.
LOCK: Final = f"""
select r.id from notify_route r where r.org = %(org)s and (r.id = any (%(routes)s) or r.id in (
  select g.route_id from notify_group_member m join notify_group g on (g.org, g.id) = (m.org, m.group_id) and g.closed_at is null where {_ABOUT}))
order by r.id for no key update
"""  # noqa: S608 - our own text
TOUCHED: Final = f"""
{_OPEN} and ((g.route_id, g.group_key) in (select * from unnest(%(routes)s::uuid[], %(keys)s::bytea[]))
  or g.id in (select m.group_id from notify_group_member m where {_ABOUT}))
order by g.id for update of g
"""  # noqa: S608 - our own text
BEGIN: Final = """
insert into notify_group (org, id, route_id, group_key, user_id)
select r.org, t.id, r.id, t.key, r.owner from unnest(%(ids)s::uuid[], %(routes)s::uuid[], %(keys)s::bytea[]) as t (id, route, key)
join notify_route r on r.org = %(org)s and r.id = t.route
"""
KNOWN: Final = """
select group_id, notification, subject, channels, told, resolved from notify_group_member
where org = %(org)s and group_id = any (%(groups)s) and not over and (notification = any (%(notifications)s) or subject <> '' and subject = any (%(subjects)s))
"""
KEEP: Final = """
insert into notify_group_member as m (org, group_id, notification, subject, channels, told, resolved, over)
select %(org)s, t.group_id, t.notification, t.subject, t.channels::uuid[], t.told, t.resolved, t.over
from unnest(%(groups)s::uuid[], %(notifications)s::uuid[], %(subjects)s::text[], %(channels)s::text[], %(told)s::boolean[], %(resolved)s::boolean[],
  %(over)s::boolean[]) as t (group_id, notification, subject, channels, told, resolved, over)
on conflict (org, group_id, notification) do update set channels = excluded.channels, told = excluded.told, resolved = excluded.resolved, over = excluded.over
"""
PLAN: Final = """
update notify_group g set next_flush_at = t.next, added_at = t.added, members = greatest(0, g.members + t.more)
from unnest(%(ids)s::uuid[], %(next)s::timestamptz[], %(added)s::timestamptz[], %(more)s::integer[]) as t (id, next, added, more)
where g.org = %(org)s and g.id = t.id
"""
DUE: Final = f"{_OPEN} and g.next_flush_at <= wf_now() order by g.next_flush_at, g.id limit %(rows)s for update of g skip locked"
# What changed comes first, then the gravest.
MEMBERS: Final = """
select m.notification, n.type, n.severity, n.title, n.occurred_at, m.told, m.resolved, m.channels, count(*) over () as total
from notify_group_member m join notification n on (n.org, n.id) = (m.org, m.notification)
where m.org = %(org)s and m.group_id = %(group)s and not m.over
order by m.told and not m.resolved, array_position(array['critical', 'high', 'medium', 'low', 'info'], n.severity), n.occurred_at, n.id limit %(rows)s
"""
TOLD: Final = """
update notify_group_member set told = true, over = resolved where org = %(org)s and group_id = %(group)s and notification = any (%(notifications)s)
"""
# Of what comes by the thousand nobody is told one by one that it is over.
SETTLE: Final = f"""
update notify_group_member m set resolved = true from notification n
where m.org = %(org)s and m.group_id = %(group)s and not m.over and not m.resolved and (n.org, n.id) = (m.org, m.notification) and {SETTLED}
"""  # noqa: S608 - our own text
# What an earlier sending named need not be known one by one once nothing of it can go out any more.
FORGET: Final = """
update notify_group_sending s set fresh = '{}', still = '{}', ended = '{}'
where s.org = %(org)s and s.group_id = %(group)s and (s.fresh <> '{}' or s.still <> '{}' or s.ended <> '{}')
  and not exists (select 1 from delivery d where d.org = s.org and d.notification = s.notification and d.state in ('due', 'held', 'sending'))
"""
REMEMBER: Final = """
insert into notify_group_sending (org, notification, group_id, types, fresh, still, ended)
values (%(org)s, %(notification)s, %(group)s, %(types)s, %(fresh)s, %(still)s, %(ended)s) on conflict (org, notification) do nothing
"""
SENT: Final = """
update notify_group g set next_flush_at = %(next)s, last_sent_at = %(sent)s, flushes = %(flushes)s, members = left_.n,
  closed_at = case when left_.n = 0 then wf_now() end
from (select count(*) as n from notify_group_member where org = %(org)s and group_id = %(group)s and not over) as left_
where g.org = %(org)s and g.id = %(group)s
"""


@dataclass(frozen=True)
class Open:
    """A group that more can come to, and what its route says about it."""

    id: UUID
    route_id: UUID
    group_key: bytes
    user_id: str
    next_flush_at: datetime | None
    last_sent_at: datetime | None
    added_at: datetime | None
    acknowledged_at: datetime | None
    flushes: int
    group_by: list[str] | None
    group_wait: timedelta
    group_interval: timedelta
    repeat_interval: timedelta
    escalation_id: UUID | None
    now: datetime

    @property
    def timing(self) -> Timing:
        """Return how long it waits for what."""
        return Timing(wait=self.group_wait, interval=self.group_interval, repeat=self.repeat_interval)

    def state(self, members: Mapping[str, Member]) -> Group:
        """Return the group as the engine knows it, with these of its members."""
        return Group(
            members=members, next_flush_at=self.next_flush_at, last_sent_at=self.last_sent_at, added_at=self.added_at,
            acknowledged_at=self.acknowledged_at,
        )  # fmt: skip


@dataclass(frozen=True)
class Known:
    """One message that is in a group."""

    group_id: UUID
    notification: UUID
    subject: str
    channels: list[UUID]
    told: bool = False
    resolved: bool = False
    over: bool = False


@dataclass(frozen=True)
class Shown:
    """One message of a group that is sent."""

    notification: UUID
    type: str
    severity: str
    title: str
    occurred_at: datetime
    told: bool
    resolved: bool
    channels: list[UUID]
    total: int


def open_groups(session: Session, org: UUID, joins: Sequence[tuple[UUID, bytes]], subjects: Sequence[str]) -> list[Open]:
    """Return the groups of these routes and keys, those that are not there yet newly made, and those that know of a subject; all locked."""
    wire = wire_of(session)
    values = {"org": org, "routes": [route for route, _ in joins], "keys": [key for _, key in joins], "subjects": list(subjects)}
    there = {row[0] for row in wire.execute(LOCK, values).fetchall()}
    cursor = wire.cursor(row_factory=class_row(Open))
    found = cursor.execute(TOUCHED, values).fetchall()
    known = {(one.route_id, bytes(one.group_key)) for one in found}
    missing = [one for one in joins if one not in known and one[0] in there]
    if not missing:
        return found
    made = {"ids": sorted(new_id() for _ in missing), "routes": [route for route, _ in missing], "keys": [key for _, key in missing]}
    wire.execute(BEGIN, {"org": org, **made})
    return cursor.execute(TOUCHED, values).fetchall()


def list_known(session: Session, org: UUID, groups: Iterable[UUID], notifications: Iterable[UUID], subjects: Iterable[str]) -> list[Known]:
    """Return those of these messages, and those about these subjects, that are in these groups."""
    values = {"org": org, "groups": list(groups), "notifications": list(notifications), "subjects": list(subjects)}
    return wire_of(session).cursor(row_factory=class_row(Known)).execute(KNOWN, values).fetchall()


def keep(session: Session, org: UUID, members: Sequence[Known], plans: Mapping[UUID, tuple[Group, int]]) -> None:
    """Write members, and of groups when they are sent next and by how many members they grew."""
    wire = wire_of(session)
    wire.execute(
        KEEP,
        {
            "org": org, "groups": [one.group_id for one in members], "notifications": [one.notification for one in members],
            "subjects": [one.subject for one in members], "channels": ["{" + ",".join(map(str, one.channels)) + "}" for one in members],
            "told": [one.told for one in members], "resolved": [one.resolved for one in members], "over": [one.over for one in members],
        },
    )  # fmt: skip
    values = list(plans.values())
    wire.execute(
        PLAN,
        {
            "org": org, "ids": list(plans), "next": [group.next_flush_at for group, _ in values], "added": [group.added_at for group, _ in values],
            "more": [more for _, more in values],
        },
    )  # fmt: skip


def list_due(session: Session, org: UUID, *, limit: int) -> list[Open]:
    """Return groups whose time has come, locked for this transaction."""
    return wire_of(session).cursor(row_factory=class_row(Open)).execute(DUE, {"org": org, "rows": limit}).fetchall()


def next_due(session: Session, org: UUID) -> datetime | None:
    """Return when a group is sent next."""
    sql = "select min(next_flush_at) from notify_group where org = %s and closed_at is null and next_flush_at is not null"
    row: Any = wire_of(session).execute(sql, (org,)).fetchone()
    found: datetime | None = row[0]
    return found


def get_open(session: Session, org: UUID, group: UUID) -> Open:
    """Return a group that is locked already."""
    (found,) = (
        wire_of(session)
        .cursor(row_factory=class_row(Open))
        .execute(f"{_OPEN} and g.id = %(group)s", {"org": org, "group": group})
        .fetchall()
    )
    return found


def resolve_settled(session: Session, org: UUID, group: UUID) -> None:
    """Say of a group's members whose findings are not open any more that they are over, whether or not an event told it."""
    wire_of(session).execute(SETTLE, {"org": org, "group": group})


def list_members(session: Session, org: UUID, group: UUID) -> list[Shown]:
    """Return the members of a group, what changed first, then the gravest; at most `MEMBERS_MAX`."""
    values = {"org": org, "group": group, "rows": MEMBERS_MAX}
    return wire_of(session).cursor(row_factory=class_row(Shown)).execute(MEMBERS, values).fetchall()


def take_out(session: Session, org: UUID, group: UUID, notifications: Sequence[UUID]) -> None:
    """Take messages out of a group, as if they had never been in it."""
    if notifications:
        wire_of(session).execute(
            "delete from notify_group_member where org = %s and group_id = %s and notification = any (%s)",
            (org, group, list(notifications)),
        )


def types_of(session: Session, org: UUID, group: UUID) -> list[str]:
    """Return the types of all messages that were ever in a group."""
    sql = "select distinct n.type from notify_group_member m join notification n on (n.org, n.id) = (m.org, m.notification) where m.org = %s and m.group_id = %s"
    return [row[0] for row in wire_of(session).execute(sql, (org, group)).fetchall()]


def settle(session: Session, org: UUID, one: Open, after: Group, said: Sequence[UUID], *, sent: bool) -> None:
    """Write what a group said and when it is next; one that nothing is left in is over."""
    wire = wire_of(session)
    wire.execute(TOLD, {"org": org, "group": one.id, "notifications": list(said)})
    values = {
        "org": org, "group": one.id, "next": after.next_flush_at, "flushes": one.flushes + sent,
        "sent": after.last_sent_at if sent else one.last_sent_at,
    }  # fmt: skip
    wire.execute(SENT, values)


def remember(session: Session, org: UUID, group: UUID, notification: UUID, says: Sequence[tuple[Standing, Shown]]) -> None:
    """Remember which messages a sending names, and forget it of earlier ones that are out."""
    wire = wire_of(session)
    wire.execute(FORGET, {"org": org, "group": group})
    ids = {one: [row.notification for how, row in says if how is one] for one in Standing}
    values = {
        "fresh": ids[Standing.NEW],
        "still": ids[Standing.STILL],
        "ended": ids[Standing.RESOLVED],
        "types": sorted({row.type for _, row in says}),
    }
    wire.execute(REMEMBER, {"org": org, "group": group, "notification": notification, **values})


def postpone(session: Session, org: UUID, group: UUID, until: datetime) -> None:
    """Let a group wait longer."""
    wire_of(session).execute("update notify_group set next_flush_at = %s where org = %s and id = %s", (until, org, group))


def delete_closed(session: Session, org: UUID, keep: timedelta) -> None:
    """Delete old groups that are over, once their messages have gone."""
    wire_of(session).execute(
        "delete from notify_group g where g.org = %s and g.closed_at < wf_now() - %s "
        "and not exists (select 1 from notify_group_member m where m.org = g.org and m.group_id = g.id)",
        (org, keep),
    )


def close_of_route(session: Session, org: UUID, route: UUID) -> None:
    """End the groups of a route that goes; what they said stays in the inbox of who was told."""
    wire_of(session).execute(
        "update notify_group set closed_at = wf_now(), next_flush_at = null where org = %s and route_id = %s and closed_at is null",
        (org, route),
    )
