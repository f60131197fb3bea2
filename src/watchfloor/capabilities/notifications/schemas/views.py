"""Notifications, deliveries and attempts as people read them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from watchfloor.capabilities.notifications.schemas.channels import UserId
from watchfloor.capabilities.notifications.schemas.message import Message, Part
from watchfloor.kernel.contract import Severity


class NotificationView(BaseModel):
    """What people see as one notification."""

    id: UUID
    type: str
    severity: Severity
    title: str
    subject_kind: str
    subject_id: str
    occurred_at: datetime
    created_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None


class InboxView(NotificationView):
    """A notification as one person has it."""

    read_at: datetime | None = None


class Unread(BaseModel):
    """How much a person has not read, by severity; severities of which there is none are left out."""

    user: str
    total: int
    by_severity: dict[Severity, int]


class ReadMark(Part):
    """What to mark as read: notifications by their ids, or all that came until a moment; all there is when neither is said."""

    user: UserId | None = Field(None, description="Whose inbox; the caller's own when nobody is named.")
    ids: tuple[UUID, ...] | None = Field(None, max_length=1000)
    until: AwareDatetime | None = None


class Marked(BaseModel):
    """How many were unread."""

    marked: int


class DeliveryView(BaseModel):
    """One sending of a notification over one channel."""

    id: UUID
    notification: UUID
    channel: UUID | None
    user_id: str
    lane: str
    state: str
    reason: str | None
    attempt: int
    due_at: datetime
    created_at: datetime
    last_code: str | None
    sent_at: datetime | None
    replay_of: UUID | None
    replay_no: int
    group_id: UUID | None


class NotificationDetail(NotificationView):
    """A notification with its text and its deliveries, at most 500 of them."""

    message: Message
    deliveries: list[DeliveryView]


class AttemptView(BaseModel):
    """One try of a delivery."""

    n: int
    at: datetime
    ms: int
    outcome: str
    code: str
    address: str
    reason: str
    head: str
    body_sha256: str | None


class Attempts(BaseModel):
    """Every try of a delivery, in order."""

    items: list[AttemptView]


class Accepted(BaseModel):
    """Work that was accepted: the job that does it."""

    job: UUID


class EventTypes(BaseModel):
    """The names of events."""

    items: list[str]
