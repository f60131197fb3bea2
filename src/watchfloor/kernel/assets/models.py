"""What an organisation owns, and what of the network it allowed to be looked at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from watchfloor.kernel.db.tables import Base, OrgOwned


class Asset(OrgOwned, Base):
    """Something we know exists; `(kind, key)` names it once in an organisation."""

    __tablename__ = "asset"

    kind: Mapped[str]
    key: Mapped[str]
    name: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class ScopeEntry(OrgOwned, Base):
    """One network or domain that may be looked at."""

    __tablename__ = "scope"

    target: Mapped[str]
    reason: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
