"""Messages that wait to be told all at once: one window for each channel, however many write into it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - psycopg makes rows of these classes
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.capabilities.notifications.queries.subjects import SETTLED
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

# The update changes nothing; it locks the window, so that it cannot close between this statement and the next.
WINDOW: Final = """
insert into notify_digest (org, id, channel, user_id, reason, window_start, due_at)
values (%(org)s, %(id)s, %(channel)s, %(user)s, %(reason)s, %(start)s, %(due)s)
on conflict (org, channel, user_id, reason, window_start) do update set due_at = notify_digest.due_at returning id, closed_at is not null
"""
ITEM: Final = "insert into notify_digest_item (org, digest, notification) values (%s, %s, %s) on conflict do nothing"
DUE: Final = """
select d.id, d.channel, d.user_id, d.reason from notify_digest d where d.org = %(org)s and d.closed_at is null and d.due_at <= wf_now()
order by d.due_at, d.id limit %(rows)s for update skip locked
"""
NEXT: Final = "select min(due_at) from notify_digest where org = %s and closed_at is null"
ITEMS: Final = f"""
select n.id, n.type, n.severity, n.title, n.occurred_at as at, {SETTLED} as resolved
from notify_digest_item i join notification n on (n.org, n.id) = (i.org, i.notification)
where i.org = %s and i.digest = %s order by n.id
"""  # noqa: S608 - our own text


@dataclass(frozen=True)
class Open:
    """A digest whose window is over."""

    id: UUID
    channel: UUID
    user_id: str
    reason: str


@dataclass(frozen=True)
class Item:
    """One message in a digest; `resolved` when what it tells of, a finding, is not open any more."""

    id: UUID
    type: str
    severity: str
    title: str
    at: datetime
    resolved: bool


def join(session: Session, org: UUID, notification: UUID, *, channel: UUID, user: str, reason: str, start: datetime, due: datetime) -> bool:
    """Put a message into its window; False when the window was closed already, and the message is told at once."""
    wire = wire_of(session)
    values = {"org": org, "id": new_id(), "channel": channel, "user": user, "reason": reason, "start": start, "due": due}
    row: Any = wire.execute(WINDOW, values).fetchone()
    digest, closed = row
    if closed:
        return False
    wire.execute(ITEM, (org, digest, notification))
    return True


def list_due(session: Session, org: UUID, *, limit: int) -> list[Open]:
    """Return digests whose window is over, locked for this transaction."""
    return wire_of(session).cursor(row_factory=class_row(Open)).execute(DUE, {"org": org, "rows": limit}).fetchall()


def next_due(session: Session, org: UUID) -> datetime | None:
    """Return when a window is over next."""
    row: Any = wire_of(session).execute(NEXT, (org,)).fetchone()
    found: datetime | None = row[0]
    return found


def list_items(session: Session, org: UUID, digest: UUID) -> list[Item]:
    """Return a digest's messages in the order in which they came."""
    return wire_of(session).cursor(row_factory=class_row(Item)).execute(ITEMS, (org, digest)).fetchall()


def take_out(session: Session, org: UUID, digest: UUID, notifications: Sequence[UUID]) -> None:
    """Take messages out of a window: they are not told with it."""
    wire_of(session).execute(
        "delete from notify_digest_item where org = %s and digest = %s and notification = any (%s)", (org, digest, list(notifications))
    )


def close(session: Session, org: UUID, digest: UUID, notification: UUID | None) -> None:
    """Close a window; what comes later belongs to the next."""
    wire_of(session).execute(
        "update notify_digest set closed_at = wf_now(), notification = %s where org = %s and id = %s", (notification, org, digest)
    )
