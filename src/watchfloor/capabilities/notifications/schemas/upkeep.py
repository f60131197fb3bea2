"""What upkeep is asked for, and what it tells."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from watchfloor.capabilities.notifications.schemas.message import Part

REPLAYS_MAX: Final = 10_000
WINDOW: Final = r"^[1-9][0-9]{0,3}[mhd]$"
By = Literal["channel", "state", "user", "host"]


class CleanUp(Part):
    """How old notifications may become."""

    days_old: int = Field(180, ge=1, le=36_500)
    dry_run: bool = False


class CleanedUp(BaseModel):
    """What went, or would go."""

    deleted_count: int
    attempts: int
    deliveries: int
    notifications: int
    kept_pending: int
    kept_held: int = Field(0, description="Kept because they tell of a report that somebody holds, or of its scan.")


class Check(BaseModel):
    """One number that health is judged by."""

    name: str
    value: float
    limit: float
    ok: bool


class Health(BaseModel):
    """How notifications fare."""

    status: Literal["healthy", "degraded", "unhealthy"]
    checks: list[Check]
    channels: dict[str, dict[str, int]]
    supported_events: list[str]


class AskStatistics(Part):
    """Deliveries of which time, apart by what."""

    window: Annotated[str, Field(pattern=WINDOW, description="Such as 30m, 24h or 7d.")] = "24h"
    by: tuple[By, ...] = Field(("channel",), max_length=1)


class Counts(BaseModel):
    """Deliveries, and how long those that were sent took from when they were due."""

    total: int = 0
    sent: int = 0
    retried: int = 0
    dead: int = 0
    held: int = 0
    suppressed: int = 0
    success_rate: float | None = Field(None, description="Sent ones of those that ended; None when none did.")
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class Statistics(Counts):
    """All deliveries of a time, and apart."""

    window: str
    by_reason: dict[str, int]
    groups: dict[str, dict[str, Counts]]


class Replay(Part):
    """What to send again: deliveries by their ids, or those of a channel since a moment."""

    delivery_ids: tuple[UUID, ...] = Field((), max_length=REPLAYS_MAX)
    channel_id: UUID | None = None
    since: AwareDatetime | None = None
    states: tuple[Literal["dead", "sent", "suppressed"], ...] = ("dead",)
    reason: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _names_some(self) -> Replay:
        if bool(self.delivery_ids) == bool(self.channel_id) or bool(self.channel_id) != bool(self.since):
            message = "give delivery_ids, or channel_id with since"
            raise ValueError(message)
        return self


class Replayed(BaseModel):
    """What is sent again."""

    created: int
    skipped: int


class Flushed(BaseModel):
    """Digests whose window is over."""

    sent: int
    empty: int
