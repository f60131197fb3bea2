"""One thing wrong at one target, from first to last sight, and how its state changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, func
from sqlalchemy.orm import Mapped, column_property, mapped_column

from watchfloor.kernel.db.tables import Base, OrgOwned


class Finding(OrgOwned, Base):
    """A finding; `key` names it once in an organisation and holds no version, so that it survives upgrades and scans.

    `state` is what counts now: an acceptance that has expired is open again, though `written_state` still says accepted.
    """

    __tablename__ = "finding"

    key: Mapped[str]
    capability: Mapped[str]
    check: Mapped[str]
    asset: Mapped[UUID]
    target: Mapped[str]
    protocol: Mapped[str]
    port: Mapped[int | None]
    title: Mapped[str]
    description: Mapped[str]
    severity: Mapped[str]
    severity_rank: Mapped[int]
    remedy: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    references: Mapped[list[str]] = mapped_column(ARRAY(Text))
    written_state: Mapped[str] = mapped_column("state")
    accepted_until: Mapped[datetime | None] = mapped_column()
    reason: Mapped[str | None]
    job: Mapped[UUID | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    fixed_at: Mapped[datetime | None]
    misses: Mapped[int]
    state: Mapped[str] = column_property(func.wf_finding_state(written_state, accepted_until, type_=Text))


class FindingChange(OrgOwned, Base):
    """One change of a finding's state; the first one has no `from_state`. Rows are added, never changed."""

    __tablename__ = "finding_change"

    finding: Mapped[UUID]
    at: Mapped[datetime]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    accepted_until: Mapped[datetime | None]
    actor: Mapped[str]
    reason: Mapped[str]
    job: Mapped[UUID | None]
