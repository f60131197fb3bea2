"""Threads in chats: what the first message about something is known by, so that later ones stand beneath it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

# Channel, and the kind and the id of what is told of.
Topic: TypeAlias = "tuple[UUID, str, str]"

FIND: Final = """
select t.channel, t.subject_kind, t.subject_id, t.mark from notify_thread t
join unnest(%(channels)s::uuid[], %(kinds)s::text[], %(ids)s::text[]) as w (channel, kind, id)
  on (t.channel, t.subject_kind, t.subject_id) = (w.channel, w.kind, w.id)
where t.org = %(org)s
"""
# Of two messages that began a thread at the same time, the first to be told of leads; a thread that is used is not forgotten.
KEEP: Final = """
insert into notify_thread (org, channel, subject_kind, subject_id, mark)
select %(org)s, %(channel)s, n.subject_kind, n.subject_id, %(mark)s from notification n
where n.org = %(org)s and n.id = %(notification)s
  and n.subject_id <> '' and n.subject_kind <> 'digest'
on conflict (org, channel, subject_kind, subject_id) do update set used_at = wf_now()
"""
FORGET: Final = """
delete from notify_thread t using notification n
where t.org = %(org)s and t.channel = %(channel)s and n.org = t.org and n.id = %(notification)s
  and (t.subject_kind, t.subject_id) = (n.subject_kind, n.subject_id)
"""


def list_marks(session: Session, org: UUID, topics: Iterable[Topic]) -> dict[Topic, str]:
    """Return the marks of those threads that there are."""
    wanted = sorted(set(topics))
    if not wanted:
        return {}
    channels, kinds, ids = zip(*wanted, strict=True)
    rows = wire_of(session).execute(FIND, {"org": org, "channels": list(channels), "kinds": list(kinds), "ids": list(ids)}).fetchall()
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def keep(session: Session, org: UUID, channel: UUID, notification: UUID, mark: str) -> None:
    """Remember a message as the beginning of its thread, or that the thread there is was used."""
    wire_of(session).execute(KEEP, {"org": org, "channel": channel, "notification": notification, "mark": mark})


def forget(session: Session, org: UUID, channel: UUID, notification: UUID) -> None:
    """Forget the thread that a notification belongs to: the next message about it begins a new one."""
    wire_of(session).execute(FORGET, {"org": org, "channel": channel, "notification": notification})


def delete_old(session: Session, org: UUID, keep: timedelta) -> int:
    """Delete threads that nothing was told in for so long; return how many."""
    return wire_of(session).execute("delete from notify_thread where org = %s and used_at < wf_now() - %s", (org, keep)).rowcount
