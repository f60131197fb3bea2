"""Notifications and deliveries as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.capabilities.notifications.models import Delivery, Notification
from watchfloor.capabilities.notifications.queries.telling import open_messages
from watchfloor.capabilities.notifications.schemas.views import AttemptView, DeliveryView, NotificationDetail, NotificationView
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import Page, page
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.tenancy.vault import Vault

STATES = ("held", "due", "sending", "sent", "suppressed", "dead")
SEVERITIES = ("info", "low", "medium", "high", "critical")


def list_notifications(
    session: Session, *, severity: str | None, type_: str | None, limit: int, after: str | None
) -> Page[NotificationView]:
    """Return notifications, newest first."""
    query = matching(
        select(Notification), {Notification.severity: words("severity", severity, SEVERITIES), Notification.type: words("type", type_)}
    )
    return page(session, query, [Notification.id], shape=lambda row: _view(row[0]), limit=limit, after=after)


def get_notification(session: Session, vault: Vault, org: UUID, notification: UUID) -> NotificationDetail:
    """Return a notification with its text and deliveries; raises NotFound."""
    found = session.get(Notification, (org, notification))
    if found is None:
        message = f"there is no notification {notification}"
        raise NotFound(message)
    text = open_messages(session, vault, org, [notification])[notification]
    rows = session.execute(select(Delivery).where(Delivery.notification == notification).order_by(Delivery.id).limit(500)).all()
    return NotificationDetail(**_view(found).model_dump(), message=text, deliveries=[_delivery(row[0]) for row in rows])


def list_deliveries(
    session: Session, *, state: str | None, channel: str | None, user: str | None, limit: int, after: str | None
) -> Page[DeliveryView]:
    """Return deliveries, newest first."""
    query = matching(
        select(Delivery),
        {Delivery.state: words("state", state, STATES), Delivery.lane: words("channel", channel), Delivery.user_id: words("user", user)},
    )
    return page(session, query, [Delivery.id], shape=lambda row: _delivery(row[0]), limit=limit, after=after)


def get_delivery(session: Session, org: UUID, delivery: UUID) -> DeliveryView:
    """Return one delivery; raises NotFound."""
    found = session.get(Delivery, (org, delivery))
    if found is None:
        message = f"there is no delivery {delivery}"
        raise NotFound(message)
    return _delivery(found)


def list_attempts(session: Session, org: UUID, delivery: UUID) -> list[AttemptView]:
    """Return every attempt of a delivery in order; raises NotFound."""
    get_delivery(session, org, delivery)
    sql = "select n, at, ms, outcome, code, address, reason, head, body_sha256 from delivery_attempt where org = %s and delivery = %s order by n"
    rows: list[Any] = wire_of(session).execute(sql, (org, delivery)).fetchall()
    return [
        AttemptView(
            n=row[0], at=row[1], ms=row[2], outcome=row[3], code=row[4], address=row[5], reason=row[6], head=row[7],
            body_sha256=bytes(row[8]).hex() if row[8] is not None else None,
        )
        for row in rows
    ]  # fmt: skip


def _view(row: Notification) -> NotificationView:
    return NotificationView.model_validate(row, from_attributes=True)


def _delivery(row: Delivery) -> DeliveryView:
    return DeliveryView.model_validate(row, from_attributes=True)
