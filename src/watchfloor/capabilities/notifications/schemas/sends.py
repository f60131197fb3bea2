"""What is asked for when somebody tells something by hand, and what comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from watchfloor.capabilities.notifications.schemas.channels import MailAddress, UserId
from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.preferences import Zone
from watchfloor.capabilities.notifications.schemas.times import LocalTime
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.contract import Severity

USERS_MAX: Final = 100_000
PRIORITIES: Final = {
    "low": "low",
    "normal": "info",
    "medium": "medium",
    "high": "high",
    "urgent": "critical",
    "critical": "critical",
    "info": "info",
}


def _severity(value: object) -> object:
    """People who say how urgent something is mean its severity."""
    return PRIORITIES.get(value.lower(), value) if isinstance(value, str) else value


def _text(value: object) -> object:
    return str(value) if isinstance(value, (int, UUID)) and not isinstance(value, bool) else value


EventName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]
Urgency = Annotated[Severity, BeforeValidator(_severity)]
Text = Annotated[str, BeforeValidator(_text)]
Data = dict[str, Any]


class QuietHours(Part):
    """Every day from start until end, in the person's zone."""

    start: LocalTime
    end: LocalTime
    timezone: Zone = "UTC"


class GivenPreferences(Part):
    """How one person wants this told; what is said here stands in the place of what is stored."""

    enabled_events: tuple[str, ...] | None = Field(None, max_length=200)
    enabled_channels: tuple[ChannelKind, ...] | None = None
    email_address: MailAddress | None = None
    webhook_url: str | None = Field(None, max_length=4000, repr=False)
    slack_webhook_url: str | None = Field(None, max_length=4000, repr=False)
    quiet_hours: QuietHours | None = None


class GivenNotification(Part):
    """One message for one person over one channel; without a channel the person's first one, mail before others."""

    event: EventName
    user_id: UserId
    channel: ChannelKind | None = None
    channel_id: UUID | None = Field(None, description="One channel by its id, whoever owns it.")
    data: Data = Field(default_factory=dict)
    title: str | None = Field(None, min_length=1, max_length=2000)
    severity: Urgency = Severity.INFO
    dedup_key: str | None = Field(None, min_length=1, max_length=300)


class SendNotification(Part):
    """One message: as one value with the preferences to heed, or in the short form, user first."""

    notification: GivenNotification
    preferences: GivenPreferences | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_the_short_form(cls, values: Any) -> Any:  # noqa: ANN401 - whatever was given
        if not isinstance(values, dict) or isinstance(values.get("notification"), dict | GivenNotification):
            return values
        told = dict(values)
        user, kind = told.pop("notification", None), told.pop("preferences", None)
        user, kind = told.pop("user_id", user), told.pop("notification_type", kind)
        preferences = kind if isinstance(kind, dict) else None
        data = {name: value for name in ("message", "entity_type", "entity_id") if (value := told.pop(name, None)) is not None}
        short = {"event": kind or "message.sent", "user_id": user, "title": told.pop("title", None), "data": data}
        return {"notification": short | {"severity": told.pop("priority", "info")}, "preferences": preferences, **told}


class SentNotification(BaseModel):
    """What came of one message; `success` only when its channel took it."""

    notification_id: UUID
    delivery_id: UUID | None
    success: bool
    state: str
    reason: str | None
    held_until: datetime | None
    attempts: int


class SendEvent(Part):
    """An event told to one person, over all channels on which they want to hear of it."""

    event: EventName
    data: Data = Field(default_factory=dict)
    user_id: UserId
    title: str | None = Field(None, min_length=1, max_length=2000)
    severity: Urgency = Severity.INFO
    dedup_key: str | None = Field(None, min_length=1, max_length=300)


class OneSent(BaseModel):
    """One delivery of an event."""

    notification_id: UUID
    delivery_id: UUID
    channel: ChannelKind
    state: str


class SentEvent(BaseModel):
    """What came of an event; `notifications_sent` counts what channels took already."""

    event: str
    user_id: str
    notifications_sent: int
    notifications: list[OneSent]


class SendBulk(Part):
    """An event told to many people."""

    event: EventName
    data: Data = Field(default_factory=dict)
    user_ids: tuple[UserId, ...] = Field(max_length=USERS_MAX)
    title: str | None = Field(None, min_length=1, max_length=2000)
    severity: Urgency = Severity.INFO
    dedup_key: str | None = Field(None, min_length=1, max_length=300)

    @field_validator("user_ids")
    @classmethod
    def _once_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value))


class SentBulk(BaseModel):
    """What came of an event told to many: success means stored for delivery; people whom nobody knows failed."""

    event: str
    total_users: int
    successful_users: int
    failed_users: int
    skipped_users: int
    total_notifications: int
    batch: UUID


class SendScanCompletion(Part):
    """The end of a scan, told to one person; it is one with what the scan itself tells, so nobody hears twice."""

    scan_id: Text = Field(min_length=1, max_length=200)
    user_id: UserId
    scan_name: str = Field(min_length=1, max_length=300)
    total_findings: int = Field(0, ge=0)
    critical_count: int = Field(0, ge=0)
    high_count: int = Field(0, ge=0)


class SentScanCompletion(BaseModel):
    """What came of it."""

    success: bool
    notification_id: UUID | None
    notifications: list[OneSent]
