"""The head of a snapshot: all that a report says except its rows."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, field_serializer

from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.sections import Scope, Sort

FINDINGS = "findings"
FORMAT_VERSION = 1


class Part(BaseModel):
    """Frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Part):
    """One number people should see first."""

    label: str
    value: str | int | float | None
    note: str = ""


class Point(Part):
    """One value of a series; `tone` is a severity where its colour says one."""

    label: str
    value: float
    tone: str = ""


class Series(Part):
    """Values in the order they are drawn."""

    label: str
    points: tuple[Point, ...]


class Chart(Part):
    """Numbers to be drawn. `shares`: parts of one whole; `bars`: one bar a point; `stack`: one bar a series; `trend`: a line a series over moments."""

    kind: Literal["shares", "bars", "stack", "trend"]
    title: str
    unit: str = ""
    series: tuple[Series, ...] = ()


class ColumnHead(Part):
    """One column."""

    name: str
    title: str
    sort: Sort = Sort.TEXT
    unit: str = ""
    words: dict[str, str] = Field({}, description="Words of ours among its cells, and what people read instead of each.")


class TableHead(Part):
    """A table without its rows; these stand in the snapshot under `key`."""

    key: str = Field(description="Section and table, such as scans.services.")
    title: str
    columns: tuple[ColumnHead, ...]
    rows: int = 0
    empty: str = "Nothing to show."


class SectionHead(Part):
    """What one capability tells."""

    name: str
    title: str
    order: int = 0
    audiences: frozenset[str] = frozenset({"executive", "engineer", "auditor"})
    summary: str = ""
    state: str = ""
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[TableHead, ...] = ()
    notes: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = Field((), description="Sentences about what this section cannot speak for.")
    method: tuple[str, ...] = Field((), description="Sentences about how the facts were obtained.")
    words: dict[str, dict[str, str]] = Field({}, description="Its sentences in other languages, by language and English sentence.")

    @field_serializer("audiences", when_used="json")
    def _in_order(self, audiences: frozenset[str]) -> list[str]:
        # A set has another order in every process, and a snapshot's bytes must not.
        return sorted(audiences)


class Head(Part):
    """The first line of a snapshot. `as_of` is the moment of its data and the only time a report knows.

    `findings` counts what is listed by state and then by severity, such as open, critical; in a comparison `changes` counts by change.
    """

    format_version: int = FORMAT_VERSION
    scope: Scope
    as_of: AwareDatetime
    org: str
    org_id: UUID
    title: str
    subject: str = Field("", description="The scan's targets, the tag, or the organisation's name.")
    state: str = Field("", description="Empty when all that was asked for is known, otherwise a word such as running.")
    redaction: Redaction = Redaction.INTERNAL
    sections: tuple[SectionHead, ...] = ()
    findings: dict[str, dict[str, int]] = {}
    changes: dict[str, int] = {}
    unlisted: dict[str, int] = Field(
        {}, exclude_if=lambda held: not held, description="How many findings of the scope do not pass its filter, by state."
    )
    rows: int = 0

    @field_serializer("scope", mode="wrap", when_used="json")
    def _as_it_always_was(self, scope: Scope, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is neither filtered nor chosen has the bytes, and so the hash, that it had before either was possible.
        told: dict[str, Any] = handler(scope)
        return {name: value for name, value in told.items() if value or name not in {"filters", "sections"}}


class Options(Part):
    """How one reader wants a report; together with a snapshot and the version of the templates it decides every byte."""

    audience: Literal["executive", "engineer", "auditor"] = "engineer"
    locale: str = Field("en", max_length=35, pattern=r"^[A-Za-z0-9-]*$", description="A BCP 47 tag, such as de or pt-BR.")
    time_zone: str = Field("UTC", max_length=64, description="An IANA zone, such as Europe/Berlin.")
    full: bool = Field(default=False, description="Every row in full, as far as the format's limit allows.")
    classification: str = Field("", max_length=60, description="Stands on every page, such as CONFIDENTIAL.")
    author: str = Field("", max_length=200, description="Who publishes; CSAF and OpenVEX name it.")
    author_url: str = Field("", max_length=300, description="The namespace of the publisher, an https address.")
    theme: dict[str, str] = Field({}, description="Colours by the name of their token, such as accent.")
    logo: bool = Field(default=False, description="A file named logo is given to the renderer.")
    pdf_rows_max: int = Field(10_000, ge=100, le=50_000)
    html_rows_max: int = Field(5_000, ge=100, le=50_000)
    fonts: str = Field(
        "", pattern=r"^([0-9a-f]{64})?$", description="The hash of the operator's fonts, in formats that have letters of their own."
    )
