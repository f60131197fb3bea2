"""What reports are asked for, and what is answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AliasChoices, AwareDatetime, BeforeValidator, Field, model_validator

from watchfloor.capabilities.reports.schemas.snapshot import Part
from watchfloor.capabilities.reports.schemas.words import Audience, Format, Redaction, Retention
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.sections import Scope

DAYS_MAX: Final = 36_500
STORABLE: Final = r"^[^\x00]*$"  # PostgreSQL keeps every character but one
LOCALE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class Filters(Part):
    """Which findings are listed and counted; what is not said lists all."""

    min_severity: Severity | None = Field(None, description="This severity and graver ones.")
    states: list[Literal["open", "accepted", "false_positive", "fixed"]] | None = Field(None, min_length=1, max_length=10)
    capabilities: list[str] | None = Field(None, min_length=1, max_length=50, description="Whose checks found them, such as scans.")
    known_exploited: bool | None = Field(None, description="Only what is known to be exploited.")


class Wish(Part):
    """How a reader wants a report; what is not said comes from the preset, then from the settings."""

    preset: str | None = Field(None, max_length=60, pattern=STORABLE, description="executive, engineer, auditor, or a preset of your own.")
    locale: str | None = Field(None, pattern=LOCALE, max_length=35, description="Language and region, such as de or pt-BR.")
    redaction: Redaction | None = Field(None, description="none, internal (secrets masked) or public (aliases instead of assets).")
    full: bool | None = Field(None, description="Every row in full, as far as the format allows.")
    retention: Retention | None = Field(None, description="temporary (7 days), standard (90) or audit (400).")
    time_zone: str | None = Field(None, max_length=64, description="Such as Europe/Berlin.")
    audience: Audience | None = None
    theme: str | None = Field(None, max_length=60, pattern=STORABLE, description="A theme of your own, by its name.")
    classification: str | None = Field(None, max_length=60, pattern=STORABLE, description="Stands on every page.")
    sections: list[str] | None = Field(
        None, max_length=50, description="The capabilities that tell about it, such as scans; none means all."
    )
    filters: Filters | None = Field(None, description="Which findings are listed; the report says that others are not.")


class PresetWish(Wish):
    """A wish under a name, with the formats that are made where none are asked for."""

    formats: list[Format] | None = Field(None, min_length=1, max_length=50, description="Made where a request or schedule names none.")


class About(Wish):
    """What a report is about: a scan, a scan compared with an earlier one, the assets with a tag, or, with `since`, the organisation."""

    base_scan_id: UUID | None = Field(None, description="The earlier scan that scan_id is compared with.")
    tag: str | None = Field(None, min_length=1, max_length=100, pattern=STORABLE, description="The assets with this tag.")
    since: AwareDatetime | None = Field(None, description="The organisation, or the assets with the tag, from this moment on.")
    until: AwareDatetime | None = Field(None, description="Until this moment; now when nothing is said.")

    def scope_of(self, scan: UUID | None) -> Scope:
        """Return the scope; raises ValueError when it is none or several."""
        if scan is not None:
            if self.tag or self.since or self.until:
                message = "a report about a scan takes neither tag, since nor until"
                raise ValueError(message)
            if scan == self.base_scan_id:
                message = "a scan cannot be compared with itself; base_scan_id is the earlier one"
                raise ValueError(message)
            return Scope(kind="comparison" if self.base_scan_id else "scan", scan=scan, base=self.base_scan_id)
        if self.base_scan_id:
            message = "base_scan_id is the earlier of two scans; give scan_id too"
            raise ValueError(message)
        if self.since and self.until and self.since >= self.until:
            message = "since must be before until"
            raise ValueError(message)
        if self.tag:
            return Scope(kind="assets", tag=self.tag, since=self.since, until=self.until)
        if self.since:
            return Scope(kind="organisation", since=self.since, until=self.until)
        message = "say what the report is about: scan_id, tag, or since for the whole organisation"
        raise ValueError(message)


class _OneFormat(Part):
    scan_id: UUID | None = None
    format: Format = Format.PDF


class _SeveralFormats(Part):
    scan_id: UUID | None = None
    formats: list[Format] | None = Field(None, min_length=1, max_length=50, description="Those of the preset, or pdf, html and json.")


# The base that stands last gives the first fields, and so the order of positional arguments.
class GenerateReport(About, _OneFormat):
    """One report in one format."""

    @model_validator(mode="after")
    def _has_a_scope(self) -> GenerateReport:
        self.scope_of(self.scan_id)
        return self


class GenerateReports(About, _SeveralFormats):
    """Reports of one snapshot in several formats; a format named twice is made once."""

    @model_validator(mode="after")
    def _has_a_scope(self) -> GenerateReports:
        self.scope_of(self.scan_id)
        return self


class ExportScan(Part):
    """A scan as CSV."""

    scan_id: UUID


class WeeklyReport(Wish):
    """What happened in the organisation in the seven days before today."""

    formats: list[Format] | None = Field(None, min_length=1, max_length=50, description="Those of the preset, or pdf and html.")


def _days(value: Any) -> Any:  # noqa: ANN401 - whatever was sent
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if value > DAYS_MAX:
        message = f"at most {DAYS_MAX} days"
        raise ValueError(message)
    return timedelta(days=value)


class CleanupReports(Part):
    """Delete reports whose time is over."""

    older_than: Annotated[timedelta | None, BeforeValidator(_days)] = Field(
        None, validation_alias=AliasChoices("older_than", "days"), ge=timedelta(days=1),
        description="A number of days, or a duration: temporary and standard reports older than this go, though their class would keep them longer.",
    )  # fmt: skip
    keep_last: int = Field(1, ge=0, le=1000, description="The newest reports of each scope, preset and format that stay in any case.")
    dry_run: bool = Field(default=False, description="Count, and change nothing.")


class VerifyReport(Part):
    """Prove that a report's file is the one that was made."""

    report_id: UUID
    rerender: bool = Field(default=False, description="Render the snapshot again and compare the bytes.")
    pdfa: bool = Field(default=False, description="Check a PDF against PDF/A as well.")


class ReportMade(Part):
    """One report; `file_path` is a plain copy where the settings name a folder for them, otherwise artifact:<id>."""

    report_id: UUID
    scan_id: UUID | None
    artifact_id: UUID
    format: Format
    file_path: str
    file_size: int
    sha256: str
    pages: int | None
    generated_at: datetime
    status: str
    reused: bool = Field(description="It was there already: the same data, wish and format give the same report.")


class FormatMade(Part):
    """What became of one of several formats."""

    report_id: UUID
    format: Format
    file_path: str | None = None
    file_size: int | None = None
    sha256: str | None = None
    status: str
    error: str | None = None


class ReportsMade(Part):
    """What became of several formats."""

    scan_id: UUID | None
    snapshot_id: UUID
    reports: list[FormatMade]
    total_generated: int
    total_failed: int


class ScanExported(Part):
    """A scan as CSV."""

    scan_id: UUID
    report_id: UUID
    file_path: str
    format: Format
    rows: int
    sha256: str
    status: str


class Cleaned(Part):
    """What a clean-up did, or with dry_run would do."""

    deleted_count: int = 0
    freed_bytes: int = 0
    kept_count: int = 0
    held_count: int = 0
    orphans_removed: int = 0
    lost_marked: int = 0
    dry_run: bool = False


class Verified(Part):
    """What was proven; None was not asked for, or could not be looked at: `notes` says why."""

    report_id: UUID
    file_ok: bool
    signature_ok: bool
    rerender_equal: bool | None = None
    pdfa: bool | None = None
    notes: list[str] = Field(default=[])
