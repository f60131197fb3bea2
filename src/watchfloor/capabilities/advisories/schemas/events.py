"""What the events of advisories and matches say."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel

from watchfloor.capabilities.advisories.schemas.watches import Hit
from watchfloor.capabilities.advisories.schemas.words import Band


class _Told(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AdvisoriesUpdated(_Told):
    """What `advisories.updated` says: how many."""

    added: int
    changed: int
    removed: int


class SourceTold(_Told):
    """What `advisories.source_refused` and `advisories.source_recovered` say."""

    source: str
    reason: str


class WatchHit(Hit):
    """What `advisories.watch_hit` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    watch: UUID
    name: str = Field(description="The watch's.")


class CountersDrifted(RootModel[dict[str, dict[str, int]]]):
    """What `advisories.counters_drifted` says: by metric and dimension, what a recount says less what was counted."""


class _OfMatches(_Told):
    """What events of matches have in common."""

    cve: str
    assets: list[UUID] = Field(description="Which they meet, the first of them.")
    count: int = Field(description="How many assets they meet.")


class MatchBand(_OfMatches):
    """What `match.new` and `match.band_changed` say, of the gravest of the matches."""

    title: str
    priority: float
    band: Band
    old: Band | None = Field(description="The band before, where there was one.")
    new: Band


class MatchConfidence(_OfMatches):
    """What `match.confidence_raised` says, of the gravest of the matches."""

    title: str
    priority: float
    band: Band
    old: float | None = Field(description="The confidence before, from 0 to 1.")
    new: float


class MatchClosed(_OfMatches):
    """What `match.closed` says."""

    reason: str
