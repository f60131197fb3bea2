"""Merge what all sources say about one CVE into one record, from scratch every time. Pure."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from watchfloor.capabilities.advisories.schemas.merged import Merged
from watchfloor.capabilities.advisories.schemas.words import Catalog, Exploitation, Flag, Source, State, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from watchfloor.capabilities.advisories.schemas.facts import Fact, Metric, Ssvc
    from watchfloor.capabilities.advisories.schemas.merged import Told

Value = TypeVar("Value")

# Whose word counts first, by field. A source that is not named here never has that field.
STATE = (Source.CVE_LIST, Source.NVD, Source.EUVD)
TITLE = (Source.CVE_LIST, Source.EUVD, Source.NVD)
DESCR = (Source.CVE_LIST, Source.NVD, Source.EUVD)
FLAGS = (Source.CVE_LIST, Source.NVD)
VERSIONS = {"4.0": 4, "3.1": 3, "3.0": 2, "2.0": 1}
SEVERITIES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "none"))

Provenance = dict[str, object]


def merge(told: Told, now: datetime | None = None) -> Merged | None:
    """Return one record of everything that is told about a CVE; None when no source knows it.

    `prov` names, for each field that a source decided, the sources in the order in which they counted: the first won, the others say
    something else. What they say stands in the rows of their own.

    Args:
        told: What each source says, at most one fact of each.
        now: Decision points that claim to be from later than this do not count; None lets all count.
    """
    facts: dict[Source, Fact] = {one.src: one for one in told.facts if one.src is not Source.OVERRIDES}
    if not facts and not told.kevs:
        return None
    prov: Provenance = {}
    state = _first(prov, "state", STATE, facts, attrgetter("state"), State.PUBLISHED)
    held = {one.catalog: one for one in told.kevs}
    cisa = held.get(Catalog.CISA)
    rejected = state is State.REJECTED
    chosen = None if rejected else _cvss(prov, told.metrics)
    ssvc = _ssvc(told.ssvcs, now)
    flags = _flags(facts)
    exploitation = ssvc.exploitation if ssvc else None
    named = next((one.name for one in told.kevs if one.name), "")
    return Merged(
        k=told.k, cve_id=name_of(told.k), state=state, status=facts[Source.NVD].status if Source.NVD in facts else "",
        published=min((one.published for one in facts.values() if one.published), default=None),
        modified=max((one.modified for one in facts.values() if one.modified), default=None),
        title=_first(prov, "title", TITLE, facts, attrgetter("title"), "") or named,
        descr=_first(prov, "description", DESCR, facts, attrgetter("descr"), ""),
        names=told.names, cvss_version=chosen.version if chosen else None, cvss_score=chosen.score if chosen else None, cvss_vector=chosen.vector if chosen else None,
        cvss_provider=chosen.provider if chosen else None, cvss_src=chosen.src if chosen else None, severity=_severity(chosen),
        cwes=tuple(sorted({cwe for one in facts.values() for cwe in one.cwes})), flags=flags, kev=Catalog.CISA in held, eukev=Catalog.EU in held,
        kev_added=min((one.added for one in told.kevs), default=None), kev_due=cisa.due if cisa else None,
        ransomware=any(one.ransomware for one in told.kevs), exploited_eu=any(one.exploited_since is not None for one in facts.values()),
        exploitation=exploitation, automatable=ssvc.automatable if ssvc else None, total=ssvc.total if ssvc else None,
        weaponised=told.weaponised,
        poc=told.poc or bool(flags & (Flag.EXPLOIT_REF | Flag.V4_POC)) or exploitation in {Exploitation.POC, Exploitation.ACTIVE},
        epss=told.epss.p if told.epss else None, percentile=told.epss.percentile if told.epss else None,
        sources=tuple(sorted({one.src.value for one in told.facts})), criteria_sources=told.criteria_sources, fix=told.fix, prov=prov,
    )  # fmt: skip


def _first(
    prov: Provenance, name: str, order: Sequence[Source], facts: dict[Source, Fact], read: Callable[[Fact], Value], default: Value
) -> Value:
    """Return the value of the first source that has one, and note who says something else."""
    told = [(src, value) for src in order if src in facts and (value := read(facts[src]))]
    if not told:
        return default
    winner = told[0][1]
    prov[name] = [told[0][0].label, *(src.label for src, value in told[1:] if value != winner)]
    return winner


def _cvss(prov: Provenance, metrics: Sequence[Metric]) -> Metric | None:
    """Return the score that counts: the newest version, then the best provider, then the higher score."""
    if not metrics:
        return None
    ranked = sorted(metrics, key=lambda one: (-VERSIONS.get(one.version, 0), one.provider, -one.score, one.src, one.vector))
    chosen = ranked[0]
    prov["cvss"] = [chosen.src.label, *dict.fromkeys(one.src.label for one in ranked[1:] if one.score != chosen.score)]
    return chosen


def _severity(chosen: Metric | None) -> str:
    if chosen is None:
        return "unknown"
    return chosen.severity or next(word for least, word in SEVERITIES if chosen.score >= least)


def _ssvc(ssvcs: Iterable[Ssvc], now: datetime | None) -> Ssvc | None:
    """Return CISA's newest decision points."""
    told = [one for one in ssvcs if now is None or one.at is None or one.at <= now]
    return max(told, key=lambda one: (one.at is not None, one.at, one.src), default=None)


def _flags(facts: dict[Source, Fact]) -> Flag:
    found = Flag(0)
    for one in facts.values():
        found |= one.flags
    return found
