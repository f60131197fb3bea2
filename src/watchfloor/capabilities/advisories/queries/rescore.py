"""Scores of stored records, read and written by themselves: what they rest on is stored beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.settled import SCORE_VERSION
from watchfloor.capabilities.advisories.schemas.merged import Merged, Priority, Settled
from watchfloor.capabilities.advisories.schemas.words import Band, Exploitation, Flag, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from watchfloor.kernel.db.session import Wire

READ = """
select k, priority, band, why->>'rule', cve_id, state, published, cvss_version, cvss_score, cvss_vector, flags, kev, eukev, kev_due, ransomware,
  exploited_eu, exploitation, automatable, total, weaponised, poc, epss,
  (select c.pct from adv_epss_curve c where c.score_date = d.newest and c.p <= epss order by c.p desc limit 1), merged_into
from adv_cve, (select max(score_date) as newest from adv_epss_curve) d where k > %s order by k limit %s
"""
# The probability itself is left to merging, which tells what it crosses.
UPDATE = f"""
update adv_cve c set priority = i.priority, band = i.band, why = i.why, percentile = i.percentile, score_version = {SCORE_VERSION},
  scored_on = %s, changed = wf_now(), revision = nextval('adv_revision')
from adv_in_score i where c.k = i.k
"""  # noqa: S608 - our own number


def after(wire: Wire, k: int, limit: int) -> list[Settled]:
    """Return the next records in the order of their numbers: what their score rests on, and the score, band and rule that are stored."""
    found = []
    for row in wire.execute(READ, (k, limit), binary=True):
        held = Merged(
            k=row[0], cve_id=row[4], state=State(row[5]), published=row[6], cvss_version=row[7], cvss_score=None if row[8] is None else round(row[8], 1),
            cvss_vector=row[9], flags=Flag(row[10]), kev=row[11], eukev=row[12], kev_due=row[13], ransomware=row[14], exploited_eu=row[15],
            exploitation=None if row[16] is None else Exploitation(row[16]), automatable=row[17], total=row[18], weaponised=row[19], poc=row[20],
            epss=row[21], percentile=None if row[22] is None else round(row[22], 5), merged_into=row[23],
        )  # fmt: skip
        found.append(Settled(merged=held, priority=Priority(priority=round(row[1], 1), band=Band(row[2]), rule=row[3] or "")))
    return found


def write(wire: Wire, scored: Sequence[Settled], on: date) -> None:
    """Replace the scores of these records."""
    if not scored:
        return
    wire.execute(
        "create temp table if not exists adv_in_score (k bigint, priority real, band text, why jsonb, percentile real) on commit drop"
    )
    rows.copy(wire, "adv_in_score", "k, priority, band, why, percentile", (_pack(one.merged, one.priority) for one in scored))
    wire.execute(UPDATE, (on,))
    wire.execute("truncate adv_in_score")


def _pack(one: Merged, p: Priority) -> bytes:
    why = {"points": p.points, "rule": p.rule, "assumed": p.assumed}
    return b"".join((
        b"\0\x05", rows.int8(one.k), rows.real(p.priority), rows.text(p.band), rows.document(why), rows.real(one.percentile),
    ))  # fmt: skip
