"""What callers get back about stored files."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


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
