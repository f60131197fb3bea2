"""Who is told, what they were told, and how it went, as lists read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from watchfloor.kernel.db.tables import Base, OrgOwned


class Channel(OrgOwned, Base):
    """One address that messages go to; the organisation's own when it has no owner."""

    __tablename__ = "notify_channel"

    owner: Mapped[str]
    kind: Mapped[str]
    label: Mapped[str]
    shown: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    given: Mapped[bool]
    failing_since: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class Route(OrgOwned, Base):
    """Which events go to which channels."""

    __tablename__ = "notify_route"

    owner: Mapped[str]
    name: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    min_severity: Mapped[str]
    channels: Mapped[list[UUID]] = mapped_column(ARRAY(Text))
    asset_filter: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    mandatory: Mapped[bool]
    enabled: Mapped[bool]
    group_by: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    escalation_id: Mapped[UUID | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class Silence(OrgOwned, Base):
    """What nobody is told of for a while."""

    __tablename__ = "notify_silence"

    matchers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[datetime]


class Suppression(OrgOwned, Base):
    """A mail address that takes no mail; kept as a keyed hash, shown masked."""

    __tablename__ = "notify_suppression"

    shown: Mapped[str]
    reason: Mapped[str]
    until: Mapped[datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class Notification(OrgOwned, Base):
    """What people see as one notification; its text is sealed beside it."""

    __tablename__ = "notification"

    event: Mapped[UUID | None]
    type: Mapped[str]
    severity: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    title: Mapped[str]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]


class Delivery(OrgOwned, Base):
    """One sending of a notification over one channel; `sent` means that the receiver took it."""

    __tablename__ = "delivery"

    notification: Mapped[UUID]
    channel: Mapped[UUID | None]
    user_id: Mapped[str]
    lane: Mapped[str]
    host: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    attempt: Mapped[int]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    last_code: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    replay_of: Mapped[UUID | None]
    replay_no: Mapped[int]
    group_id: Mapped[UUID | None]


class Read(Base):
    """That one person has read a notification."""

    __tablename__ = "notify_read"

    org: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    notification: Mapped[UUID] = mapped_column(primary_key=True)
    read_at: Mapped[datetime]


class Digest(OrgOwned, Base):
    """Messages that wait to be told one person all at once."""

    __tablename__ = "notify_digest"

    user_id: Mapped[str]


class Group(OrgOwned, Base):
    """Messages that are told one person together, again when something changes."""

    __tablename__ = "notify_group"

    user_id: Mapped[str]


class GroupMember(Base):
    """One message of a group."""

    __tablename__ = "notify_group_member"

    org: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    notification: Mapped[UUID] = mapped_column(primary_key=True)


class DigestItem(Base):
    """One message that waits in a digest."""

    __tablename__ = "notify_digest_item"

    org: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[UUID] = mapped_column(primary_key=True)
    notification: Mapped[UUID] = mapped_column(primary_key=True)
