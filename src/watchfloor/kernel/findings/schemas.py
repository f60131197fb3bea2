"""What callers send about findings, and what they get back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from watchfloor.kernel.contract import Severity


class FindingView(BaseModel):
    """One thing wrong at one target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID
    key: str
    capability: str
    check: str
    asset: UUID
    target: str
    port: int | None
    title: str
    severity: Severity
    remedy: str
    evidence: dict[str, Any]
    state: str
    note: str | None
    job: UUID | None
    first_seen: datetime
    last_seen: datetime
    closed_at: datetime | None


class Triage(BaseModel):
    """Accept a finding's risk, or open it again; the reason is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Literal["accepted", "open"]
    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]
