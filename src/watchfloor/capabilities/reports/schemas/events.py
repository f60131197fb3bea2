"""What the events of reports say."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from watchfloor.capabilities.reports.schemas.snapshot import Part
from watchfloor.capabilities.reports.schemas.words import Format


class ReportReady(Part):
    """What `reports.ready` says."""

    report: UUID
    scan: UUID | None = Field(description="None where it is about more than one scan.")
    format: Format
    artifact: UUID = Field(description="The stored file.")


class ReportFailed(Part):
    """What `reports.failed` says."""

    report: UUID
    format: Format
    reason: str


class ReportsShortOfRoom(Part):
    """What `reports.short_of_room` says."""

    reason: str
    needed_bytes: int | None = Field(description="How much must be free before the report is begun; None where the disk was full already.")
    free_bytes: int | None = Field(description="How much was free.")
