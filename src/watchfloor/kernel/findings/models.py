"""One thing wrong at one target, from first to last sight."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped

from watchfloor.kernel.db.tables import Base, OrgOwned


class Finding(OrgOwned, Base):
    """A finding; `key` names it once in an organisation and holds no version, so that it survives upgrades and scans."""

    __tablename__ = "finding"

    key: Mapped[str]
    capability: Mapped[str]
    check: Mapped[str]
    asset: Mapped[UUID]
    target: Mapped[str]
    port: Mapped[int | None]
    title: Mapped[str]
    severity: Mapped[str]
    severity_rank: Mapped[int]
    remedy: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    state: Mapped[str]
    note: Mapped[str | None]
    job: Mapped[UUID | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    closed_at: Mapped[datetime | None]
