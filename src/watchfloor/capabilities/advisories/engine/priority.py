"""Score how urgent a CVE is, from 0 to 100, every point explained. Pure.

The score adds five factors: what is known of exploitation, impact, reach, exposure and urgency. Floors then lift what must never be
missed, caps hold down what nothing speaks for. Version 1; another formula is another version and scores everything anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.capabilities.advisories.schemas.merged import Priority
from watchfloor.capabilities.advisories.schemas.words import Band, Exploitation, Exposure, Flag, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.advisories.schemas.merged import Merged

MAX = {"exploitation": 45.0, "impact": 25.0, "reach": 10.0, "exposure": 15.0, "urgency": 5.0}
EXPOSURES = {
    Exposure.INTERNET: 1.0, Exposure.PARTNER: 0.7, Exposure.INTERNAL: 0.35, Exposure.ISOLATED: 0.0, Exposure.UNKNOWN: 0.5,
}  # fmt: skip
BANDS = ((85.0, Band.CRITICAL), (70.0, Band.HIGH), (45.0, Band.MEDIUM), (20.0, Band.LOW), (0.0, Band.INFO))
CAP = 44.0
UNIT = 100_000  # EPSS in hundred-thousandths
NO_EPSS_NEW, NO_EPSS_OLD = 0.10, 0.03
NO_CVSS = 0.55
NEVER = 10**6  # days since a publication that nobody dated: old
# What a vector says, so that a name like `PR:L` stands for the same everywhere.
VECTORS = {"N": 1.0, "A": 0.5, "L": 0.2, "P": 0.05}
PRIVILEGES = {"PR:L": 0.5, "PR:H": 0.3, "Au:S": 0.5, "Au:M": 0.3}


@dataclass(frozen=True)
class Where:
    """Where a CVE is met: how far its asset can be reached, and how sure the match is."""

    exposure: Exposure = Exposure.UNKNOWN
    confidence: float = 1.0


class Terms(NamedTuple):
    """The factors before their weights, and what was assumed on the way."""

    e: float
    strength: float
    threat: float
    impact: float
    reach: float
    exposed: float
    urgency: float
    age: int
    auto: bool
    total: bool
    network: bool


ANYWHERE = Where()


def score(one: Merged, on: date, where: Where = ANYWHERE) -> Priority:
    """Return how urgent a CVE is on a day, for an asset that is reached and matched as `where` says."""
    if one.state is State.REJECTED or one.merged_into is not None:
        return Priority(priority=0.0, band=Band.NONE)
    t = terms(one, on, where)
    points = {
        "exploitation": 45 * t.threat * (0.4 + 0.6 * t.impact), "impact": 25 * t.impact, "reach": 10 * t.reach, "exposure": 15 * t.exposed,
        "urgency": 5 * t.urgency,
    }  # fmt: skip
    value, rule = _ruled(one, t, where, sum(points.values()))
    final = round(min(100.0, max(0.0, value)), 1)
    return Priority(priority=final, band=band_of(final), points=points, rule=rule, assumed=tuple(_assumed(one)))


def band_of(value: float) -> Band:
    """Return the band of a score."""
    return next(band for least, band in BANDS if value >= least)


def age(one: Merged, on: date) -> int:
    """Return days since publication; one that nobody dated is old."""
    return (on - one.published.date()).days if one.published else NEVER


def automatable(one: Merged, reach: float) -> bool:
    """Tell whether attacks can be automated: as CISA decided, else where nothing stands in the way."""
    return one.automatable if one.automatable is not None else reach >= 1


def total_impact(one: Merged, impact: float) -> bool:
    """Tell whether an attacker gets all: as CISA decided, else from the score."""
    return one.total if one.total is not None else impact >= 0.85  # noqa: PLR2004 - the specification's bound


def impact_of(one: Merged) -> float:
    """Return B, impact from 0 to 1."""
    impact = NO_CVSS if one.cvss_score is None else one.cvss_score / 10
    if one.cvss_version == "2.0":
        impact = min(impact, 0.9)
    if one.total is None:
        return impact
    return max(impact, 0.8) if one.total else min(impact, 0.85)


def reach_of(one: Merged) -> float:
    """Return R, how little stands in an attacker's way, from 0 to 1."""
    if one.automatable:
        return 1.0
    reach = _path(one.cvss_vector or "")[0]
    return min(reach, 0.6) if one.automatable is False else reach


