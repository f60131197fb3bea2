"""What the jobs of notifications are asked for, and what they answer."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind


class RouteEvents(Part):
    """Events to tell of."""

    event_ids: tuple[UUID, ...] = Field(max_length=500)


class Routed(BaseModel):
    """What came of events: new notifications, and their deliveries."""

    notifications: int = 0
    deliveries: int = 0
    held: int = 0
    suppressed: int = 0


class DeliverDue(Part):
    """One lane's turn."""

    lane: ChannelKind
    limit: int = Field(200, ge=1, le=200, description="How many go out at once.")


class Delivered(BaseModel):
    """What one turn did."""

    sent: int = 0
    retried: int = 0
    dead: int = 0
    held: int = 0


class Nothing(Part):
    """No arguments."""


class FlushedGroups(BaseModel):
    """Groups whose time had come: those that were sent, those that wait for their reader to wake, those with nothing to say."""

    sent: int = 0
    postponed: int = 0
    empty: int = 0


class Swept(BaseModel):
    """Lanes that were woken."""

    lanes: list[str]
