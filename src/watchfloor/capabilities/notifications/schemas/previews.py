"""An event as if it happened, and what would become of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from watchfloor.capabilities.notifications.schemas.channels import UserId
from watchfloor.capabilities.notifications.schemas.message import Message, Part
from watchfloor.capabilities.notifications.schemas.sends import Data, EventName, Urgency
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.contract import Severity

SHOWN: Final = 1000


class PreviewEvent(Part):
    """An event that did not happen."""

    event: EventName
    severity: Urgency = Severity.INFO
    title: str | None = Field(None, min_length=1, max_length=2000)
    data: Data = Field(default_factory=dict)
    user_ids: tuple[UserId, ...] | None = Field(None, min_length=1, max_length=1000, description="As if only these people were told.")
    dropped: bool = Field(default=False, description="Also those routes that do not tell it, and why not.")


class DecisionView(BaseModel):
    """What would become of a message on one channel: due, held, digest, group, suppressed or dropped."""

    user: str
    kind: ChannelKind
    channel: UUID
    address: str
    state: str
    reason: str | None
    due_at: datetime | None


class Preview(BaseModel):
    """The message that would be told, and what would become of it; the first thousand decisions, all counted."""

    message: Message
    counts: dict[str, int]
    decisions: list[DecisionView]
