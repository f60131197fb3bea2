"""What callers get of an organisation's matches."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from watchfloor.capabilities.advisories.schemas.words import Band, Exposure, MatchClass


class Matched(BaseModel):
    """One advisory that meets what runs on one asset."""

    match: UUID
    id: str = Field(description="The advisory.")
    title: str
    asset: UUID
    target: str
    port: int | None
    product: str
    version: str
    match_class: MatchClass
    confidence: float
    why: str
    source: str
    versions: str = Field(description="The affected versions that were met.")
    fix: str
    exposure: Exposure
    priority: float
    band: Band
    verdict: str = Field(description="Of BOD 26-04; not legal advice.")
    due_on: date | None
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None
    gone_reason: str | None


class MatchPage(BaseModel):
    """Matches, gravest first; `next_cursor` goes into `cursor` for the following page."""

    items: list[Matched]
    next_cursor: str | None = None
