"""Store what people are told: one notification for equal messages, one delivery for each channel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, LiteralString
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.clock import now
from watchfloor.kernel.db.ids import first_id, new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import heard_as
from watchfloor.kernel.tenancy.members import role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from watchfloor.kernel.tenancy.vault import Vault

HOUR: Final = timedelta(hours=1)
EVENTS: Final = "select id, name, severity, at, data from event where org = %(org)s and id = any (%(ids)s) order by id"
ADD: Final = """
insert into notification (org, id, event, type, dedup_key, severity, subject_kind, subject_id, asset, title, kid, message, occurred_at, expires_at)
values (%(org)s, %(id)s, %(event)s, %(type)s, %(dedup_key)s, %(severity)s, %(subject_kind)s, %(subject_id)s, %(asset)s, %(title)s, %(kid)s, %(message)s,
  %(occurred_at)s, wf_now() + %(expire)s)
on conflict (org, type, dedup_key) do nothing returning id
"""
# Who is told: owners of routes that hear this event, and people who follow events without routes of their own. A person who is named
# is told over all of their channels unless they wished otherwise. Everything that belongs to one person or channel is looked up for each by
# its key: a planner that does not know yet how many there are would rather compare all with all. Where it takes an organisation for a handful
# of rows, any index will do for it, such as one that reads the whole organisation for each person. So each is asked for as the first of a range
# in its order, which only the index of its key gives, and nothing may be sorted (`UNSORTED`).
_DEFAULT: Final = "(select o.wishes from notify_preference o where o.org = %(org)s and o.user_id = '')"
_WISHES: Final = f"""coalesce((select p.wishes from notify_preference p where p.org = %(org)s and p.user_id between {{who}} and {{who}} order by p.user_id limit 1),
  {_DEFAULT})"""  # noqa: S608 - our own text
UNSORTED: Final = "select set_config('enable_sort', %s, true)"
TAIL: Final = f"""
select w.user_id, case when w.user_id <> '' then {role_of("w.user_id")} end as role,
  case when c.owner not in ('', w.user_id) then {role_of("c.owner")} end as owner_role, c.id as channel, c.kind, c.address, c.host, c.state,
  w.mandatory, w.min_severity, w.digest::text as digest, w.asset_filter::text as asset_filter,
  case when w.user_id <> '' then {_WISHES.format(who="w.user_id")} end::text as wishes,
  w.route, w.group_by, w.escalation_id,
  exists (select 1 from notify_suppression s where s.org = c.org and s.address = c.address and coalesce(s.until, 'infinity') > wf_now()) as suppressed,
  coalesce(h.told, 0) as told, coalesce(h.bypassed, 0) as bypassed
from wanted w
cross join lateral (select * from notify_channel c where c.org = %(org)s and c.id between w.channel and w.channel order by c.id limit 1) c
left join lateral (
  select count(*) as told, count(*) filter (where l.bypassed) as bypassed from (
    select d.bypassed, d.channel, d.state from delivery d
    where w.user_id <> '' and d.org = %(org)s and (d.user_id, d.id) >= (w.user_id, %(hour)s) and d.user_id <= w.user_id order by d.user_id, d.id) l
  where l.channel = c.id and l.state <> 'suppressed') h on true
"""  # noqa: S608 - our own text
_WANTED: Final = """
with wanted as (
  select r.owner as user_id, c.channel, r.mandatory, r.min_severity, r.digest, r.asset_filter, r.id as route, to_jsonb(r.group_by)::text as group_by,
    r.escalation_id
  from notify_route r, unnest(r.channels) as c (channel)
  where r.org = %(org)s and r.enabled and r.events && %(heard)s {of_routes}
  union all
  select c.owner, c.id, false, coalesce(s.wishes ->> 'min_severity', 'info'), s.wishes -> 'digest', null, null, null, null
  from notify_channel c cross join lateral (select {wishes} as wishes offset 0) s
  where c.org = %(org)s and {of_channels} and coalesce(s.wishes -> 'enabled_channels' ? c.kind, true)
    and not c.given and (
      select true from notify_route r where r.org = %(org)s and r.owner between c.owner and c.owner and r.enabled order by r.owner limit 1) is null)
