"""The ledger's rows as lists and filters read them; writing is the statements' business alone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from watchfloor.kernel.db.tables import Base, OrgOwned


class Job(OrgOwned, Base):
    """One request for work, live or archived: the view that unites both."""

    __tablename__ = "job_all"

    kind: Mapped[str]
    queue: Mapped[str]
    stage: Mapped[str]
    state: Mapped[str]
    priority: Mapped[int]
    attempt: Mapped[int]
    failures: Mapped[int]
    crash_count: Mapped[int]
    actor: Mapped[str]
    label: Mapped[str | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    run_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    attempt_at: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    owner: Mapped[UUID | None]
    batch: Mapped[UUID | None]
    parent: Mapped[UUID | None]
    schedule: Mapped[UUID | None]
    replay_of: Mapped[UUID | None]


class JobProgress(Base):
    """How far a job is, as its newest attempt told."""

    __tablename__ = "job_progress"

    org: Mapped[UUID] = mapped_column(primary_key=True)
    job: Mapped[UUID] = mapped_column(primary_key=True)
    phase: Mapped[str | None]
    done: Mapped[int]
    total: Mapped[int]
    note: Mapped[str | None]
    at: Mapped[datetime]
