"""Old notifications, how deliveries fare, and sending again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - psycopg makes rows of this class

from psycopg.rows import class_row, dict_row

from watchfloor.capabilities.notifications.queries.telling import idem
from watchfloor.kernel.clock import now
from watchfloor.kernel.db.ids import first_id, new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

BLOCK: Final = 5000
OLD_ATTEMPTS: Final = """
delete from delivery_attempt where org = %(org)s and id in (
  select a.id from delivery_attempt a where a.org = %(org)s and a.at < wf_now() - %(keep)s and not exists (
    select 1 from delivery d where (d.org, d.id) = (a.org, a.delivery) and d.notification = any (%(held)s)) order by a.at limit %(rows)s)
"""
# What may still be sent, and what may still go into a digest, is kept however old it is.
OLD: Final = """
n.org = %(org)s and n.created_at < wf_now() - %(keep)s and not n.id = any (%(held)s)
  and not exists (select 1 from delivery d where d.org = n.org and d.notification = n.id and d.state in ('due', 'held', 'sending'))
  and not exists (select 1 from notify_digest_item i join notify_digest g on (g.org, g.id) = (i.org, i.digest)
    where i.org = n.org and i.notification = n.id and g.closed_at is null)
  and not exists (select 1 from notify_group_member m join notify_group g on (g.org, g.id) = (m.org, m.group_id)
    where m.org = n.org and m.notification = n.id and not m.over and g.closed_at is null)
  and not exists (select 1 from escalation_run r where r.org = n.org and r.notification = n.id and r.due_at is not null)
"""
DELETE: Final = f"""
with old as (select n.id from notification n where {OLD} order by n.id limit %(rows)s),
counted as (select (select count(*) from delivery d where d.org = %(org)s and d.notification in (select id from old)) as deliveries,
  (select count(*) from delivery_attempt a join delivery d on (d.org, d.id) = (a.org, a.delivery) where d.org = %(org)s and d.notification in (select id from old)) as attempts),
gone as (delete from notification n using old where n.org = %(org)s and n.id = old.id returning n.id)
select (select count(*) from gone), deliveries, attempts from counted
"""  # noqa: S608 - our own text
COUNT: Final = f"select count(*) from notification n where {OLD}"  # noqa: S608 - our own text
PENDING: Final = """
select count(distinct notification) from delivery d join notification n on (n.org, n.id) = (d.org, d.notification)
where d.org = %(org)s and n.created_at < wf_now() - %(keep)s and d.state in ('due', 'held', 'sending')
"""
# Who was told of what somebody holds, and how, is kept with it: the message, the digest, group or step that told it, and every attempt.
HELD: Final = """
with about as (select id from notification where org = %(org)s and subject_kind || ':' || subject_id = any (%(subjects)s))
select id from about
union select g.notification from about b join notify_digest_item i on i.org = %(org)s and i.notification = b.id
  join notify_digest g on (g.org, g.id) = (i.org, i.digest) where g.notification is not null
union select s.notification from about b join notify_group_member m on m.org = %(org)s and m.notification = b.id
  join notify_group_sending s on (s.org, s.group_id) = (m.org, m.group_id)
union select t.notification from about b join escalation_run r on r.org = %(org)s and r.notification = b.id
  join escalation_told t on (t.org, t.run) = (r.org, r.id) where t.notification is not null
"""
KEPT_HELD: Final = "select count(*) from notification where org = %(org)s and id = any (%(held)s) and created_at < wf_now() - %(keep)s"
HEALTH: Final = """
select
  greatest(0, extract(epoch from wf_now() - min(due_at) filter (where state = 'due' and due_at <= wf_now())))::float8 as oldest_due_s,
  count(*) filter (where state = 'dead' and ended_at > wf_now() - interval '1 hour') as dead,
  count(*) filter (where state in ('dead', 'sent') and ended_at > wf_now() - interval '1 hour') as ended,
  count(*) filter (where state = 'due' and due_at <= wf_now()) as due_now,
  (select extract(epoch from wf_now() - max(at))::float8 from delivery_attempt where org = %(org)s and at > wf_now() - interval '1 day') as since_attempt_s,
  (select coalesce(max(extract(epoch from wf_now() - opened_at)), 0)::float8 from notify_host where org = %(org)s and open_until > wf_now()) as breaker_open_s,
  (select count(*) from notify_route r join notify_channel c on c.org = r.org and c.id = any (r.channels)
    where r.org = %(org)s and r.mandatory and r.enabled and c.state <> 'active') as mandatory_disabled,
  (select coalesce(max(extract(epoch from wf_now() - due_at)), 0)::float8 from notify_digest where org = %(org)s and closed_at is null and due_at < wf_now()) as digest_late_s
