"""Audit rows as lists read them; nobody changes one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from watchfloor.kernel.db.tables import Base


class AuditEntry(Base):
    """Who did what to which object, with which outcome."""

    __tablename__ = "audit_entry"

    org: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    actor: Mapped[str]
    operation: Mapped[str]
    object: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    address: Mapped[str | None]
