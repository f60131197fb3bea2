"""What callers ask of the sources, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.schemas.words import source_named

FEEDS = ("nvd", "cve-list", "kev", "eu-kev", "euvd", "epss")  # sources that are fetched; the others come from files only


def _known(label: str) -> str:
    source_named(label)
    return label


SourceLabel = Annotated[str, AfterValidator(_known)]


class SyncState(StrEnum):
    """How asking a source ended."""

    SYNCED = "synced"  # something new was taken
    UNCHANGED = "unchanged"  # it answered, and there is nothing new
    SKIPPED = "skipped"  # it was asked a short while ago, or is being asked
    REFUSED = "refused"  # what it answered was refused by a guard; nothing of it was taken
    FAILED = "failed"  # it did not answer


class UpdateVulnerabilities(BaseModel):
    """Which sources to ask, and how thoroughly."""

    model_config = ConfigDict(extra="forbid")

    sources: list[SourceLabel] | None = Field(
        None, max_length=20, description="Sources to ask; without them all that are enabled, NVD on its own schedule."
    )
    full: bool = Field(default=False, description="Load complete sets again instead of news only.")
    force: bool = Field(default=False, description="Ask even if somebody asked a short while ago.")
    accept: list[str] = Field(default=[], max_length=10, description="Guards whose refusal an operator passes, such as G5; audited.")


class SyncNvdUpdates(BaseModel):
    """How far back NVD is asked for changes."""

    model_config = ConfigDict(extra="forbid")

    days_back: int = Field(7, ge=1, le=3650, description="Take changes of the last so many days; what was missed before is taken as well.")
    full: bool = Field(default=False, description="Load all years again.")
    force: bool = Field(default=False, description="Ask even if somebody asked a short while ago.")


class SourceOutcome(BaseModel):
    """What came of asking one source."""

    source: str
    state: SyncState
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    lost: int = 0
    message: str = ""


class Updated(BaseModel):
    """What came of an update: each source, and what merging changed."""

    sources: list[SourceOutcome] = []
    merged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
