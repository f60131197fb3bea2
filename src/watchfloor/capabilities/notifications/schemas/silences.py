"""What is not told for a while, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.rules import Matchers

LONGEST: Final = timedelta(days=366)


class SilenceCreate(Part):
    """What nobody is told from when until just before when; at most a year, for a silence that is forgotten hides what matters."""

    matchers: Matchers
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _ends(self) -> SilenceCreate:
        if not timedelta() < self.ends_at - self.starts_at <= LONGEST:
            message = "a silence ends after it starts, and lasts a year at most"
            raise ValueError(message)
        return self


class SilenceView(BaseModel):
    """A silence."""

    id: UUID
    matchers: Matchers
    starts_at: datetime
    ends_at: datetime
    reason: str
    actor: str
    created_at: datetime


class SuppressionView(BaseModel):
    """An address that takes no mail, masked; for good where there is no `until`."""

    id: UUID
    address: str
    reason: str
    until: datetime | None
    created_by: str
    created_at: datetime
