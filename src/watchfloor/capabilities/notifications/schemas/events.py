"""What the events of notifications say."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind


class HealthChanged(Part):
    """What `notifications.health_changed` says."""

    status: Literal["healthy", "degraded", "unhealthy"]
    checks: str = Field(description="Those that fail, separated by commas.")


class ChannelDisabled(Part):
    """What `channel.disabled` says."""

    channel: UUID
    kind: ChannelKind
    owner: str = Field(description="Whom it told; empty for the organisation's own.")
    reason: str


class DeliveryDead(Part):
    """What `delivery.dead` says."""

    delivery: UUID
    channel: UUID
    kind: ChannelKind
    reason: str


class EscalationUnreached(Part):
    """What `escalation.unreached` says."""

    escalation: str = Field(description="Its name.")
    step: int = Field(description="Which one reached nobody, from 1.")
    steps: int
    notification: UUID = Field(description="What it is about.")
