"""What an organisation owns, and what of the network it allowed to be looked at."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from watchfloor.kernel.db.tables import Base, OrgOwned


class Asset(OrgOwned, Base):
    """Something we know exists; `(kind, key)` names it once in an organisation."""

    __tablename__ = "asset"

    kind: Mapped[str]
    key: Mapped[str]
    name: Mapped[str | None]
    names: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    exposure: Mapped[str]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class ScopeEntry(OrgOwned, Base):
    """One network or domain that may be looked at, by whose permission and for how long; or one that must not be."""

    __tablename__ = "scope"

    kind: Mapped[str]
    target: Mapped[str]
    ports: Mapped[str | None]
    reason: Mapped[str]
    approved_by: Mapped[str]
    proof: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    valid_from: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class AssetFact(OrgOwned, Base):
    """One thing that runs on an asset, from first sight until a look found it gone; port 0 where there is none."""

    __tablename__ = "asset_fact"

    asset: Mapped[UUID]
    kind: Mapped[str]
    port: Mapped[int]
    protocol: Mapped[str]
    name: Mapped[str]
    product: Mapped[str]
    version: Mapped[str]
    revision: Mapped[str]
    cpe23: Mapped[list[str]] = mapped_column(ARRAY(Text))
    first_seen: Mapped[datetime]
    observed_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
