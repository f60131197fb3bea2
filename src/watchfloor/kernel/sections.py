"""What a capability tells a report: tables of rows and a few numbers, never markup."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - pydantic reads it when the program runs
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID  # noqa: TC003 - see above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session


SEVERITIES: Final = ("info", "low", "medium", "high", "critical")  # of findings, by their rank
EVERYBODY: Final = frozenset({"executive", "engineer", "auditor"})


class Sort(StrEnum):
    """What the cells of a column are; every cell may also be None, which is unknown or does not apply."""

    TEXT = "text"  # a word or a line
    PROSE = "prose"  # sentences, several lines
    CODE = "code"  # evidence, addresses, fingerprints: shown as it is
    NUMBER = "number"
    MOMENT = "moment"  # an aware datetime
    SEVERITY = "severity"
    FLAG = "flag"
    LIST = "list"  # of words


class Redact(StrEnum):
    """Who may read a column; what is left out is left out while the snapshot is taken."""

    NOTHING = ""
    PERSON = "person"  # left out unless nothing is redacted: who did or said something
    EVIDENCE = "evidence"  # what a target answered: secrets masked in internal reports, left out of public ones
    ASSET = "asset"  # names an asset: an alias stands for it in public reports, here and in every text


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table; `unit` is what its numbers count, such as ms.

    `words` are ours among its cells, such as the states that something can be in: people read them in their language, programs as they are.
    """

    name: str
    title: str
    sort: Sort = Sort.TEXT
    redact: Redact = Redact.NOTHING
    unit: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FindingFilter:
    """Which findings of a scope are listed; no states or capabilities means all of them. What is not known to be exploited is not listed as such."""

    min_severity: str = SEVERITIES[0]
    states: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    known_exploited: bool = False

    @property
    def lists_open(self) -> bool:
        """Tell whether any open finding may be listed."""
        return not self.states or "open" in self.states

    def condition(self, *, any_state: bool = False) -> str:
        """Return a condition on the table of findings, called f; with `any_state`, whatever state a finding is in now."""
        told = ["f.severity_rank >= %(filter_rank)s"]
        if self.states and not any_state:
            told.append("wf_finding_state(f.state, f.accepted_until) = any (%(filter_states)s)")
        if self.capabilities:
            told.append("f.capability = any (%(filter_capabilities)s)")
        if self.known_exploited:
            told.append("f.evidence ->> 'kev' = 'true'")
        return f"({' and '.join(told)})"

    @property
    def values(self) -> dict[str, Any]:
        """Return what the condition names, in psycopg's kind."""
        return {
            "filter_rank": SEVERITIES.index(self.min_severity),
            "filter_states": list(self.states),
            "filter_capabilities": list(self.capabilities),
        }


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a report is about; reports of one scope are compared with each other and kept together.

    A scan; a comparison of the scan with an earlier one, `base`; the assets with a tag; or the organisation. `since` and `until` bound the
    last two: what was open at some moment in between. `filters` says which of its findings are listed, None being all; a section that counts
    findings counts those. `sections` are the capabilities that tell about it, none meaning all.
    """

    kind: Literal["scan", "comparison", "assets", "organisation"]
    scan: UUID | None = None
    base: UUID | None = None
    tag: str = ""
    since: datetime | None = None
    until: datetime | None = None
    filters: FindingFilter | None = None
    sections: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SectionTable:
    """Rows in an order that does not change by itself; `rows` reads them page by page in the snapshot's transaction."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Callable[[Session, UUID, Scope], Iterator[Mapping[str, Any]]]
    empty: str = "Nothing to show."


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a section says about a scope besides its rows; sentences and numbers.

    `figures` are (label, value, note), those that people should see first. `charts` are keywords of reports' charts: kind, title, unit and
    series. `state` is empty when all that was asked for is known, otherwise a word such as running.
    """

    title: str = ""
    summary: str = ""
    state: str = ""
    subject: str = ""
    figures: Sequence[tuple[str, str | int | float | None, str]] = ()
    charts: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    not_looked_at: Sequence[str] = ()
    method: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A query of psycopg's kind that returns (id, change) of findings, and the values it names; `org` is given besides."""

    sql: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ReportSection:
    """A capability's part of reports. Functions are given a session, the organisation and a scope that the section accepts.

    A section that is not for everybody says nothing about whether a scope is there, and only snapshots for its `audiences` have it.

    `accepts` raises InvalidInput for a scope that it knows and that makes no sense. `watermark` is a word that changes whenever anything that `tell`, the tables or `findings` would return may have changed; None is
    unknown, and then every report takes a new snapshot. `findings` selects kernel findings that belong to the scope: every one
    at most once, change being new, fixed, returned, unchanged or unknown in a comparison and null elsewhere. `words` says the section's
    titles, labels, words in cells and sentences in other languages: by language, and by the English sentence with `{places}` where its values stand.
    """

    title: str
    order: int
    accepts: Callable[[Session, UUID, Scope], bool]
    watermark: Callable[[Session, UUID, Scope], str | None]
    tell: Callable[[Session, UUID, Scope], Told]
    tables: tuple[SectionTable, ...] = ()
    findings: Callable[[Session, UUID, Scope], Selection] | None = None
    audiences: frozenset[str] = EVERYBODY
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
