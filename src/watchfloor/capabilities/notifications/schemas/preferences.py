"""How one person wants to be told."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationInfo

from watchfloor.capabilities.notifications.schemas.channels import EventGlob
from watchfloor.capabilities.notifications.schemas.message import Part
from watchfloor.capabilities.notifications.schemas.times import DigestPlan, QuietWindow
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.contract import Severity

STORED = "stored"  # what is read back: a zone that was known when it was said may be gone by now


def _zone(name: str, info: ValidationInfo) -> str:
    if not (info.context or {}).get(STORED) and name not in zoneinfo.available_timezones():
        message = f"{name[:60]!r} is no time zone such as Europe/Berlin"
        raise ValueError(message)
    return name


Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]


class Wishes(Part):
    """What one person wants to hear, where, and when not. What is not said is open: every event over every channel at any hour."""

    timezone: Zone = "UTC"
    locale: Literal["en", "de"] | None = Field(
        None, description="The language of pages that open without signing in; the browser's without one."
    )
    quiet: tuple[QuietWindow, ...] = Field((), max_length=20)
    bypass_severity: Severity = Severity.CRITICAL
    bypass_per_hour: int = Field(5, ge=0, le=1000)
    max_per_hour: int = Field(60, ge=1, le=10_000)
    min_severity: Severity = Severity.INFO
    enabled_events: tuple[EventGlob, ...] | None = Field(None, max_length=100)
    enabled_channels: tuple[ChannelKind, ...] | None = None
    opted_out: tuple[EventGlob, ...] = Field((), max_length=100)
    digest: DigestPlan | None = Field(None, description="Tell all at once at some hour; at once when there is none.")
    paused_until: AwareDatetime | None = None


class PreferenceView(BaseModel):
    """A person's wishes; revision 0 means that they never said any, and have those of the organisation."""

    user_id: str
    wishes: Wishes
    revision: int
    changed_by: str | None = None
    changed_at: datetime | None = None


class DefaultPreference(BaseModel):
    """What people have who never said any wishes; revision 0 means that the organisation set nothing."""

    wishes: Wishes
    revision: int
    changed_by: str | None = None
    changed_at: datetime | None = None
