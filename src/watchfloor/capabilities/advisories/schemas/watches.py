"""What an organisation wants to be told of, and what it would have been told."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from watchfloor.capabilities.advisories.schemas.changes import Kind

PREFIX = "advisory."
NEW, CLOSED = "match.new", "match.closed"
# What a match that goes on does is told by events alone: a match stands in its row as it is now.
BAND_CHANGED, CONFIDENCE_RAISED = "match.band_changed", "match.confidence_raised"
KINDS = (*map(str, Kind), NEW, CLOSED, BAND_CHANGED, CONFIDENCE_RAISED)

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]
Query = Annotated[str, Field(max_length=2000, description="Which advisories, in the language of their search; empty: all.")]
Tag = Annotated[str, Field(min_length=1, max_length=200)]
Kinds = Annotated[list[str], Field(max_length=len(KINDS), description=f"What has to happen: {', '.join(KINDS)}; empty: any of them.")]
Score = Annotated[float, Field(ge=0, le=100, description="The least priority; of an asset with one of the tags where tags are given.")]
Tags = Annotated[
    list[Tag], Field(max_length=50, description="Only what matches an asset with one of these tags; empty: whether it matches or not.")
]


def kind_named(text: str) -> str:
    """Return the kind that a name means, with or without `advisory.`; ValueError says what may be meant."""
    for name in (text, PREFIX + text):
        if name in KINDS:
            return name
    near = difflib.get_close_matches(text, [*KINDS, *(kind.removeprefix(PREFIX) for kind in KINDS)], n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(KINDS)}"
    message = f"{text[:40]!r} is nothing that happens; {hint}"
    raise ValueError(message)


def _known(kinds: list[str] | None) -> list[str] | None:
    return None if kinds is None else list(dict.fromkeys(map(kind_named, kinds)))


class WatchCreate(BaseModel):
    """Something to be told of."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    query: Query = ""
    kinds: Kinds = []
    min_score: Score = 0
    asset_tags: Tags = []
    enabled: bool = True

    known = field_validator("kinds")(_known)


class WatchChange(BaseModel):
    """What to change about a watch; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    query: Query | None = None
    kinds: Kinds | None = None
    min_score: Score | None = None
    asset_tags: Tags | None = None
    enabled: bool | None = None

    known = field_validator("kinds")(_known)


class WatchView(BaseModel):
    """A watch."""

    id: UUID
    name: str
    query: str
    kinds: list[str]
    min_score: float
    asset_tags: list[str]
    enabled: bool
    created_by: str
    created_at: datetime
    hits: int = Field(description="How often it has fired.")
    last_hit_at: datetime | None
    broken: str | None = Field(None, description="Why its query cannot be asked any more; it does not fire until that is changed.")


class Watches(BaseModel):
    """All watches of an organisation, by name; there are at most 500."""

    items: list[WatchView]


class Hit(BaseModel):
    """One thing that a watch tells of."""

    cve_id: str
    kind: str
    old: Any = None
    new: Any = None
    source: str | None = None
    at: datetime
    title: str
    priority: float
    band: str
    assets: int = Field(0, description="How many of your assets it matches now.")
    asset_ids: list[UUID] = Field([], description="Up to 20 of them.")


class WatchTest(BaseModel):
    """What a watch would have told in the last days, newest first: up to 100 of `total`."""

    days: int
    total: int
    total_capped: bool = False
    items: list[Hit]
