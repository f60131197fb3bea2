"""What the events of reports say."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.reports.schemas.words import Format


class ReportReady(BaseModel):
    """What `reports.ready` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    report: UUID
    scan: UUID | None = Field(description="None where it is about more than one scan.")
    format: Format
    artifact: UUID = Field(description="The stored file.")


class ReportFailed(BaseModel):
    """What `reports.failed` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    report: UUID
    format: Format
    reason: str


class ReportsShortOfRoom(BaseModel):
    """What `reports.short_of_room` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str
    needed_bytes: int | None = Field(description="How much must be free before the report is begun; None where the disk was full already.")
    free_bytes: int | None = Field(description="How much was free.")
