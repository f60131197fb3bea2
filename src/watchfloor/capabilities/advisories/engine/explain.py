"""Explain a priority factor by factor: its points, what they rest on, who said that and when. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.priority import ANYWHERE, MAX, UNIT, Where, score, terms
from watchfloor.capabilities.advisories.schemas.merged import Factor
from watchfloor.capabilities.advisories.schemas.words import Source, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from watchfloor.capabilities.advisories.engine.priority import Terms
    from watchfloor.capabilities.advisories.schemas.merged import Merged

RULES = {
    "floor_kev_exposed_total": "At least 90: it is exploited, the internet reaches it, and an attacker gains everything over the network.",
    "floor_ransomware": "At least 80: ransomware uses it.",
    "floor_kev": "At least 70: a catalog lists it as exploited.",
    "floor_exploit_exposed": "At least 70: the internet reaches it, attacks can be automated and gain everything, and exploit code is public.",
    "cap_disputed": "At most 44: it is disputed, and no catalog lists it as exploited.",
    "cap_no_signal": "At most 44: nothing points to exploitation, and its impact is not high.",
}
SHOWN = 4  # decimals of what is between the inputs and the points


def explain(one: Merged, on: date, where: Where = ANYWHERE, *, epss_as_of: date | None = None) -> tuple[Factor, ...]:
    """Return an entry for each factor of the score on a day; none for a rejected record, which has no score.

    The points are unrounded: they add up to the score before floors and caps. `epss_as_of` is the day of the record's EPSS values.
    """
    if one.state is State.REJECTED or one.merged_into is not None:
        return ()
    points, t = score(one, on, where).points, terms(one, on, where)
    told: dict[str, tuple[dict[str, object], tuple[str, ...], date | None]] = {
        "exploitation": (_exploitation(one, t), tuple(_exploiting(one)), epss_as_of if one.epss is not None else _day(one)),
        "impact": (_impact(one, t), tuple(_scoring(one, ssvc=one.total is not None)), _day(one)),
        "reach": (_reach(one, t), tuple(_scoring(one, ssvc=one.automatable is not None)), _day(one)),
        "exposure": ({"exposure": where.exposure.value, "confidence": where.confidence}, (), None),
        "urgency": (_urgency(one, t), tuple(_dating(one)), one.kev_added.date() if one.kev_added else _day(one)),
    }
    return tuple(
        Factor(factor=name, points=points[name], max=most, inputs=told[name][0], source=told[name][1], as_of=told[name][2])
        for name, most in MAX.items()
    )


def _exploitation(one: Merged, t: Terms) -> dict[str, object]:
    return {
        "kev": one.kev, "eu_kev": one.eukev, "ransomware": one.ransomware, "exploited_eu": one.exploited_eu,
        "ssvc": None if one.exploitation is None else one.exploitation.name.lower(), "weaponised": one.weaponised, "poc": one.poc,
        "epss": None if one.epss is None else one.epss / UNIT, "percentile": one.percentile, "known": t.strength,
        "likely": round(t.e, SHOWN), "threat": round(t.threat, SHOWN), "impact": round(t.impact, SHOWN),
    }  # fmt: skip


def _impact(one: Merged, t: Terms) -> dict[str, object]:
    return {
        "cvss": one.cvss_score, "version": one.cvss_version, "provider": None if one.cvss_provider is None else one.cvss_provider.label,
        "technical_impact": None if one.total is None else "total" if one.total else "partial", "impact": round(t.impact, SHOWN),
    }  # fmt: skip


def _reach(one: Merged, t: Terms) -> dict[str, object]:
    return {"vector": one.cvss_vector, "automatable": _word(one.automatable), "reach": round(t.reach, SHOWN)}


def _urgency(one: Merged, t: Terms) -> dict[str, object]:
    return {
        "kev": one.kev or one.eukev, "due": one.kev_due.date().isoformat() if one.kev_due else None,
        "published": one.published.date().isoformat() if one.published else None, "age_days": t.age if one.published else None,
    }  # fmt: skip


def _word(told: bool | None) -> str | None:  # noqa: FBT001 - three values of one decision point
    return None if told is None else "yes" if told else "no"


def _day(one: Merged) -> date | None:
    return one.modified.date() if one.modified else None


def _exploiting(one: Merged) -> Iterator[str]:
    """Yield who told something that counts, strongest first."""
    for holds, source in (
        (one.kev, Source.KEV), (one.eukev, Source.EU_KEV), (one.exploited_eu, Source.EUVD), (one.exploitation is not None, Source.CVE_LIST),
        (one.weaponised, Source.EXPLOITS), (one.epss is not None, Source.EPSS),
    ):  # fmt: skip
        if holds:
            yield source.label


def _scoring(one: Merged, *, ssvc: bool) -> Iterator[str]:
    if one.cvss_src is not None:
        yield one.cvss_src.label
    if ssvc and one.cvss_src is not Source.CVE_LIST:
        yield Source.CVE_LIST.label


def _dating(one: Merged) -> Iterator[str]:
    if one.kev:
        yield Source.KEV.label
    if one.eukev:
        yield Source.EU_KEV.label
    if not (one.kev or one.eukev):
        yield from (Source(src).label for src in one.sources if src in (Source.NVD, Source.CVE_LIST, Source.EUVD))