"""
FOLLOWING: Final = (
    _WANTED.format(
        wishes=_WISHES.format(who="c.owner"),
        of_routes="",
        of_channels="c.owner <> '' and coalesce(s.wishes -> 'enabled_events' ?| %(heard)s, false)",
    )
    + TAIL
)
NAMED: Final = (
    _WANTED.format(
        wishes=_WISHES.format(who="c.owner"),
        of_routes="and r.owner = any (%(users)s)",
        of_channels="c.owner = any (%(users)s) and coalesce(s.wishes -> 'enabled_events' ?| %(heard)s, true)",
    )
    + TAIL
)
# All channels of one person, whatever they want to hear; and those that were named for one message.
OWN: Final = f"""
with wanted as (
  select case when c.owner = '' then %(user)s else c.owner end as user_id, c.id as channel, false as mandatory, 'info' as min_severity, null::jsonb as digest,
    null::jsonb as asset_filter, null::uuid as route, null as group_by, null::uuid as escalation_id
  from notify_channel c where c.org = %(org)s and (c.owner = %(user)s and not c.given or c.id = any (%(given)s)))
{TAIL}
"""  # noqa: S608 - our own text
# Those channels of one route over which a group is told.
OF_ROUTE: Final = f"""
with wanted as (
  select r.owner as user_id, c.channel, r.mandatory, r.min_severity, null::jsonb as digest, null::jsonb as asset_filter, r.id as route, null as group_by, r.escalation_id
  from notify_route r, unnest(r.channels) as c (channel) where r.org = %(org)s and r.id = %(route)s and r.enabled and c.channel = any (%(given)s))
{TAIL}
"""  # noqa: S608 - our own text
STORE: Final = """
insert into delivery (org, id, notification, channel, user_id, lane, host, idem, state, reason, manual, bypassed, due_at, first_due_at, expires_at, job,
  ended_at, group_id)
select %(org)s, t.id, %(notification)s, t.channel, t.user_id, t.lane, t.host, t.idem, t.state, t.reason, %(manual)s, t.bypassed, coalesce(t.due_at, wf_now()),
  coalesce(t.due_at, wf_now()), n.expires_at, %(job)s, case when t.state = 'suppressed' then wf_now() end, %(group)s
from notification n, unnest(%(ids)s::uuid[], %(channels)s::uuid[], %(users)s::text[], %(lanes)s::text[], %(hosts)s::text[], %(idems)s::bytea[],
  %(states)s::text[], %(reasons)s::text[], %(dues)s::timestamptz[], %(bypassed)s::boolean[])
  as t (id, channel, user_id, lane, host, idem, state, reason, due_at, bypassed)
where n.org = %(org)s and n.id = %(notification)s
on conflict (org, idem) do nothing returning id, channel, lane, state
"""

# Where people have this message already. The address is looked up row by row: joined, thousands of rows can meet thousands of channels.
# Person by person along an index: whatever the planner believes about a table that is being filled, it reads no other people's rows.
REACHED: Final = """
select w.user_id, d.channel, (select c.address from notify_channel c where c.org = %(org)s and c.id = d.channel)
from unnest(%(users)s::text[]) as w (user_id) cross join lateral (
  select d.channel from delivery d where d.org = %(org)s and d.notification = %(notification)s and d.user_id = w.user_id
  and d.state in ('due', 'held', 'sending', 'sent') limit 1000) d
"""


@dataclass(frozen=True)
class Event:
    """What happened, as the outbox holds it."""

    id: UUID
    name: str
    severity: str
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One channel that could carry a message, and all that decides whether it does.

    `digest`, `asset_filter`, `group_by` and `wishes` are JSON, equal where they say the same. `role` is that of the person who is told,
    `owner_role` that of the channel's owner when that is somebody else; None is the organisation.
    """

    user_id: str
    role: str | None
    owner_role: str | None
    channel: UUID
    kind: str
    address: bytes
    host: str
    state: str
    mandatory: bool
    min_severity: str
    digest: str | None
    wishes: str | None
    suppressed: bool
    told: int = 0
    bypassed: int = 0
    route: UUID | None = None
    group_by: str | None = None
    escalation_id: UUID | None = None
    asset_filter: str | None = None


