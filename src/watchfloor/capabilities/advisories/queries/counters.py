"""Counters of the whole installation: moved by differences, and counted anew to be sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.db.rls import PLATFORM_ORG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchfloor.kernel.db.session import Wire

STATES = "case state when 1 then 'published' when 2 then 'rejected' when 3 then 'reserved' end"
PROVIDERS = "case cvss_provider when 1 then 'nvd' when 2 then 'cna' when 3 then 'cisa-adp' when 4 then 'other' else 'none' end"
COVERAGE = (
    "case when criteria_sources = '{}' then 'none' when criteria_sources && '{1,7}'::smallint[] then 'with_criteria' else 'only_cna' end"
)
EPSS = (
    "case when epss is null then 'unknown' when epss >= 90000 then '0.9' when epss >= 50000 then '0.5' when epss >= 10000 then '0.1' "
    "when epss >= 1000 then '0.01' else '0' end"
)
# The dimensions of a record by metric; null counts nowhere. engine/count.py says the same.
DIMENSIONS = {
    "cves": (STATES,),
    "severity": ("severity",),
    "band": ("band",),
    "kev": ("case when kev then 'kev' end", "case when eukev then 'eu-kev' end"),
    "ransomware": ("case when ransomware then 'known' end",),
    "exploited_eu": ("case when exploited_eu then 'known' end",),
    "ssvc": ("case exploitation when 0 then 'none' when 1 then 'poc' when 2 then 'active' else 'unknown' end",),
    "nvd_status": ("coalesce(nullif(left(status, 40), ''), 'unknown')",),
    "cvss_source": (PROVIDERS,),
    "coverage": (COVERAGE,),
    "epss": (EPSS,),
    "published_month": ("coalesce(to_char(published at time zone 'UTC', 'YYYY-MM'), 'unknown')",),
}
METRICS = tuple(DIMENSIONS)
APPLY = """
insert into adv_counter as c (org, metric, dim, value) select %s, * from unnest(%s::text[], %s::text[], %s::bigint[])
on conflict (org, metric, dim) do update set value = c.value + excluded.value
"""
PUT = """
insert into adv_counter (org, metric, dim, value) select %s, %s, * from unnest(%s::text[], %s::bigint[])
on conflict (org, metric, dim) do update set value = excluded.value
"""


def move(wire: Wire, by: Mapping[tuple[str, str], int]) -> None:
    """Move counters of the installation."""
    if by:
        metrics, dims = zip(*sorted(by), strict=True)
        wire.execute(APPLY, (PLATFORM_ORG, list(metrics), list(dims), [by[one] for one in sorted(by)]))


def counted(wire: Wire, metrics: Iterable[str] = METRICS) -> dict[str, dict[str, int]]:
    """Return the counters of the installation by metric and dimension, those that are not zero."""
    found: dict[str, dict[str, int]] = {metric: {} for metric in metrics}
    for metric, dim, value in wire.execute(
        "select metric, dim, value from adv_counter where org = %s and metric = any (%s) and value <> 0", (PLATFORM_ORG, list(found))
    ):
        found[metric][dim] = value
    return found


def recount(wire: Wire, metrics: Iterable[str] = METRICS) -> dict[str, dict[str, int]]:
    """Return what these counters are to be, from the records themselves."""
    return {metric: _recount(wire, metric) for metric in metrics}


def _recount(wire: Wire, metric: str) -> dict[str, int]:
    live = "" if metric == "cves" else " and state <> 2"
    rows = wire.execute(
        f"select dim, count(*) from adv_cve, unnest(array[{', '.join(DIMENSIONS[metric])}]::text[]) dim "  # noqa: S608 - our own columns
        f"where merged_into is null{live} and dim is not null group by dim"
    )
    return dict(rows.fetchall())


def repair(wire: Wire, metrics: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count these metrics anew, put right what differs, and return the differences, value now less value before.

    Nobody may merge meanwhile: take the lock SETTLING first.
    """
    wanted = list(metrics)
    before, after = counted(wire, wanted), recount(wire, wanted)
    drift: dict[str, dict[str, int]] = {}
    for metric in wanted:
        dims = sorted(before[metric].keys() | after[metric].keys())
        moved = {dim: by for dim in dims if (by := after[metric].get(dim, 0) - before[metric].get(dim, 0))}
        if moved:
            drift[metric] = moved
            wire.execute(PUT, (PLATFORM_ORG, metric, list(moved), [after[metric].get(dim, 0) for dim in moved]))
    return drift
