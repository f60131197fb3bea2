"""Say what happened to an advisory, from what was stored and what is merged now. Pure.

Both are states, not steps: a flip and its return between two merges is nothing. What no news has caused is quiet: kept as history, told to
nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.schemas.changes import Cause, Change, Kind
from watchfloor.capabilities.advisories.schemas.merged import Merged
from watchfloor.capabilities.advisories.schemas.words import Band, Flag, Source, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from watchfloor.capabilities.advisories.schemas.merged import Settled

UNIT = 100_000  # EPSS in hundred-thousandths
NEWS = Cause.FACTS | Cause.CRITERIA | Cause.KEV | Cause.SSVC | Cause.EPSS | Cause.EXPLOIT
# Which news can cause which change; whatever else a record was merged for leaves it quiet.
CAUSES = {
    Kind.PUBLISHED: NEWS, Kind.REMOVED: NEWS, Kind.REJECTED: Cause.FACTS, Kind.DISPUTED: Cause.FACTS, Kind.KEV_ADDED: Cause.KEV,
    Kind.KEV_REMOVED: Cause.KEV, Kind.RANSOMWARE_CHANGED: Cause.KEV, Kind.KEV_DUE_CHANGED: Cause.KEV, Kind.EU_EXPLOITED: Cause.FACTS,
    Kind.EPSS_CROSSED: Cause.EPSS, Kind.SSVC_CHANGED: Cause.FACTS | Cause.SSVC, Kind.BAND_CHANGED: NEWS,
    Kind.EXPLOIT_APPEARED: Cause.FACTS | Cause.EXPLOIT, Kind.FIX_APPEARED: Cause.FACTS | Cause.CRITERIA,
}  # fmt: skip
SOURCES = {one.label: one for one in Source}
LOUD = {kind: causes.value for kind, causes in CAUSES.items()}
BLANK = Merged(k=0, cve_id="")  # what was known of a record before it was there
Told = tuple[Kind, Any, Any, Source | None]


def changes(
    old: Settled | None, new: Settled, on: date, *, mask: int, thresholds: Sequence[int] = (), held: Sequence[int] = ()
) -> list[Change]:
    """Return what happened to a record.

    Args:
        old: As it is stored; None for a new one. What is only quietly new has no history yet and returns nothing.
        new: As it is merged now.
        on: The day of the new score.
        mask: Why it was merged: bits of `Cause`, shifted by QUIETLY where they are no news.
        thresholds: EPSS probabilities whose crossing matters, in hundred-thousandths.
        held: Those of them that the record counts as above although its probability is a little below: see `still_held`.
    """
    if old is None:
        if not mask & LOUD[Kind.PUBLISHED] or new.merged.merged_into is not None:
            return []
        found = [Change(k=new.merged.k, kind=Kind.PUBLISHED, new=_head(new), src=_teller(new.merged, "state"))]
        told = _signals(BLANK, new.merged, thresholds, held)
        return found + [one for one in _changes(new.merged.k, told, mask) if not one.quiet]
    before, after = old.merged, new.merged
    found = list(_changes(after.k, _differences(before, after, thresholds, held), mask))
    if old.priority.band is not new.priority.band and Band.NONE not in {old.priority.band, new.priority.band}:
        # Where yesterday's facts have today's band, the day did it and not the news.
        aged = before == after or score(before, on).band is new.priority.band
        quiet = aged or not mask & LOUD[Kind.BAND_CHANGED]
        found.append(Change(k=after.k, kind=Kind.BAND_CHANGED, old=_scored(old), new=_scored(new), quiet=quiet))
    return found


def removed(old: Settled, mask: int) -> list[Change]:
    """Return what it means that no source says anything of a record any more."""
    k = old.merged.k
    gone = Change(k=k, kind=Kind.REMOVED, old=_head(old), quiet=not mask & LOUD[Kind.REMOVED])
    return [*_changes(k, _catalogs(old.merged, BLANK), mask), gone]


def still_held(old: int | None, new: int | None, thresholds: Sequence[int], held: Sequence[int]) -> tuple[int, ...]:
    """Return the thresholds that a record counts as above without its probability being there.

    It reached them, and has not fallen below four fifths since; or it has no probability at the moment, for ids vanish and return.
    """
    above = [at for at in thresholds if at in held or (old is not None and old >= at)]
    return tuple(at for at in above if new is None or _near(new, at))


def _near(p: int, threshold: int) -> bool:
    return threshold * 4 <= p * 5 < threshold * 5


def _changes(k: int, told: Iterator[Told], mask: int) -> Iterator[Change]:
    for kind, old, new, src in told:
        yield Change(k=k, kind=kind, old=old, new=new, src=src, quiet=not mask & LOUD[kind])


def _differences(old: Merged, new: Merged, thresholds: Sequence[int], held: Sequence[int]) -> Iterator[Told]:
    if old.state is not new.state:
        kind = Kind.REJECTED if new.state is State.REJECTED else Kind.PUBLISHED
        yield kind, old.state.name.lower(), new.state.name.lower(), _teller(new, "state")
    disputed = bool(new.flags & Flag.DISPUTED)
    if bool(old.flags & Flag.DISPUTED) is not disputed:
        yield Kind.DISPUTED, not disputed, disputed, None
    yield from _signals(old, new, thresholds, held)
    if _decided(old) != _decided(new):
        yield Kind.SSVC_CHANGED, _decided(old), _decided(new), Source.CVE_LIST
    if new.fix and not old.fix:
        yield Kind.FIX_APPEARED, False, True, None


def _signals(old: Merged, new: Merged, thresholds: Sequence[int], held: Sequence[int]) -> Iterator[Told]:
    """Yield what points to exploitation: also worth saying of a record that is new."""
    yield from _catalogs(old, new)
    if old.exploited_eu is not new.exploited_eu:
        yield Kind.EU_EXPLOITED, old.exploited_eu, new.exploited_eu, Source.EUVD
    if _exploit(new) > _exploit(old):
        src = Source.EXPLOITS if new.weaponised and not old.weaponised else None
        yield Kind.EXPLOIT_APPEARED, EXPLOITS[_exploit(old)], EXPLOITS[_exploit(new)], src
    if old.epss != new.epss and new.epss is not None:
        yield from _crossings(old.epss, new.epss, thresholds, held)


def _catalogs(old: Merged, new: Merged) -> Iterator[Told]:
    for source, was, now in ((Source.KEV, old.kev, new.kev), (Source.EU_KEV, old.eukev, new.eukev)):
        if was is not now:
            entry = {"catalog": source.label, "added": _day(new.kev_added), "due": _day(new.kev_due), "ransomware": new.ransomware}
            gone = {"catalog": source.label, "added": _day(old.kev_added), "due": _day(old.kev_due), "ransomware": old.ransomware}
            yield (Kind.KEV_ADDED, None, entry, source) if now else (Kind.KEV_REMOVED, gone, None, source)
    if old.ransomware is not new.ransomware and (new.kev or new.eukev):
        yield Kind.RANSOMWARE_CHANGED, old.ransomware, new.ransomware, Source.KEV if new.kev else Source.EU_KEV
    if old.kev and new.kev and old.kev_due != new.kev_due:
        yield Kind.KEV_DUE_CHANGED, _day(old.kev_due), _day(new.kev_due), Source.KEV


def _crossings(old: int | None, new: int, thresholds: Sequence[int], held: Sequence[int]) -> Iterator[Told]:
    for at in thresholds:
        above = at in held or (old is not None and old >= at)
        up = new >= at
        if above is not up and (up or not _near(new, at)):
            was = None if old is None else old / UNIT
            told = {"epss": new / UNIT, "threshold": at / UNIT, "direction": "up" if up else "down"}
            yield Kind.EPSS_CROSSED, was, told, Source.EPSS


EXPLOITS = ("none", "poc", "weaponised")


def _exploit(one: Merged) -> int:
    return 2 if one.weaponised else 1 if one.poc else 0


def _decided(one: Merged) -> dict[str, str | None]:
    return {
        "exploitation": None if one.exploitation is None else one.exploitation.name.lower(),
        "automatable": None if one.automatable is None else "yes" if one.automatable else "no",
        "technical_impact": None if one.total is None else "total" if one.total else "partial",
    }


def _head(one: Settled) -> dict[str, object]:
    return {"title": one.merged.title[:200], "severity": one.merged.severity, **_scored(one)}


def _scored(one: Settled) -> dict[str, object]:
    return {"band": str(one.priority.band), "priority": one.priority.priority}


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()


def _teller(one: Merged, name: str) -> Source | None:
    """Return who decided a field, as its provenance names them first."""
    told = one.prov.get(name)
    label = told.get("src") if isinstance(told, dict) else told[0] if isinstance(told, list) and told else None
    return SOURCES.get(label) if label else None