@dataclass(frozen=True)
class Decided:
    """What becomes of a candidate: `due` now, `held` until `due_at`, or `suppressed` with the reason."""

    candidate: Candidate
    state: str
    reason: str | None = None
    due_at: datetime | None = None
    bypassed: bool = False


@dataclass(frozen=True)
class Stored:
    """One delivery that was new."""

    id: UUID
    channel: UUID
    lane: str
    state: str


@dataclass(frozen=True)
class Standing:
    """How one delivery stands."""

    id: UUID
    channel: UUID
    lane: str
    state: str
    reason: str | None
    attempt: int
    due_at: datetime
    job: UUID | None


def list_events(session: Session, org: UUID, ids: Sequence[UUID]) -> list[Event]:
    """Return events in the order in which they happened."""
    return wire_of(session).cursor(row_factory=class_row(Event)).execute(EVENTS, {"org": org, "ids": list(ids)}).fetchall()


def record_notification(
    session: Session, vault: Vault, org: UUID, message: Message, *, expire: timedelta, event: UUID | None = None
) -> tuple[UUID, bool]:
    """Store a message unless its key was told before; return the notification and whether it is new."""
    wire, made = wire_of(session), new_id()
    kid, sealed = vault.seal(org, _place(made), message.model_dump_json().encode())
    values = {
        "org": org, "id": made, "event": event, "type": message.type, "dedup_key": message.dedup_key or str(event or made), "kid": kid, "message": sealed,
        "severity": str(message.severity), "subject_kind": message.subject_kind, "subject_id": message.subject_id, "asset": message.asset, "title": message.title,
        "occurred_at": message.occurred_at, "expire": expire,
    }  # fmt: skip
    if wire.execute(ADD, values).fetchone() is not None:
        return made, True
    row: Any = wire.execute(
        "select id from notification where org = %(org)s and type = %(type)s and dedup_key = %(dedup_key)s", values
    ).fetchone()
    return row[0], False


def open_messages(session: Session, vault: Vault, org: UUID, notifications: Sequence[UUID]) -> dict[UUID, Message]:
    """Return the texts of notifications."""
    rows = (
        wire_of(session)
        .execute("select id, kid, message from notification where org = %s and id = any (%s)", (org, list(set(notifications))))
        .fetchall()
    )
    return {row[0]: Message.model_validate_json(vault.open(org, row[1], _place(row[0]), bytes(row[2]))) for row in rows}


def list_candidates(session: Session, org: UUID, event: str, users: Sequence[str] | None = None) -> list[Candidate]:
    """Return the channels that could tell of an event: of everybody who follows it, or of the people named."""
    wire = wire_of(session)
    wire.execute(UNSORTED, ("off",))
    # Planned anew each time: a plan that was kept from when there were few channels takes minutes with many.
    values = {"heard": heard_as(event), "users": list(users or ())}
    found = _candidates(session, FOLLOWING if users is None else NAMED, org, values, prepare=False)
    wire.execute(UNSORTED, ("on",))
    return found


def list_own(session: Session, org: UUID, user: str, given: Sequence[UUID] = ()) -> list[Candidate]:
    """Return a person's channels, and those that are given for one message."""
    return _candidates(session, OWN, org, {"user": user, "given": list(given)})


def list_of_route(session: Session, org: UUID, route: UUID, channels: Sequence[UUID]) -> list[Candidate]:
    """Return those of these channels that a route still tells over."""
    return _candidates(session, OF_ROUTE, org, {"route": route, "given": list(channels)})


