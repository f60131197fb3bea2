"""Scans, their shards, and what they saw: hosts, services, findings."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from watchfloor.kernel.db.tables import Base, OrgOwned


class Scan(OrgOwned, Base):
    """One look at a set of targets; its id is also that of the job that plans it."""

    __tablename__ = "scan"

    request: Mapped[dict[str, Any]]
    seed: Mapped[int]
    state: Mapped[str]
    error: Mapped[str | None]
    job: Mapped[UUID | None]
    finish_job: Mapped[UUID | None]
    hosts: Mapped[int]
    hosts_up: Mapped[int]
    probes: Mapped[int]
    open_ports: Mapped[int]
    findings: Mapped[int]
    not_looked_at: Mapped[list[str]] = mapped_column(JSONB)
    notes: Mapped[list[str]] = mapped_column(JSONB)
    actor: Mapped[str]
    subject: Mapped[str]
    previous_scan: Mapped[UUID | None]
    silent_hosts: Mapped[list[list[str]]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Shard(OrgOwned, Base):
    """One job's part of a scan: addresses times ports; `totals` are its probes by priority group."""

    __tablename__ = "shard"

    scan: Mapped[UUID]
    n: Mapped[int]
    request: Mapped[dict[str, Any]]
    totals: Mapped[dict[str, Any]]
    state: Mapped[str]
    error: Mapped[str | None]
    summary: Mapped[dict[str, Any]]
    resume: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    job: Mapped[UUID | None]
    finished_at: Mapped[datetime | None]


class Host(OrgOwned, Base):
    """An address that answered; `counts` are its ports by state, for each shard that looked and each group; `silent` names some of them."""

    __tablename__ = "host"

    scan: Mapped[UUID]
    asset: Mapped[UUID]
    address: Mapped[Any] = mapped_column(INET)
    name: Mapped[str | None]
    rtt_ms: Mapped[float | None]
    counts: Mapped[dict[str, Any]]
    silent: Mapped[dict[str, Any]]


class ScannedService(OrgOwned, Base):
    """What answered on one open port; `detail` has the rest of the engine's Service."""

    __tablename__ = "service"

    scan: Mapped[UUID]
    host: Mapped[UUID]
    port: Mapped[int]
    protocol: Mapped[str]
    port_group: Mapped[str]
    name: Mapped[str]
    product: Mapped[str]
    version: Mapped[str]
    confidence: Mapped[int]
    detail: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]


class ScanFinding(OrgOwned, Base):
    """A finding that a scan saw; the finding itself goes on after the scan."""

    __tablename__ = "scan_finding"

    scan: Mapped[UUID]
    finding: Mapped[UUID]
    is_new: Mapped[bool]
