"""What callers get back about stored files."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class ArtifactView(BaseModel):
    """A stored file without its bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    job: UUID | None
    created_at: datetime


class LinkAsked(BaseModel):
    """How long a link to a file opens it, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: int = Field(900, ge=10, le=900, description="How long the link opens the file, from now on.")
    single_use: bool = Field(
        default=False, description="The first GET uses it up: also one of a program that looks at links before people do."
    )


class LinkMade(BaseModel):
    """A link that opens one file without a key; whoever has it can read the file until it expires."""

    url: str = Field(description="Relative to this server.")
    expires_at: AwareDatetime
    single_use: bool


class Swept(BaseModel):
    """What a sweep removed, and the files whose bytes are gone or cut off."""

    removed: int = Field(description="files that were taken away before")
    orphans: int = Field(description="bytes without a row, older than a day")
    freed_bytes: int
    lost: list[UUID]