def _candidates(session: Session, sql: LiteralString, org: UUID, values: dict[str, Any], *, prepare: bool | None = None) -> list[Candidate]:
    """Return candidates by channel, what is mandatory first."""
    cursor = wire_of(session).cursor(row_factory=class_row(Candidate))
    found = cursor.execute(sql, {"org": org, "hour": first_id(now() - HOUR), **values}, prepare=prepare).fetchall()
    return sorted(found, key=lambda one: (one.channel, not one.mandatory, one.min_severity))


def known_users(session: Session, org: UUID, users: Sequence[str]) -> set[str]:
    """Return those people of whom there is a channel, a route or a wish."""
    sql = (
        "select owner from notify_channel where org = %(org)s and owner = any (%(users)s) union "
        "select owner from notify_route where org = %(org)s and owner = any (%(users)s) union "
        "select user_id from notify_preference where org = %(org)s and user_id = any (%(users)s)"
    )
    return {row[0] for row in wire_of(session).execute(sql, {"org": org, "users": list(users)}).fetchall()}


def list_deliveries(session: Session, org: UUID, notification: UUID, channels: Sequence[UUID]) -> list[Standing]:
    """Return how a message stands on these channels, its first sending each."""
    sql = (
        "select id, channel, lane, state, reason, attempt, due_at, job from delivery "
        "where org = %s and notification = %s and channel = any (%s) and replay_no = 0 order by id"
    )
    return wire_of(session).cursor(row_factory=class_row(Standing)).execute(sql, (org, notification, list(channels))).fetchall()


def let_go(session: Session, org: UUID, job: UUID) -> list[str]:
    """Leave to everybody what a job kept to itself; return the lanes."""
    sql = "update delivery set job = null where org = %s and job = %s and state in ('due', 'held') returning lane"
    return [row[0] for row in wire_of(session).execute(sql, (org, job)).fetchall()]


def store_deliveries(
    session: Session, org: UUID, notification: UUID, decided: Sequence[Decided], *, job: UUID | None = None, manual: bool = False, group: UUID | None = None
) -> list[Stored]:  # fmt: skip
    """Store what was decided in one statement; return those that are new.

    A delivery of this message over this channel is never made twice, nor one to an address where the same person has it already.
    """
    decided = _once_reached(session, org, notification, decided)
    if not decided:
        return []
    values = {
        "org": org, "notification": notification, "job": job, "manual": manual, "group": group, "ids": sorted(new_id() for _ in decided),
        "channels": [one.candidate.channel for one in decided], "users": [one.candidate.user_id for one in decided],
        "lanes": [one.candidate.kind for one in decided], "hosts": [one.candidate.host for one in decided],
        "idems": [idem(org, notification, one.candidate.channel) for one in decided], "states": [one.state for one in decided],
        "reasons": [one.reason for one in decided], "dues": [one.due_at for one in decided], "bypassed": [one.bypassed for one in decided],
    }  # fmt: skip
    return wire_of(session).cursor(row_factory=class_row(Stored)).execute(STORE, values).fetchall()


def _once_reached(session: Session, org: UUID, notification: UUID, decided: Sequence[Decided]) -> list[Decided]:
    """Leave out whom another channel of the same address has told, or will; who is not told anyway stays on record."""
    users = sorted({one.candidate.user_id for one in decided if one.state != "suppressed"})
    rows = wire_of(session).execute(REACHED, {"org": org, "notification": notification, "users": users}).fetchall() if users else []
    reached = {(user, bytes(address)): channel for user, channel, address in rows if address is not None}

    def again(one: Decided) -> bool:
        found = reached.get((one.candidate.user_id, bytes(one.candidate.address)))
        return one.state != "suppressed" and found is not None and found != one.candidate.channel

    return [one for one in decided if not again(one)]


def idem(org: UUID, notification: UUID, channel: UUID, replay_no: int = 0) -> bytes:
    """Return what one sending is known by; the receiver sees the one of the first sending."""
    return hashlib.sha256(f"{org}|{notification}|{channel}|{replay_no}".encode()).digest()


def _place(notification: UUID) -> str:
    return f"notification|message|{notification}"
