"""Reports as people and programs read them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from watchfloor.capabilities.reports.schemas.snapshot import Part
from watchfloor.capabilities.reports.schemas.words import Audience, Format, Redaction, Retention

State = Literal["pending", "rendering", "ready", "failed", "lost", "deleted"]


class ReportView(Part):
    """One report; its file can be downloaded while it is ready."""

    id: UUID
    title: str
    scan: UUID | None
    snapshot: UUID
    format: Format
    state: State = Field(description="lost: its file is gone, ask for it again; deleted: its time was over, the hash stays.")
    error: str | None
    error_code: str | None
    audience: Audience
    locale: str
    full: bool
    preset: str
    redaction: Redaction
    template_version: int
    sha256: str | None
    size_bytes: int | None
    pages: int | None
    rows_shown: int | None
    rows_total: int | None
    notes: list[str]
    artifact: UUID | None
    file_path: str | None
    retention: Retention
    expires_at: datetime | None
    hold_reason: str | None
    created_by: str
    job: UUID | None
    created_at: datetime
    ready_at: datetime | None
    deleted_at: datetime | None
