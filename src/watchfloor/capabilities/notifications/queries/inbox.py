"""What one person was told, read and unread: whatever has a delivery to them or waits in one of their digests, over whichever channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, or_, select, text

from watchfloor.capabilities.notifications.models import Notification, Read
from watchfloor.capabilities.notifications.queries.lists import SEVERITIES
from watchfloor.capabilities.notifications.schemas.views import InboxView, Unread
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import Page, page
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

# A digest is told by what is in it. Who may not know of something has no row of it, whatever the log says.
TOLD: Final = """
notification.type <> 'notifications.digest' and (
  exists (select 1 from delivery d where d.org = notification.org and d.notification = notification.id and d.user_id = {user}
    and d.reason is distinct from 'no_access')
  or exists (select 1 from notify_digest_item i join notify_digest g on g.org = i.org and g.id = i.digest
    where i.org = notification.org and i.notification = notification.id and g.user_id = {user}))
"""
UNREAD: Final = f"""
select severity, count(*) from notification
where org = %(org)s and {TOLD.format(user="%(user)s")}
  and not exists (select 1 from notify_read r where r.org = notification.org and r.user_id = %(user)s and r.notification = notification.id)
group by severity
"""  # noqa: S608 - our own text
MARK: Final = f"""
insert into notify_read (org, user_id, notification)
select org, %(user)s, id from notification
where org = %(org)s and {TOLD.format(user="%(user)s")} and case when %(ids)s::uuid[] is null then created_at <= coalesce(%(until)s::timestamptz, wf_now())
  else id = any (%(ids)s) end
on conflict do nothing
"""  # noqa: S608 - our own text


def list_inbox(
    session: Session, *, user: str, unread: bool, severity: str | None, type_: str | None, q: str | None, limit: int, after: str | None
) -> Page[InboxView]:
    """Return what a person was told, newest first; `q` is words of the title, all of which must be there."""
    query = matching(
        select(Notification, Read.read_at)
        .outerjoin(Read, and_(Read.org == Notification.org, Read.notification == Notification.id, Read.user_id == user))
        .where(text(TOLD.format(user=":user")).bindparams(bindparam("user", user))),
        {Notification.severity: words("severity", severity, SEVERITIES), Notification.type: words("type", type_)},
    )
    if unread:
        query = query.where(Read.read_at.is_(None))
    for word in (q or "").split()[:10]:
        query = query.where(or_(Notification.title.icontains(word, autoescape=True), Notification.subject_id == word))
    return page(session, query, [Notification.id], shape=_view, limit=limit, after=after)


def count_unread(session: Session, org: UUID, user: str) -> Unread:
    """Count what a person was told and has not read, by severity."""
    counts: dict[str, int] = dict(wire_of(session).execute(UNREAD, {"org": org, "user": user}).fetchall())
    return Unread(
        user=user, total=sum(counts.values()), by_severity={Severity(one): counts[one] for one in reversed(SEVERITIES) if one in counts}
    )


def mark_read(session: Session, org: UUID, user: str, *, ids: Sequence[UUID] | None, until: datetime | None, actor: str) -> int:
    """Mark as read what is named, or all that came until a moment; return how many were unread. What is somebody else's is left alone."""
    values = {"org": org, "user": user, "ids": list(ids) if ids is not None else None, "until": until}
    marked = wire_of(session).execute(MARK, values).rowcount
    record(session, org, actor=actor, operation="notify.read", object=user, reason=f"{marked} messages")
    return marked


def _view(row: Any) -> InboxView:  # noqa: ANN401 - a row of two columns and a key
    return InboxView.model_validate(
        {name: getattr(row[0], name) for name in InboxView.model_fields if name != "read_at"} | {"read_at": row[1]}
    )
