# ruff: noqa: S608 - expressions of our own; every value is a parameter
"""How the hits of a search divide: by band, catalog, severity, likelihood, vendor, weakness and year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.counters import EPSS
from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.schemas.faces import Facet, FacetValue
from watchfloor.kernel.db.rls import PLATFORM_ORG

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from watchfloor.kernel.db.listing import Listing
    from watchfloor.kernel.db.session import Wire

FACET_MAX = 50_000  # more hits than these are not divided: the counts are then those of all advisories
VENDORS_MAX = 5_000  # hits of which the vendors are counted
TOP = 20
PLAIN = {
    "band": "c.band",
    "ssvc": "case c.exploitation when 0 then 'none' when 1 then 'poc' when 2 then 'active' else 'unknown' end",
    "severity": "c.severity",
    "epss": EPSS.replace("epss", "c.epss"),
    "year": "extract(year from c.published at time zone 'UTC')::int",
}
FACETS = (*PLAIN, "kev", "cwe", "vendor")
COUNTED = {"year": "published_month"}  # what counters call a facet
COUNTERS = """
select {dim}, sum(value)::bigint from adv_counter where org = %(org)s and metric = %(metric)s group by 1 having sum(value) > 0 order by 2 desc, 1 limit %(top)s
"""


# What each facet counts of the hits, which are collected once; thousands of them are alike.
PARTS = {
    **{name: f"select '{name}', coalesce({name}::text, 'unknown'), sum(n)::bigint from alike group by 2" for name in PLAIN},
    "kev": "select 'kev', held.catalog, sum(n)::bigint from alike, unnest(array[case when kev then 'kev' end, case when eukev then 'eu-kev' end]) held (catalog) "
    "where held.catalog is not null group by 2",
    "cwe": f"(select 'cwe', cwe, count(*) from hits, unnest(cwes) cwe group by 2 order by 3 desc, 2 limit {TOP})",
    "vendor": "(select 'vendor', p.vendor, count(distinct hits.k) from hits join adv_criterion cr on cr.k = hits.k and cr.vulnerable "
    "join adv_product p0 on p0.id = cr.product_id join adv_product p on p.id = coalesce(p0.canonical, p0.id) "
    f"where p.part::text <> '{CNA_NAME}' and p.vendor <> '' group by 2 order by 3 desc, 2 limit {TOP})",
}
HITS = "c.k, c.kev, c.eukev, c.cwes, " + ", ".join(f"{sql} as {name}" for name, sql in PLAIN.items())
ALIKE = f"select kev, eukev, {', '.join(PLAIN)}, count(*) as n from hits group by {', '.join(str(n) for n in range(1, len(PLAIN) + 3))}"


def facets_of(wire: Wire, listing: Listing, wanted: Collection[str], *, total: int, capped: bool) -> dict[str, Facet]:
    """Return the facets that are wanted; those of too many hits are of all advisories, and say so."""
    counted = [name for name in wanted if not (capped or (name == "vendor" and total > VENDORS_MAX))]
    values: dict[str, list[FacetValue]] = {name: [] for name in counted}
    if counted:
        query = (
            f"with hits as materialized (select {HITS} from {listing.table} {listing.alias} where {listing.gathered or listing.where}), alike as materialized ({ALIKE}) "
            + " union all ".join(PARTS[name] for name in counted)
        )
        for name, value, count in wire.execute(query.encode(), dict(listing.parameters), prepare=False):
            values[name].append(FacetValue(value=value, count=count))
    return {name: Facet(values=sorted(values[name], key=_placed(name))) if name in values else _counted(wire, name) for name in wanted}


def _placed(name: str) -> Callable[[FacetValue], tuple[int, str]]:
    return lambda one: (0 if name == "year" else -one.count, one.value)


def _counted(wire: Wire, name: str) -> Facet:
    if name == "vendor":
        found = wire.execute(
            "select vendor, sum(cves)::bigint from adv_product where cves > 0 and part <> 'c' group by 1 order by 2 desc, 1 limit %s",
            (TOP,),
        )
    else:
        dim = "left(dim, 4)" if name == "year" else "dim"
        values = {"org": PLATFORM_ORG, "metric": COUNTED.get(name, name), "top": 100 if name == "year" else TOP}
        found = wire.execute(COUNTERS.format(dim=dim).encode(), values)
    return Facet(values=[FacetValue(value=value, count=count) for value, count in found], whole=True)
