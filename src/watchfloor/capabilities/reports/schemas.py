"""What a report is made of: sections with figures, tables and findings; rows, never markup."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from watchfloor.kernel.contract import Severity

Cell = str | int | float | bool | None


class Part(BaseModel):
    """Frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(Part):
    """One number people should see first."""

    label: str
    value: Cell
    note: str = ""


class Table(Part):
    """Rows of plain cells under named columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    note: str = ""
    empty: str = "Nothing to show."


class ReportFinding(Part):
    """One thing wrong at one target."""

    key: str
    title: str
    severity: Severity
    target: str
    port: int | None = None
    protocol: str = "tcp"
    description: str = ""
    evidence: str = ""
    remedy: str = ""
    references: tuple[str, ...] = ()
    status: str = Field("open", description="Any other word sets the finding aside: it is listed, and not counted.")
    reason: str = Field("", description="Why it has this status.")
    first_seen: AwareDatetime | None = None
    last_seen: AwareDatetime | None = None


class Section(Part):
    """What one capability tells."""

    name: str
    title: str
    summary: str = ""
    figures: tuple[Figure, ...] = ()
    findings: tuple[ReportFinding, ...] = ()
    tables: tuple[Table, ...] = ()
    not_looked_at: tuple[str, ...] = Field((), description="Sentences about what this section cannot speak for.")
    method: tuple[str, ...] = Field((), description="Sentences about how the facts were obtained.")


class Document(Part):
    """One report; `generated_at` is the moment of its data and the only time in it."""

    title: str
    org: str
    generated_at: AwareDatetime
    sections: tuple[Section, ...] = ()
    reference: str = Field("", description="Identifier of the scan or snapshot this was made from.")
