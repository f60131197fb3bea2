"""API keys and people as lists read them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from watchfloor.kernel.db.tables import Base, OrgOwned


class KeyRow(OrgOwned, Base):
    """One API key; the digest stays in the database."""

    __tablename__ = "api_key"

    public_id: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class MemberRow(OrgOwned, Base):
    """One person of the organisation."""

    __tablename__ = "member"

    name: Mapped[str]
    role: Mapped[str]
    state: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]