from delivery where org = %(org)s and (state in ('due', 'held', 'sending') or ended_at > wf_now() - interval '1 hour')
"""
CHANNELS: Final = "select kind, state, count(*) as n from notify_channel where org = %s group by 1, 2 order by 1, 2"
BY: Final = {"channel": "d.lane", "state": "d.state", "user": "d.user_id", "host": "d.host"}
TOTALS: Final = """
select {by} as name, count(*) as total, count(*) filter (where d.state = 'sent') as sent, count(*) filter (where d.attempt > 1) as retried,
  count(*) filter (where d.state = 'dead') as dead, count(*) filter (where d.state = 'held') as held, count(*) filter (where d.state = 'suppressed') as suppressed,
  percentile_cont(array[0.5, 0.95, 0.99]) within group (order by extract(epoch from d.sent_at - d.first_due_at)) filter (where d.state = 'sent') as spans
from delivery d where d.org = %(org)s and d.id >= %(first)s and d.created_at > wf_now() - %(window)s group by 1 order by 1
"""
REASONS: Final = """
select coalesce(reason, ''), count(*) from delivery where org = %(org)s and id >= %(first)s and created_at > wf_now() - %(window)s and state in ('dead', 'suppressed', 'held')
group by 1 order by 2 desc, 1 limit 50
"""
CHOSEN: Final = """
select d.id, d.notification, d.channel, d.user_id, d.lane, d.host, d.expires_at,
  (select max(replay_no) from delivery x where x.org = d.org and x.notification = d.notification and x.channel = d.channel) as replays
from delivery d where d.org = %(org)s and d.channel is not null and (d.id = any (%(ids)s::uuid[])
  or %(channel)s::uuid is not null and d.channel = %(channel)s and d.created_at >= %(since)s and d.state = any (%(states)s))
  and d.state in ('dead', 'sent', 'suppressed') order by d.id limit %(rows)s
"""
AGAIN: Final = """
insert into delivery (org, id, notification, channel, user_id, lane, host, idem, state, manual, due_at, first_due_at, expires_at, replay_of, replay_no,
  replayed_by)
values (%(org)s, %(id)s, %(notification)s, %(channel)s, %(user)s, %(lane)s, %(host)s, %(idem)s, 'due', true, wf_now() + make_interval(secs => %(after_s)s),
  wf_now() + make_interval(secs => %(after_s)s), wf_now() + %(expire)s, %(of)s, %(no)s, %(job)s)
