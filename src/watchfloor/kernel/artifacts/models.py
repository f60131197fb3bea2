"""Stored files: what they are called and how large they are; the bytes lie sealed beside."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from watchfloor.kernel.db.tables import Base, OrgOwned


class Artifact(OrgOwned, Base):
    """A stored file's card."""

    __tablename__ = "artifact"

    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[bytes]
    job: Mapped[UUID | None]
    created_at: Mapped[datetime]
    place: Mapped[str]
    address: Mapped[bytes]
    kid: Mapped[str]
    removed_at: Mapped[datetime | None]
