"""One CVE as all sources together tell it: the columns of adv_cve and adv_text, and where each came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime  # noqa: TC003 - msgspec reads annotations when the program runs
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.schemas.words import Band, Exploitation, Flag, Provider, Source, State

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.facts import Fact, Kev, Metric, Ssvc


class Epss(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Today's probability: `p` in hundred-thousandths, `percentile` 0 to 1 from the curve of its day; None without a curve."""

    p: int
    percentile: float | None
    score_date: date | None = None


@dataclass
class Told:
    """All that is known about one CVE, by source."""

    k: int
    merged_into: int | None = None  # for an EUVD id: the CVE that it is an alias of
    facts: list[Fact] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    kevs: list[Kev] = field(default_factory=list)
    ssvcs: list[Ssvc] = field(default_factory=list)
    epss: Epss | None = None
    held: tuple[int, ...] = ()  # thresholds of `p` that it once reached and has not fallen clearly below since
    weaponised: bool = False
    poc: bool = False
    names: str = ""  # vendors and products, once each, for searching
    criteria_sources: tuple[int, ...] = ()
    fix: bool = False


class Merged(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A merged record without its priority. None is unknown, never no."""

    k: int
    cve_id: str
    merged_into: int | None = None  # an EUVD id whose CVE is known now
    state: State = State.PUBLISHED
    status: str = ""  # NVD's
    published: datetime | None = None
    modified: datetime | None = None
    title: str = ""
    descr: str = ""
    names: str = ""
    cvss_version: str | None = None
    cvss_score: float | None = None
    cvss_vector: str | None = None
    cvss_provider: Provider | None = None
    cvss_src: Source | None = None
    severity: str = "unknown"  # critical high medium low none unknown
    cwes: tuple[str, ...] = ()
    flags: Flag = Flag(0)
    kev: bool = False
    eukev: bool = False
    kev_added: datetime | None = None
    kev_due: datetime | None = None  # CISA's
    ransomware: bool = False
    exploited_eu: bool = False
    exploitation: Exploitation | None = None
    automatable: bool | None = None
    total: bool | None = None
    weaponised: bool = False
    poc: bool = False
    epss: int | None = None
    percentile: float | None = None
    sources: tuple[int, ...] = ()
    criteria_sources: tuple[int, ...] = ()
    fix: bool = False
    prov: dict[str, object] = msgspec.field(
        default_factory=dict
    )  # field -> {src}, and {value_at, losers: [{src, value}]} where sources differ


# Why a field's winner won, for whoever shows `prov`.
REASONS = {
    "state": "The CVE List decides whether a record stands, before NVD and EUVD.",
    "title": "Whoever assigned the CVE names it, before EUVD.",
    "description": "Whoever assigned the CVE describes it, before NVD and EUVD.",
    "published": "The earliest that any source says.",
    "modified": "The latest that any source says.",
    "cvss": "The newest version of CVSS; within it NVD before the CNA, CISA and others; then the higher score.",
    "ssvc": "CISA's decision points, the newest.",
}


class Priority(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How urgent something is, with the points of each factor; what those rest on is worked out again when somebody asks."""

    priority: float  # 0 to 100, one decimal
    band: Band
    points: dict[str, float] = msgspec.field(default_factory=dict)  # factor -> unrounded points; they add up to the score before rules
    rule: str = ""  # the floor or cap whose condition held
    assumed: tuple[str, ...] = ()  # inputs that nobody told


class Factor(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One term of a priority: its points, what they were worked out from, and who said so."""

    factor: str
    points: float
    max: float
    inputs: dict[str, object]  # by name; None is unknown
    source: tuple[str, ...] = ()  # labels of those who told; empty: nobody, or we ourselves
    as_of: date | None = None  # how old what they told is


class Settled(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A merged record with its priority: one row of adv_cve and one of adv_text."""

    merged: Merged
    priority: Priority