on conflict (org, idem) do nothing returning id
"""


@dataclass(frozen=True)
class Gone:
    """How much of what is old went."""

    notifications: int
    deliveries: int
    attempts: int


@dataclass(frozen=True)
class Chosen:
    """A delivery that may be sent again."""

    id: UUID
    notification: UUID
    channel: UUID
    user_id: str
    lane: str
    host: str
    expires_at: datetime
    replays: int


def list_held(session: Session, org: UUID, subjects: Collection[str]) -> list[UUID]:
    """Return the notifications that tell of these subjects, which are `noun:id`, alone or beside others."""
    rows = wire_of(session).execute(HELD, {"org": org, "subjects": sorted(subjects)}).fetchall() if subjects else ()
    return [row[0] for row in rows]


def delete_attempts(session: Session, org: UUID, keep: timedelta, held: Sequence[UUID]) -> int:
    """Delete the next block of old attempts; return how many. Those of `held` notifications are kept."""
    return wire_of(session).execute(OLD_ATTEMPTS, {"org": org, "keep": keep, "held": list(held), "rows": BLOCK}).rowcount


def delete_notifications(session: Session, org: UUID, keep: timedelta, held: Sequence[UUID]) -> Gone:
    """Delete the next block of old notifications with their deliveries; those that are `held` are kept."""
    row: Any = wire_of(session).execute(DELETE, {"org": org, "keep": keep, "held": list(held), "rows": BLOCK}).fetchone()
    return Gone(*row)


def count_old(session: Session, org: UUID, keep: timedelta, held: Sequence[UUID]) -> tuple[int, int, int]:
    """Return how many old notifications would go, how many are kept because they may still be sent, and how many because they are `held`."""
    wire, values = wire_of(session), {"org": org, "keep": keep, "held": list(held)}
    counts: list[Any] = [wire.execute(sql, values).fetchone() for sql in (COUNT, PENDING, KEPT_HELD)]
    gone, pending, kept = (one[0] for one in counts)
    return gone, pending, kept


def health(session: Session, org: UUID) -> dict[str, Any]:
    """Return the numbers that health is judged by."""
    found: Any = wire_of(session).cursor(row_factory=dict_row).execute(HEALTH, {"org": org}).fetchone()
    return dict(found)


def channel_counts(session: Session, org: UUID) -> dict[str, dict[str, int]]:
    """Return how many channels of each kind are in which state."""
    found: dict[str, dict[str, int]] = {}
    for kind, state, n in wire_of(session).execute(CHANNELS, (org,)).fetchall():
        found.setdefault(kind, {})[state] = n
    return found


def totals(session: Session, org: UUID, window: timedelta, by: str | None) -> list[dict[str, Any]]:
    """Return counts and times of deliveries of the last while, apart by one of their sides, or all together."""
    sql = TOTALS.format(by=BY[by] if by else "''::text")
    return wire_of(session).cursor(row_factory=dict_row).execute(sql, _within(org, window)).fetchall()


def reasons(session: Session, org: UUID, window: timedelta) -> dict[str, int]:
    """Return why deliveries were not made, most frequent first."""
    return dict(wire_of(session).execute(REASONS, _within(org, window)).fetchall())


def _within(org: UUID, window: timedelta) -> dict[str, Any]:
    """Return what a window is asked for by: ids are made by workers' clocks, so they only narrow what is looked at."""
    return {"org": org, "window": window, "first": first_id(now() - window - timedelta(minutes=5))}


def list_replayable(
    session: Session, org: UUID, *, ids: Sequence[UUID] = (), channel: UUID | None = None, since: datetime | None = None, states: Sequence[str] = (), limit: int
) -> list[Chosen]:  # fmt: skip
    """Return deliveries that are over: those named, and those of a channel since a moment in some states."""
    values = {"org": org, "ids": list(ids), "channel": channel, "since": since, "states": list(states), "rows": limit}
    return wire_of(session).cursor(row_factory=class_row(Chosen)).execute(CHOSEN, values).fetchall()


def send_again(session: Session, org: UUID, one: Chosen, *, after: timedelta, expire: timedelta, job: UUID | None) -> UUID | None:
    """Make a delivery that sends the same message over the same channel again; None when another replay was faster."""
    number = one.replays + 1
    values = {
        "org": org, "id": new_id(), "notification": one.notification, "channel": one.channel, "user": one.user_id, "lane": one.lane, "host": one.host,
        "idem": idem(org, one.notification, one.channel, number), "after_s": after.total_seconds(), "expire": expire, "of": one.id, "no": number, "job": job,
    }  # fmt: skip
    row = wire_of(session).execute(AGAIN, values).fetchone()
    return row[0] if row else None


def was_replayed(session: Session, org: UUID, delivery: UUID, job: UUID) -> bool:
    """Tell whether a job sent this delivery again already."""
    sql = "select 1 from delivery where org = %s and replay_of = %s and replayed_by = %s"
    return wire_of(session).execute(sql, (org, delivery, job)).fetchone() is not None


def told_status(session: Session, org: UUID, status: str) -> bool:
    """Remember a status; True when it is another than before."""
    sql = (
        "insert into notify_health as h (org, status) values (%(org)s, %(status)s) on conflict (org) do update "
        "set status = excluded.status, since = wf_now() where h.status <> excluded.status returning xmax <> 0 or status <> 'healthy'"
    )
    row: Any = wire_of(session).execute(sql, {"org": org, "status": status}).fetchone()
    return row is not None and bool(row[0])
