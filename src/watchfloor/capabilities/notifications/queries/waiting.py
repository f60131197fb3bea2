"""What is about to be sent and what is in it, and those whom it is for, as all of it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - psycopg makes rows of these classes
from typing import TYPE_CHECKING, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.capabilities.notifications.queries.subjects import SETTLED
from watchfloor.capabilities.notifications.queries.telling import Candidate
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.tenancy.members import role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

WAITING: Final = f"""
select d.id, d.notification, d.user_id, d.manual, d.replay_of is not null as replayed, n.type, n.severity, n.title, n.occurred_at,
  case when d.user_id <> '' then {role_of("d.user_id")} end as role,
  case when c.owner not in ('', d.user_id) then {role_of("c.owner")} end as owner_role, c.id as channel, c.kind, c.address, c.host, c.state,
  case when d.user_id <> '' then coalesce((select p.wishes from notify_preference p where p.org = %(org)s and p.user_id = d.user_id), o.wishes) end::text as wishes,
  exists (select 1 from notify_suppression s where s.org = c.org and s.address = c.address and coalesce(s.until, 'infinity') > wf_now()) as suppressed,
  (select case when r.acknowledged_at is not null then 'acknowledged' when r.resolved_at is not null then 'resolved' end
    from escalation_told t join escalation_run r on (r.org, r.id) = (t.org, t.run) where t.org = d.org and t.notification = d.notification limit 1) as over
from delivery d join notification n on (n.org, n.id) = (d.org, d.notification) left join notify_channel c on (c.org, c.id) = (d.org, d.channel)
left join notify_preference o on o.org = %(org)s and o.user_id = ''
where d.org = %(org)s and d.id = any (%(ids)s) order by d.id
"""  # noqa: S608 - our own text
_PART: Final = f"n.id, n.type, n.severity, n.title, n.occurred_at, {SETTLED} as settled"
IN_DIGESTS: Final = f"""
select g.notification as whole, g.id as gathered, g.reason as how, null::text[] as group_by, {_PART}
from notify_digest g join notify_digest_item i on (i.org, i.digest) = (g.org, g.id) join notification n on (n.org, n.id) = (i.org, i.notification)
where g.org = %(org)s and g.notification = any (%(ids)s) order by n.id
"""  # noqa: S608 - our own text
IN_GROUPS: Final = f"""
select s.notification as whole, s.group_id as gathered, m.how, r.group_by, {_PART}
from notify_group_sending s left join notify_group g on (g.org, g.id) = (s.org, s.group_id) left join notify_route r on (r.org, r.id) = (g.org, g.route_id)
cross join lateral (
  select 'new' as how, 1 as part, f.id, f.at from unnest(s.fresh) with ordinality as f (id, at)
  union all select 'still open', 2, f.id, f.at from unnest(s.still) with ordinality as f (id, at)
  union all select 'resolved', 3, f.id, f.at from unnest(s.ended) with ordinality as f (id, at)) m
join notification n on n.org = s.org and n.id = m.id
where s.org = %(org)s and s.notification = any (%(ids)s) order by s.notification, m.part, m.at
"""  # noqa: S608 - our own text
# What a step of an escalation says of a group is what the group's sending said that began it.
TYPES: Final = """
select s.notification, s.types from notify_group_sending s where s.org = %(org)s and s.notification = any (%(ids)s)
union all
select t.notification, s.types from escalation_told t join escalation_run r on (r.org, r.id) = (t.org, t.run)
join notify_group_sending s on (s.org, s.notification) = (r.org, r.notification) where t.org = %(org)s and t.notification = any (%(ids)s)
"""


@dataclass(frozen=True)
class Waiting:
    """One delivery that is about to go out; `channel` is None when there is none any more.

    `role` and `owner_role` are as in Candidate. `manual` was sent by hand, `replayed` once more; `over` says why a step of an escalation
    need not come any more.
    """

    id: UUID
    notification: UUID
    user_id: str
    manual: bool
    replayed: bool
    type: str
    severity: str
    title: str
    occurred_at: datetime
    role: str | None
    owner_role: str | None
    channel: UUID | None
    kind: str | None
    address: bytes | None
    host: str | None
    state: str | None
    wishes: str | None
    suppressed: bool
    over: str | None

    def candidate(self, *, mandatory: bool) -> Candidate | None:
        """Return the way that it takes, None when there is none any more."""
        if self.channel is None or self.kind is None or self.address is None or self.host is None or self.state is None:
            return None
        return Candidate(
            user_id=self.user_id, role=self.role, owner_role=self.owner_role, channel=self.channel, kind=self.kind, address=self.address,
            host=self.host, state=self.state, mandatory=mandatory, min_severity="info", digest=None, wishes=self.wishes, suppressed=self.suppressed,
        )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One message in a digest or group; `settled` when what it tells of, a finding, is not open any more.

    `whole` is the notification that names it and `gathered` the digest or group. `how` is why it was put into its digest, or how it stood
    in its group when that was made.
    """

    whole: UUID
    gathered: UUID
    how: str
    group_by: list[str] | None
    id: UUID
    type: str
    severity: str
    title: str
    occurred_at: datetime
    settled: bool

    @property
    def notification(self) -> UUID:
        """Return its id, as members of groups call it."""
        return self.id


def list_waiting(session: Session, org: UUID, deliveries: Sequence[UUID]) -> list[Waiting]:
    """Return these deliveries with their receivers."""
    values = {"org": org, "ids": list(deliveries)}
    return wire_of(session).cursor(row_factory=class_row(Waiting)).execute(WAITING, values).fetchall() if deliveries else []


def list_of_digests(session: Session, org: UUID, notifications: Sequence[UUID]) -> list[Part]:
    """Return what is in these digests, each in the order in which it came."""
    return _parts(session, IN_DIGESTS, org, notifications)


def list_of_groups(session: Session, org: UUID, notifications: Sequence[UUID]) -> list[Part]:
    """Return what is in these sendings of groups: what was new first, what was over last; nothing of those that were out already."""
    return _parts(session, IN_GROUPS, org, notifications)


def types_in_groups(session: Session, org: UUID, notifications: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the types of messages that sendings of groups name, and steps of escalations that are about such."""
    return dict(wire_of(session).execute(TYPES, {"org": org, "ids": list(notifications)}).fetchall()) if notifications else {}


def list_emptied(session: Session, org: UUID, notifications: Sequence[UUID]) -> set[UUID]:
    """Return those of these that are digests of which nothing is left; others have the name of digests alone."""
    sql = "select notification from notify_digest where org = %s and notification = any (%s)"
    return {row[0] for row in wire_of(session).execute(sql, (org, list(notifications))).fetchall()} if notifications else set()


def _parts(session: Session, sql: str, org: UUID, notifications: Sequence[UUID]) -> list[Part]:
    values = {"org": org, "ids": list(notifications)}
    return wire_of(session).cursor(row_factory=class_row(Part)).execute(sql, values).fetchall() if notifications else []
