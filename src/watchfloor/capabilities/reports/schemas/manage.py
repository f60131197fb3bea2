"""What people change about reports: holds, presets, themes, links."""

# ruff: noqa: TC001 - pydantic reads annotations when the program runs
from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from watchfloor.capabilities.reports.schemas.requests import LOCALE, STORABLE, GenerateReports, PresetWish, Wish
from watchfloor.capabilities.reports.schemas.snapshot import Part
from watchfloor.capabilities.reports.schemas.words import Format

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=STORABLE)]


class ReportRequest(GenerateReports):
    """Reports of one snapshot; say `format` for one or `formats` for several."""

    format: Format | None = Field(None, description="One format, instead of `formats`.")

    @model_validator(mode="after")
    def _says_formats_once(self) -> ReportRequest:
        if self.format is not None and "formats" in self.model_fields_set:
            message = "say either format or formats"
            raise ValueError(message)
        return self

    def job(self) -> GenerateReports:
        """Return the arguments of the job."""
        told = self.model_dump(exclude={"format"}, exclude_unset=True)
        return GenerateReports.model_validate(told | ({"formats": [self.format]} if self.format else {}))


class ScanReportRequest(Wish):
    """Reports about one scan."""

    formats: list[Format] | None = Field(None, min_length=1, max_length=50, description="Those of the preset, or pdf, html and json.")
    base_scan_id: UUID | None = Field(None, description="The earlier scan to compare with.")


class ReportAccepted(Part):
    """The job that writes the reports; its result names them."""

    job: UUID


class Hold(Part):
    """Why a report must not be deleted."""

    reason: Reason


class PresetView(Part):
    """A preset; those that are built in belong to nobody."""

    name: str
    wish: PresetWish
    built_in: bool = False
    actor: str = ""
    changed_at: datetime | None = None


class Presets(Part):
    """All presets by name."""

    items: list[PresetView]


class ThemeChange(Part):
    """Colours and words of your own."""

    tokens: dict[str, Colour] = Field(
        {}, max_length=20, description="accent, and series2 to series6 of pictures; readable on white paper, or refused."
    )
    classification: str = Field("", max_length=60, pattern=STORABLE)
    author: str = Field("", max_length=200, pattern=STORABLE)
    locale: str = Field(
        "", max_length=35, pattern=rf"{LOCALE}|^$", description="Language of reports whose wish and preset name none, such as de."
    )


class ThemeView(ThemeChange):
    """A theme."""

    name: str
    logo: bool = Field(description="Whether it has a logo.")
    actor: str
    changed_at: datetime


class Themes(Part):
    """All themes by name."""

    items: list[ThemeView]


class FileHash(Part):
    """Which report a file is, by its SHA-256."""

    report: UUID | None = None
    state: str | None = None
    signature_ok: bool | None = None
    manifest: dict[str, object] | None = None
