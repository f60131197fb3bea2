"""Take a day's EPSS: only what moved is written, and only CVEs whose priority it moves are merged again."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.ingest import EPSS
from watchfloor.capabilities.advisories.schemas.changes import QUIETLY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from watchfloor.capabilities.advisories.schemas.frames import Scores
    from watchfloor.kernel.db.session import Wire

UNIT = 100_000  # probabilities and percentiles are kept in hundred-thousandths, as they are published
CURVES_KEPT = 3

# The share of priority that EPSS has, as engine/priority.py computes it, but for signals that are the same before and after.
WEIGHT, SHARE, LEAST = 45, 0.9, 0.5
TERM = "least(1, greatest(0, 0.6 * power(greatest(0, ({pct} - 0.5) / 0.5), 3) + 0.4 * sqrt({p} / 100000::float8)))"

INCOMING = "create temp table adv_in_epss (k bigint not null, p integer not null, pct integer not null) on commit drop"
CURVE = """
insert into adv_epss_curve (score_date, p, pct) select %(day)s, p, avg(pct) / 100000.0 from adv_in_epss group by p
on conflict (score_date, p) do update set pct = excluded.pct
"""
# What differs from what is stored, found in one pass; p is null where the file tells nothing of a CVE, `had` where it has no score yet.
DIFFERING = """
create temp table adv_in_moved on commit drop as select coalesce(i.k, e.k) as k, i.p, e.k is not null as had
from adv_in_epss i full join adv_epss e on e.k = i.k
where case when i.k is null then e.gone_at is null else e.k is null or e.p <> i.p or e.gone_at is not null end
"""
# A record shows p, so it follows every change of it; of the curve it follows what moves its priority. A curve has far fewer points than
# there are CVEs on it: those that move it are found first.
TOUCH = f"""
with bent as materialized (
  select p from adv_epss_curve a join adv_epss_curve b using (p) where a.score_date = %(day)s and b.score_date = %(before)s
  and {WEIGHT} * {SHARE} * abs({TERM.format(pct="a.pct", p="p")} - {TERM.format(pct="b.pct", p="p")}) >= {LEAST}
),
moved as (select k from adv_in_moved where p is not null union select e.k from adv_epss e join bent using (p) where e.gone_at is null)
insert into adv_touched (k, mask) select k, %(mask)s::integer from moved where exists (select from adv_cve c where c.k = moved.k)
on conflict (k) do update set mask = adv_touched.mask | excluded.mask
"""  # noqa: S608 - our own numbers
UPDATE = """
update adv_epss e set p = i.p, gone_at = null, lev_date = %(day)s,
  lev_log = e.lev_log + greatest(0, %(day)s::date - e.lev_date) * ln(1 - e.p / 3000000::float8)
from adv_in_moved i where i.k = e.k and i.had and i.p is not null
"""  # within thirty days; of numbers of the type numeric a logarithm would take microseconds
INSERT = "insert into adv_epss (k, p, lev_date) select k, p, %(day)s from adv_in_moved where not had"
GONE = "update adv_epss e set gone_at = wf_now() from adv_in_moved i where i.k = e.k and i.p is null"


def newest_curve(wire: Wire) -> date | None:
    """Return the day of the newest EPSS that is stored."""
    found = wire.execute("select max(score_date) from adv_epss_curve").fetchone()
    return found[0] if found else None


def take(wire: Wire, day: date, frames: Sequence[Scores], *, complete: bool, quiet: bool = False) -> int:
    """Write one day's scores and return how many CVEs are to be merged again.

    CVEs that a complete set leaves out keep their score and are marked: most of them are back within weeks. `quiet`: what crosses a
    threshold is no news, for the model is another one.
    """
    values = {"day": day, "before": newest_curve(wire), "mask": EPSS << QUIETLY if quiet else EPSS}
    wire.execute(INCOMING)
    rows.copy(wire, "adv_in_epss", "k, p, pct", _packed(frames))
    wire.execute("analyze adv_in_epss")
    wire.execute(CURVE, values)
    wire.execute(DIFFERING)
    wire.execute("analyze adv_in_moved")
    touched = wire.execute(TOUCH, values).rowcount
    wire.execute(UPDATE, values)
    wire.execute(INSERT, values)
    if complete:
        wire.execute(GONE)
    return touched


def _packed(frames: Sequence[Scores]) -> Iterator[bytes]:
    """Yield a frame's columns as rows, thousands at a time: one call of the driver for each row would cost more than the row."""
    pack = struct.Struct("!hiqiiii").pack
    for one in frames:
        columns = [array(code, held) for code, held in (("q", one.k), ("i", one.p), ("i", one.percentile))]
        yield b"".join(pack(3, 8, k, 4, p, 4, pct) for k, p, pct in zip(*columns, strict=True))
