"""What people and programs read about scans."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.scans.schemas import Tally
from watchfloor.kernel.contract import Severity


class View(BaseModel):
    """Frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ScanView(View):
    """One scan; counts grow while it runs and are final once it has ended."""

    id: UUID
    name: str = Field("", description="As requested, else the first targets.")
    state: str = Field(description="draft (not started), planned, running, finished, incomplete (not all was looked at) or cancelled")
    targets: list[str] = Field(description="The first 100 targets.")
    targets_total: int
    ports: str
    engine: str = Field("native", description="native, nmap, or import: a file said what another scanner saw")
    error: str | None
    job: UUID | None
    hosts: int = Field(description="Addresses to look at.")
    hosts_up: int = Field(description="Addresses that answered.")
    probes: int
    open_ports: int
    findings: int
    not_looked_at: list[str] = Field(description="Sentences: what this scan cannot speak for. It is never the same as closed.")
    notes: list[str]
    actor: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class GroupProgress(View):
    """Ports of one priority group over all hosts."""

    group: str
    done: int
    total: int


class ScanProgress(View):
    """How far a scan is."""

    scan: UUID
    state: str
    phase: str = Field(description="planning, a priority group, services, finishing, or the state of a scan that does not run")
    current_group: str | None = Field(None, description="The most important priority group that is not finished; none when all are.")
    group_size: int = Field(0, description="Ports of the current group over all addresses.")
    done: int
    total: int = Field(description="Ports over all addresses, fixed once the scan is planned.")
    percent: float = Field(0.0, description="Of the ports that are settled; 100 only when all are.")
    open: int
    rate: float | None = Field(None, description="Connection attempts per second of all parts together.")
    loss: float | None = Field(None, description="Which part of the answered attempts had to be repeated first, from 0 to 1.")
    eta_s: float | None = Field(description="Seconds left at the pace so far.")
    waits: str | None = Field(None, description="Why a part waits or is slowed down; whom it waits for is never told.")
    shards_done: int
    shards_total: int
    groups: list[GroupProgress]


class HostView(View):
    """One address that answered."""

    id: UUID
    address: str
    name: str | None
    asset: UUID
    rtt_ms: float | None
    ports: Tally


class ServiceView(View):
    """What answers on one open port."""

    id: UUID
    address: str
    host_name: str | None
    port: int
    protocol: str
    group: str
    name: str
    product: str
    version: str
    confidence: int
    detail: dict[str, Any] = Field(description="Evidence, CPE, page title, TLS and certificate, where they are known.")


class ScanFindingView(View):
    """One finding this scan saw, as it is known now."""

    id: UUID
    key: str
    check: str
    title: str
    severity: Severity
    target: str
    protocol: str
    port: int | None
    description: str
    evidence: str
    remedy: str
    references: list[str]
    state: str = Field(description="open, fixed, accepted or false_positive")
    accepted_until: datetime | None
    reason: str | None = Field(description="Why it is in this state.")
    is_new: bool = Field(description="Seen for the first time by this scan.")
    first_seen: datetime
    last_seen: datetime
