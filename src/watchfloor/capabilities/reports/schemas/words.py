"""The words that people choose a report by."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What a report can be rendered as."""

    PDF = "pdf"
    HTML = "html"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    SARIF = "sarif"
    CYCLONEDX = "cyclonedx"
    OPENVEX = "openvex"
    CSAF = "csaf"
    BUNDLE = "bundle"

    @property
    def suffix(self) -> str:
        """Return how a file's name ends, without the dot."""
        return {"sarif": "sarif.json", "cyclonedx": "cdx.json", "openvex": "openvex.json", "csaf": "csaf.json", "bundle": "zip"}.get(
            self, str(self)
        )

    @property
    def is_set(self) -> bool:
        """Tell whether its letters are drawn here: fonts decide its bytes."""
        return self in {Format.PDF, Format.BUNDLE}

    @property
    def media_type(self) -> str:
        """Return the type that a download states."""
        return MEDIA_TYPES[self]


MEDIA_TYPES = {
    Format.PDF: "application/pdf",
    Format.HTML: "text/html; charset=utf-8",
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.SARIF: "application/sarif+json",
    Format.CYCLONEDX: "application/vnd.cyclonedx+json",
    Format.OPENVEX: "application/json",
    Format.CSAF: "application/json",
    Format.BUNDLE: "application/zip",
}


class Audience(StrEnum):
    """For whom a report is written: it decides which parts come first and which are left out."""

    EXECUTIVE = "executive"
    ENGINEER = "engineer"
    AUDITOR = "auditor"


class Redaction(StrEnum):
    """What a report may show."""

    NONE = "none"
    INTERNAL = "internal"  # no credentials, no names of persons
    PUBLIC = "public"  # besides, aliases instead of assets, and no evidence


class Retention(StrEnum):
    """How long a report is kept."""

    TEMPORARY = "temporary"  # 7 days
    STANDARD = "standard"  # 90 days
    AUDIT = "audit"  # 400 days
    HOLD = "hold"  # until somebody releases it
