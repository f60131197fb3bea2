"""What one person was told, read and unread: whatever has a delivery to them or is in one of their digests or groups, over whichever channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import insert

from watchfloor.capabilities.notifications.engine.digest import DIGEST
from watchfloor.capabilities.notifications.engine.grouped import GROUP
from watchfloor.capabilities.notifications.models import Delivery, Digest, DigestItem, Group, GroupMember, Notification, Read
from watchfloor.capabilities.notifications.queries.lists import SEVERITIES
from watchfloor.capabilities.notifications.schemas.views import InboxView, Unread
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import Page, page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

AT_ONCE: Final = 200
GATHERED: Final = (DIGEST, GROUP)


def list_inbox(
    session: Session, *, user: str, unread: bool, severity: str | None, type_: str | None, q: str | None, limit: int, after: str | None
) -> Page[InboxView]:
    """Return what a person was told, newest first; `q` is words of the title, all of which must be there."""
    query = matching(_of(user), {Notification.severity: words("severity", severity, SEVERITIES), Notification.type: words("type", type_)})
    if unread:
        query = query.where(Read.read_at.is_(None))
    for word in (q or "").split()[:10]:
        query = query.where(or_(Notification.title.icontains(word, autoescape=True), Notification.subject_id == word))
    return page(session, query, [Notification.id], shape=_view, limit=limit, after=after)


def list_since(session: Session, user: str, after: UUID) -> list[InboxView]:
    """Return what a person was told after a notification, oldest first, at most `AT_ONCE` of it."""
    query = _of(user).where(Notification.id > after).order_by(Notification.id).limit(AT_ONCE)
    return [_view(row) for row in session.execute(query).all()]


def count_unread(session: Session, user: str) -> Unread:
    """Count what a person was told and has not read, by severity."""
    query = select(Notification.severity, func.count()).where(_told(user), ~_read(user)).group_by(Notification.severity)
    counts = {row[0]: row[1] for row in session.execute(query).all()}
    return Unread(
        user=user, total=sum(counts.values()), by_severity={Severity(one): counts[one] for one in reversed(SEVERITIES) if one in counts}
    )


def mark_read(session: Session, org: UUID, user: str, *, ids: Sequence[UUID] | None, until: datetime | None, actor: str) -> int:
    """Mark as read what is named, or all that came until a moment; return how many were unread. What is somebody else's is left alone."""
    query = select(Notification.org, literal(user), Notification.id).where(_told(user), ~_read(user))
    if ids is not None:
        query = query.where(Notification.id.in_(ids))
    if until is not None:
        query = query.where(Notification.created_at <= until)
    mark = insert(Read).from_select(["org", "user_id", "notification"], query).on_conflict_do_nothing().returning(Read.notification)
    marked = len(session.execute(mark).all())
    record(session, org, actor=actor, operation="notify.read", object=user, reason=f"{marked} messages")
    return marked


def _told(user: str) -> ColumnElement[bool]:
    """Return what makes a notification one of theirs. A digest or a group is told by what is in it; what they may not know of is not theirs.

    One list of theirs rather than three questions about each notification: an organisation may have a million of which few are somebody's.
    """
    sent = select(Delivery.org, Delivery.notification).where(Delivery.user_id == user, Delivery.reason.is_distinct_from("no_access"))
    waiting = (
        select(DigestItem.org, DigestItem.notification)
        .join(Digest, and_(Digest.org == DigestItem.org, Digest.id == DigestItem.digest))
        .where(Digest.user_id == user)
    )
    grouped = (
        select(GroupMember.org, GroupMember.notification)
        .join(Group, and_(Group.org == GroupMember.org, Group.id == GroupMember.group_id))
        .where(Group.user_id == user)
    )
    theirs = union_all(sent, waiting, grouped).subquery()
    named = select(theirs.c.notification).where(theirs.c.org == Notification.org, theirs.c.notification == Notification.id)
    return and_(Notification.type.not_in(GATHERED), named.exists())


def _read(user: str) -> ColumnElement[bool]:
    return select(Read.read_at).where(Read.org == Notification.org, Read.notification == Notification.id, Read.user_id == user).exists()


def _of(user: str) -> Select[Notification, datetime]:
    mine = and_(Read.org == Notification.org, Read.notification == Notification.id, Read.user_id == user)
    return select(Notification, Read.read_at).outerjoin(Read, mine).where(_told(user))


def _view(row: Any) -> InboxView:  # noqa: ANN401 - a row of two columns, and a key where it is a page's
    return InboxView.model_validate(
        {name: getattr(row[0], name) for name in InboxView.model_fields if name != "read_at"} | {"read_at": row[1]}
    )
