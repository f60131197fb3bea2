"""Scores of stored records, read and written by themselves: what they rest on is stored beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.settled import SCORE_VERSION
from watchfloor.capabilities.advisories.schemas.merged import Merged, Priority, Settled
from watchfloor.capabilities.advisories.schemas.words import Band, Exploitation, Flag, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from watchfloor.kernel.db.session import Wire

COLUMNS = """
c.k, c.priority, c.band, c.why->>'rule', c.cve_id, c.state, c.published, c.cvss_version, c.cvss_score, c.cvss_vector, c.flags, c.kev, c.eukev,
c.kev_due, c.ransomware, c.exploited_eu, c.exploitation, c.automatable, c.total, c.weaponised, c.poc, c.merged_into, c.epss, c.percentile
"""
RANK = "(select v.pct from adv_epss_curve v where v.score_date = d.newest and v.p <= {p} order by v.p desc limit 1)"
NEWEST = "(select max(score_date) as newest from adv_epss_curve) d"
# The probability itself is left to merging, which tells what it crosses.
AFTER = f"select {COLUMNS}, c.epss, {RANK.format(p='c.epss')} from adv_cve c, {NEWEST} where c.k > %s order by c.k limit %s"  # noqa: S608 - our own columns
EXPECTED = f"""
select {COLUMNS}, e.p, {RANK.format(p="e.p")}, coalesce(e.held, '{{}}') from {NEWEST} cross join adv_cve c
left join adv_epss e on e.k = c.k where c.k = any (%s::bigint[])
"""  # noqa: S608 - our own columns
UPDATE = f"""
update adv_cve c set priority = i.priority, band = i.band, why = i.why, epss = i.epss, percentile = i.percentile, score_version = {SCORE_VERSION},
  scored_on = %s, changed = wf_now(), revision = nextval('adv_revision')
from adv_in_score i where c.k = i.k
"""  # noqa: S608 - our own number


@dataclass(frozen=True)
class Scored:
    """A record as far as its score rests on it: as it is stored, and with the probability and rank that EPSS gives it now.

    `held` are the thresholds that it counts as above although its probability is a little below.
    """

    stored: Settled
    merged: Merged
    held: tuple[int, ...] = ()


def after(wire: Wire, k: int, limit: int) -> list[Scored]:
    """Return the next records in the order of their numbers, with the rank of the probability that is stored."""
    return [_read(row) for row in wire.execute(AFTER, (k, limit), binary=True)]


def expected(wire: Wire, ks: Sequence[int]) -> list[Scored]:
    """Return those of these records that are stored."""
    return [_read(row) for row in wire.execute(EXPECTED, (rows.keys(ks),), binary=True)]


# Members of enumerations by value: calling the class is ten times slower.
_STATES, _BANDS, _EXPLOITATIONS = (
    {one.value: one for one in State},
    {one.value: one for one in Band},
    {one.value: one for one in Exploitation},
)
_FLAGS = {value: Flag(value) for value in range(2 ** len(Flag))}


def _read(row: Sequence[Any]) -> Scored:
    stored = Merged(
        k=row[0], cve_id=row[4], state=_STATES[row[5]], published=row[6], cvss_version=row[7], cvss_score=None if row[8] is None else round(row[8], 1),
        cvss_vector=row[9], flags=_FLAGS[row[10]], kev=row[11], eukev=row[12], kev_due=row[13], ransomware=row[14], exploited_eu=row[15],
        exploitation=None if row[16] is None else _EXPLOITATIONS[row[16]], automatable=row[17], total=row[18], weaponised=row[19], poc=row[20],
        merged_into=row[21], epss=row[22], percentile=_rank(row[23]),
    )  # fmt: skip
    priority = Priority(priority=round(row[1], 1), band=_BANDS[row[2]], rule=row[3] or "")
    merged = replace(stored, epss=row[24], percentile=_rank(row[25]))
    return Scored(Settled(merged=stored, priority=priority), merged, tuple(row[26]) if len(row) > 26 else ())  # noqa: PLR2004 - the one column more


def _rank(stored: float | None) -> float | None:
    return None if stored is None else round(stored, 5)


def write(wire: Wire, scored: Sequence[Settled], on: date) -> None:
    """Replace the scores of these records."""
    if not scored:
        return
    wire.execute(
        "create temp table if not exists adv_in_score (k bigint, priority real, band text, why jsonb, epss integer, percentile real) on commit drop"
    )
    rows.copy(wire, "adv_in_score", "k, priority, band, why, epss, percentile", (_pack(one.merged, one.priority) for one in scored))
    wire.execute(UPDATE, (on,))
    wire.execute("truncate adv_in_score")


def _pack(one: Merged, p: Priority) -> bytes:
    why = {"points": p.points, "rule": p.rule, "assumed": p.assumed}
    return b"".join((
        b"\0\x06", rows.int8(one.k), rows.real(p.priority), rows.word(p.band), rows.document(why), rows.int4(one.epss), rows.real(one.percentile),
    ))  # fmt: skip