# Some hundreds of vectors make up nearly all records.
@lru_cache(maxsize=16384)
def _path(vector: str) -> tuple[float, bool]:
    """Return what a CVSS vector says of reach, and whether an attack may come over a network; a missing one does not deny it."""
    if not vector:
        return 0.4, True
    held = dict(part.partition(":")[::2] for part in vector.split("/"))
    reach = VECTORS.get(held.get("AV", ""), 1.0)
    for name in ("PR", "Au"):
        reach *= PRIVILEGES.get(f"{name}:{held.get(name)}", 1.0)
    if held.get("UI", "N") != "N":
        reach *= 0.6
    if held.get("AC") == "H" or held.get("AT") == "P":
        reach *= 0.7
    return reach, held.get("AV") in {"N", "A"}


def strength_of(one: Merged) -> float:
    """Return E, the strongest sign of exploitation, from 0 to 1."""
    if one.kev or one.eukev:
        return 1.0 if one.ransomware else 0.92
    if one.exploited_eu:
        return 0.88
    if one.exploitation is Exploitation.ACTIVE:
        return 0.85
    return 0.55 if one.weaponised else 0.30 if one.poc else 0.0


def terms(one: Merged, on: date, where: Where = ANYWHERE) -> Terms:
    """Return the factors of a record's score before their weights, and what its floors ask for."""
    days = age(one, on)
    if one.epss is None:
        e = NO_EPSS_NEW if days <= 14 else NO_EPSS_OLD  # noqa: PLR2004 - the specification's bound
    else:
        over = max(0.0, ((one.percentile or 0.0) - 0.5) / 0.5)
        e = min(1.0, max(0.0, 0.6 * over**3 + 0.4 * sqrt(one.epss / UNIT)))
    strength, impact, reach = strength_of(one), impact_of(one), reach_of(one)
    if one.kev or one.eukev:
        urgency = 1.0 if one.kev_due is not None and one.kev_due.date() <= on + timedelta(days=14) else 0.6
    else:
        urgency = 0.6 if days <= 30 else 0.3 if days <= 90 else 0.0  # noqa: PLR2004 - the specification's bounds
    return Terms(
        e=e, strength=strength, threat=1 - (1 - strength) * (1 - 0.9 * e), impact=impact, reach=reach,
        exposed=EXPOSURES[where.exposure] * where.confidence, urgency=urgency, age=days, auto=automatable(one, reach),
        total=total_impact(one, impact), network=_path(one.cvss_vector or "")[1],
    )  # fmt: skip


def _ruled(one: Merged, t: Terms, where: Where, value: float) -> tuple[float, str]:
    """Apply the first floor whose condition holds, then caps; return the score and the rule to name."""
    public, kev = where.exposure is Exposure.INTERNET, one.kev or one.eukev
    rule = ""
    for floor, name, holds in (
        (90.0, "floor_kev_exposed_total", kev and public and t.total and t.network),
        (80.0, "floor_ransomware", kev and one.ransomware),
        (70.0, "floor_kev", kev),
        (70.0, "floor_exploit_exposed", public and t.auto and t.total and (one.poc or one.weaponised)),
    ):
        if holds:
            value, rule = max(value, floor), name
            break
    if one.flags & Flag.DISPUTED and not kev:
        value, rule = min(value, CAP), "cap_disputed"
    if not kev and not t.strength and (one.percentile or 0.0) < 0.5 and (one.cvss_score or 0.0) < 7 and value > CAP:  # noqa: PLR2004 - the specification's bounds
        value, rule = CAP, "cap_no_signal"
    return value, rule


def _assumed(one: Merged) -> Iterator[str]:
    if one.cvss_score is None:
        yield "cvss"
    if one.epss is None:
        yield "epss"
    if one.automatable is None:
        yield "automatable"
    if one.total is None:
        yield "impact"
    if one.published is None:
        yield "published"
