"""Merge what all sources say about one CVE into one record, from scratch every time. Pure."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from watchfloor.capabilities.advisories.engine.normalise.said import SEVERITIES, severity
from watchfloor.capabilities.advisories.schemas.merged import Merged
from watchfloor.capabilities.advisories.schemas.words import Catalog, Exploitation, Flag, Provider, Source, State, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from watchfloor.capabilities.advisories.schemas.facts import Fact, Metric, Ssvc
    from watchfloor.capabilities.advisories.schemas.merged import Told

Value = TypeVar("Value")

# Whose word counts first, by field. A source that is not named here never has that field.
STATE = (Source.CVE_LIST, Source.NVD, Source.EUVD)
TITLE = (Source.CVE_LIST, Source.EUVD, Source.NVD)
DESCR = (Source.CVE_LIST, Source.NVD, Source.EUVD)
VERSIONS = {"4.0": 4, "3.1": 3, "3.0": 2, "2.0": 1}
# Looked up by the hundred thousand: enumerations compute theirs every time.
LABELS = {one: one.label for one in Source}
ALONE = {one: {"src": one.label} for one in Source}  # what `prov` says of a field that nobody disputes; shared, for nobody changes it
PROVIDERS = {one: one.label for one in Provider}
FLAGS = {value: Flag(value) for value in range(1 << len(Flag))}
EXPLOITED = (Flag.EXPLOIT_REF | Flag.V4_POC).value
LOSERS = 10  # that are named; all of them stand in the rows of their own
LONGEST = 400  # characters of a text that lost
# An index takes no row of more than some 2,700 bytes and a search vector no more than a megabyte: what a source writes beyond reason is
# cut here, or one such record would keep every other one from being written.
TITLE_MAX, STATUS_MAX, CWES_MAX = 1000, 40, 50
WORDS = {word for _least, word in SEVERITIES}

Provenance = dict[str, object]


def merge(told: Told, now: datetime | None = None) -> Merged | None:
    """Return one record of everything that is told about a CVE; None when no source knows it.

    `prov` names, for each field that a source decided, who won, and where others say something else how old the winner's word is and what
    they say: `{src, value_at, losers: [{src, value}]}`. Texts that lost are cut; whole they stand in the rows of their source.

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
    chosen = None if rejected or not told.metrics else _cvss(prov, told.metrics, facts)
    ssvc = _ssvc(prov, told.ssvcs, now)
    flags = _flags(facts)
    exploitation = ssvc.exploitation if ssvc else None
    named = next((one.name for one in told.kevs if one.name), "")
    return Merged(
        k=told.k, cve_id=name_of(told.k), merged_into=told.merged_into, state=state, status=facts[Source.NVD].status[:STATUS_MAX] if Source.NVD in facts else "",
        published=_moment(prov, "published", min, facts, attrgetter("published")),
        modified=_moment(prov, "modified", max, facts, attrgetter("modified")),
        title=(_first(prov, "title", TITLE, facts, attrgetter("title"), "") or named)[:TITLE_MAX],
        descr=_first(prov, "description", DESCR, facts, attrgetter("descr"), ""),
        names=told.names, cvss_version=chosen.version if chosen else None, cvss_score=chosen.score if chosen else None, cvss_vector=chosen.vector if chosen else None,
        cvss_provider=chosen.provider if chosen else None, cvss_src=chosen.src if chosen else None, severity=_severity(chosen),
        cwes=tuple(sorted({cwe for one in facts.values() for cwe in one.cwes})[:CWES_MAX]), flags=flags, kev=Catalog.CISA in held, eukev=Catalog.EU in held,
        kev_added=min((one.added for one in told.kevs), default=None), kev_due=cisa.due if cisa else None,
        ransomware=any(one.ransomware for one in told.kevs), exploited_eu=any(one.exploited_since is not None for one in facts.values()),
        exploitation=exploitation, automatable=ssvc.automatable if ssvc else None, total=ssvc.total if ssvc else None,
        weaponised=told.weaponised,
        poc=told.poc or bool(flags.value & EXPLOITED) or exploitation is Exploitation.POC or exploitation is Exploitation.ACTIVE,
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
    _decided(prov, name, told, facts)
    return told[0][1]


def _moment(
    prov: Provenance,
    name: str,
    best: Callable[[Iterable[datetime]], datetime],
    facts: dict[Source, Fact],
    read: Callable[[Fact], datetime | None],
) -> datetime | None:
    """Return the earliest or latest of what the sources say."""
    told = [(src, value) for src, one in facts.items() if (value := read(one)) is not None]
    if not told:
        return None
    if len(told) == 1:
        prov[name] = ALONE[told[0][0]]
        return told[0][1]
    winner = best([value for _src, value in told])
    told.sort(key=lambda one: (one[1] != winner, one[0]))
    _decided(prov, name, told, facts)
    return winner


def _decided(prov: Provenance, name: str, told: Sequence[tuple[Source, object]], facts: dict[Source, Fact]) -> None:
    """Note who won and who says something else; the first of `told` won."""
    if len(told) == 1:
        prov[name] = ALONE[told[0][0]]
        return
    (source, winner), *others = told
    losers = [{"src": LABELS[src], "value": _shown(value)} for src, value in others[:LOSERS] if value != winner]
    prov[name] = {"src": LABELS[source], "value_at": _at(facts, source), "losers": losers} if losers else ALONE[source]


def _shown(value: object) -> object:
    """Return a value as JSON holds it; long text is cut."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, State):
        return value.name.lower()
    return value[:LONGEST] if isinstance(value, str) else value


def _at(facts: dict[Source, Fact], source: Source) -> str | None:
    """Return when a source last changed its record."""
    told = facts.get(source)
    return told.modified.isoformat() if told and told.modified else None


def _cvss(prov: Provenance, metrics: Sequence[Metric], facts: dict[Source, Fact]) -> Metric:
    """Return the score that counts: the newest version, then the best provider, then the higher score."""
    if len(metrics) == 1:
        prov["cvss"] = ALONE[metrics[0].src]
        return metrics[0]
    ranked = sorted(metrics, key=_rank)
    chosen = ranked[0]
    told = [(one.src, _scored(one)) for one in ranked]
    _decided(prov, "cvss", told, facts)
    return chosen


def _rank(one: Metric) -> tuple[int, int, float, int, str]:
    return -VERSIONS.get(one.version, 0), one.provider, -one.score, one.src, one.vector


def _scored(one: Metric) -> dict[str, object]:
    return {"version": one.version, "score": one.score, "vector": one.vector, "provider": PROVIDERS[one.provider]}


def _severity(chosen: Metric | None) -> str:
    if chosen is None:
        return "unknown"
    return chosen.severity if chosen.severity in WORDS else severity(chosen.score, chosen.version)


def _ssvc(prov: Provenance, ssvcs: Iterable[Ssvc], now: datetime | None) -> Ssvc | None:
    """Return CISA's newest decision points."""
    told = [one for one in ssvcs if now is None or one.at is None or one.at <= now]
    if not told:
        return None
    newest = max(told, key=lambda one: (one.at is not None, one.at, one.src)) if len(told) > 1 else told[0]
    prov["ssvc"] = {"src": LABELS[newest.src], "value_at": newest.at.isoformat()} if newest.at else {"src": LABELS[newest.src]}
    return newest


def _flags(facts: dict[Source, Fact]) -> Flag:
    found = 0
    for one in facts.values():
        found |= one.flags.value
    return FLAGS[found]
