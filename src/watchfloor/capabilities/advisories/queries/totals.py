"""Counters as a dashboard reads them, an organisation's own sums, and how both were day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.schemas.totals import DayCounts, Statistics
from watchfloor.kernel.db.rls import PLATFORM_ORG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from watchfloor.capabilities.advisories.schemas.totals import Counts
    from watchfloor.kernel.db.session import Wire

COUNTED = "counted"  # under this name counters keep when something was counted last, in seconds since 1970
MATCHES = "matches"
PRODUCTS, TOP = "product_top", 50
ORG_METRICS = ("matches", "candidates", "verdict", "overdue", "assets_affected")
NO_TREND = (COUNTED, PRODUCTS, "published_month")  # these are series themselves, or no counts
KEPT = 800  # days

DUE = """
select w.metric from unnest(%s::text[]) w (metric) left join adv_counter c on c.org = %s and c.metric = %s and c.dim = w.metric
where coalesce(c.value, 0) <= extract(epoch from wf_now()) - %s order by coalesce(c.value, 0), w.metric limit %s
"""
MARK = """
insert into adv_counter (org, metric, dim, value) select %s, %s, dim, extract(epoch from wf_now())::bigint from unnest(%s::text[]) dim
on conflict (org, metric, dim) do update set value = excluded.value
"""
SUMS = """
with open as (
  select asset, class, confidence >= %(least)s as sure, band, verdict, due_on < wf_now()::date as late from adv_match
  where org = %(org)s and gone_at is null
), worst as (
  select asset, min(array_position(array['critical', 'high', 'medium', 'low', 'info', 'none'], band)) as at from open where sure group by asset
)
select 'matches', band, count(*) from open where sure group by band
union all select 'candidates', class, count(*) from open where not sure group by class
union all select 'verdict', verdict, count(*) from open where sure group by verdict
union all select 'overdue', 'matches', count(*) from open where sure and late having count(*) > 0
union all select 'assets_affected', (array['critical', 'high', 'medium', 'low', 'info', 'none'])[at], count(*) from worst group by at
"""
REPLACE = """
with fresh as (select * from unnest(%(metrics)s::text[], %(dims)s::text[], %(counts)s::bigint[]) as fresh (metric, dim, value)),
gone as (
  delete from adv_counter c where org = %(org)s and metric = any (%(of)s) and not exists (select from fresh f where f.metric = c.metric and f.dim = c.dim)
)
insert into adv_counter as c (org, metric, dim, value) select %(org)s, metric, dim, value from fresh
on conflict (org, metric, dim) do update set value = excluded.value where c.value <> excluded.value
"""
# Of a day its last counts are kept, also the zeros: a metric that is gone today was there yesterday.
DAY = """
with today as (
  select wf_now()::date as day, metric, dim, value from adv_counter where org = %(org)s and metric <> all (%(without)s)
), gone as (
  delete from adv_counter_day d using (select wf_now()::date as day) t where d.org = %(org)s and d.day = t.day
  and not exists (select from today n where n.metric = d.metric and n.dim = d.dim)
), old as (delete from adv_counter_day where org = %(org)s and day < wf_now()::date - %(kept)s::integer)
insert into adv_counter_day as d (org, day, metric, dim, value) select %(org)s, day, metric, dim, value from today
on conflict (org, day, metric, dim) do update set value = excluded.value where d.value <> excluded.value
"""
CVES = """
with counted as (select product_id, count(distinct k)::integer as cves from adv_criterion where vulnerable group by product_id)
update adv_product p set cves = coalesce(c.cves, 0) from adv_product o left join counted c on c.product_id = o.id
where o.id = p.id and p.cves <> coalesce(c.cves, 0)
"""
# A product counts with all names that stand for it; a CNA's own words count only through what they are known to mean.
POPULAR = """
select vendor || ':' || product, cves from adv_product where part::text <> %s and cves > 0 order by cves desc, vendor, product limit %s
"""


def due(wire: Wire, metrics: Sequence[str], *, every: int, most: int) -> list[str]:
    """Return which of the installation's metrics were not counted anew for so many seconds, longest first."""
    return [row[0] for row in wire.execute(DUE, (list(metrics), PLATFORM_ORG, COUNTED, every, most))]


def mark(wire: Wire, org: UUID | str, dims: Sequence[str]) -> None:
    """Write down that these were counted now."""
    wire.execute(MARK, (org, COUNTED, list(dims)))


def unmark(wire: Wire, org: UUID | str, dims: Sequence[str]) -> None:
    """Forget when these were counted."""
    wire.execute("delete from adv_counter where org = %s and metric = %s and dim = any (%s)", (org, COUNTED, list(dims)))


def count_products(wire: Wire) -> None:
    """Count the CVEs of each product anew, and keep which products have most."""
    wire.execute(CVES)
    rows = wire.execute(POPULAR, (CNA_NAME, TOP)).fetchall()
    _replace(wire, PLATFORM_ORG, (PRODUCTS,), [(PRODUCTS, dim, value) for dim, value in rows])


def count_matches(wire: Wire, org: UUID, *, least: float) -> None:
    """Take an organisation's sums anew from its matches; those less sure than `least` are candidates."""
    rows = wire.execute(SUMS, {"org": org, "least": least}).fetchall()
    _replace(wire, org, ORG_METRICS, rows)
    mark(wire, org, (MATCHES,))


def keep_day(wire: Wire, org: UUID | str) -> None:
    """Write down today's counters: the last of a day stay, for two years."""
    wire.execute(DAY, {"org": org, "without": list(NO_TREND), "kept": KEPT})


def statistics(wire: Wire, org: UUID, *, days: int = 0) -> Statistics:
    """Return all counters that an organisation may see, with those of the days before."""
    all_counts, own = _counts(wire, PLATFORM_ORG), _counts(wire, org)
    counted = own.pop(COUNTED, {}).get(MATCHES)
    all_counts.pop(COUNTED, None)
    row: Any = wire.execute("select to_timestamp(%s)", (counted,)).fetchone()
    return Statistics(counts=all_counts, matches=own, matches_counted_at=row[0], days=_days(wire, org, days) if days else [])


def _counts(wire: Wire, org: UUID | str) -> Counts:
    found: Counts = {}
    for metric, dim, value in wire.execute(
        "select metric, dim, value from adv_counter where org = %s and value <> 0 order by metric, value desc, dim", (org,)
    ):
        found.setdefault(metric, {})[dim] = value
    return found


def _days(wire: Wire, org: UUID, days: int) -> list[DayCounts]:
    found: dict[date, DayCounts] = {}
    for whose, day, metric, dim, value in wire.execute(
        "select org, day, metric, dim, value from adv_counter_day where org in (%s, %s) and day > wf_now()::date - %s::integer and value <> 0 "
        "order by day, metric, dim",
        (PLATFORM_ORG, org, days),
    ):
        one = found.setdefault(day, DayCounts(day=day, counts={}, matches={}))
        (one.matches if whose == org else one.counts).setdefault(metric, {})[dim] = value
    return list(found.values())


def _replace(wire: Wire, org: UUID | str, metrics: Sequence[str], rows: Sequence[tuple[str, str, int]]) -> None:
    wire.execute(
        REPLACE,
        {
            "org": org,
            "of": list(metrics),
            "metrics": [row[0] for row in rows],
            "dims": [row[1] for row in rows],
            "counts": [row[2] for row in rows],
        },
    )
