"""Snapshots, the reports made from them, and how people want theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from watchfloor.kernel.db.tables import Base, OrgOwned


class Snapshot(OrgOwned, Base):
    """What a scope was at one moment; every format of a request is rendered from the same one."""

    __tablename__ = "report_snapshot"

    scope: Mapped[dict[str, Any]]
    scope_hash: Mapped[bytes]
    redaction: Mapped[str]
    watermark: Mapped[str | None]
    as_of: Mapped[datetime]
    taken_at: Mapped[datetime]
    rows: Mapped[int]
    counts: Mapped[dict[str, Any]]
    sha256: Mapped[bytes]
    size_bytes: Mapped[int]
    artifact: Mapped[UUID | None]
    expires_at: Mapped[datetime | None]


class Report(OrgOwned, Base):
    """One document; only `ready` proves that its file is whole. A deleted one stays as a row with its hash."""

    __tablename__ = "report"

    snapshot: Mapped[UUID]
    scan: Mapped[UUID | None]
    scope_hash: Mapped[bytes]
    preset: Mapped[str]
    theme: Mapped[str]
    title: Mapped[str]
    format: Mapped[str]
    options: Mapped[dict[str, Any]]
    redaction: Mapped[str]
    spec_hash: Mapped[bytes]
    template_version: Mapped[int]
    state: Mapped[str]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    artifact: Mapped[UUID | None]
    sha256: Mapped[bytes | None]
    size_bytes: Mapped[int | None]
    pages: Mapped[int | None]
    rows_shown: Mapped[int | None]
    rows_total: Mapped[int | None]
    notes: Mapped[list[str]] = mapped_column(JSONB)
    retention: Mapped[str]
    expires_at: Mapped[datetime | None]
    hold_reason: Mapped[str | None]
    hold_by: Mapped[str | None]
    manifest: Mapped[bytes | None]
    signature: Mapped[bytes | None]
    file_path: Mapped[str | None]
    created_by: Mapped[str]
    job: Mapped[UUID | None]
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class Preset(OrgOwned, Base):
    """How a kind of report is wanted, under a name."""

    __tablename__ = "report_preset"

    name: Mapped[str]
    spec: Mapped[dict[str, Any]]
    actor: Mapped[str]
    changed_at: Mapped[datetime]


class Theme(OrgOwned, Base):
    """Colours, logo and words of an organisation's own."""

    __tablename__ = "report_theme"

    name: Mapped[str]
    tokens: Mapped[dict[str, Any]]
    classification: Mapped[str]
    author: Mapped[str]
    locale: Mapped[str]
    logo: Mapped[bytes | None]
    actor: Mapped[str]
    changed_at: Mapped[datetime]
