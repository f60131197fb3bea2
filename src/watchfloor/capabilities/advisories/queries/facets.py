"""How the hits of a search divide: by band, catalog, severity, likelihood, vendor, weakness and year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.counters import EPSS
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
    "year": "coalesce(extract(year from c.published at time zone 'UTC')::int::text, 'unknown')",
}
FACETS = (*PLAIN, "kev", "cwe", "vendor")
COUNTED = {"year": "published_month"}  # what counters call a facet
COUNTERS = """
select {dim}, sum(value)::bigint from adv_counter where org = %(org)s and metric = %(metric)s group by 1 having sum(value) > 0 order by 2 desc, 1 limit %(top)s
"""


def facets_of(wire: Wire, listing: Listing, wanted: Collection[str], *, total: int, capped: bool) -> dict[str, Facet]:
    """Return the facets that are wanted; those of too many hits are of all advisories, and say so."""
    if capped:
        return {name: _counted(wire, name) for name in wanted}
    made = _plain(wire, listing, [name for name in wanted if name in PLAIN])
    if "kev" in wanted:
        made["kev"] = _catalogs(wire, listing)
    if "cwe" in wanted:
        made["cwe"] = _weaknesses(wire, listing)
    if "vendor" in wanted:
        made["vendor"] = _vendors(wire, listing) if total <= VENDORS_MAX else _counted(wire, "vendor")
    return {name: made[name] for name in wanted}


def _plain(wire: Wire, listing: Listing, names: list[str]) -> dict[str, Facet]:
    if not names:
        return {}
    columns = ", ".join(f"{PLAIN[name]} as {name}" for name in names)
    sets = ", ".join(f"({name})" for name in names)
    query = (
        f"select grouping({', '.join(names)}), coalesce({', '.join(names)}, '') as value, count(*) from "  # noqa: S608 - declared expressions
        f"(select {columns} from {listing.table} {listing.alias} where {listing.where}) as hits group by grouping sets ({sets})"
    )
    values: dict[str, list[FacetValue]] = {name: [] for name in names}
    # Of the bits of grouping(), the one that is not set is the column a row was grouped by.
    bits = {(2 ** len(names) - 1) ^ (1 << (len(names) - 1 - n)): name for n, name in enumerate(names)}
    for group, value, count in wire.execute(query.encode(), dict(listing.parameters), prepare=False):
        values[bits[group]].append(FacetValue(value=value, count=count))
    return {name: Facet(values=sorted(found, key=_placed(name))) for name, found in values.items()}


def _placed(name: str) -> Callable[[FacetValue], tuple[int, str]]:
    return lambda one: (0 if name == "year" else -one.count, one.value)


def _catalogs(wire: Wire, listing: Listing) -> Facet:
    query = (
        f"select count(*) filter (where c.kev), count(*) filter (where c.eukev) from {listing.table} {listing.alias} where {listing.where}"  # noqa: S608 - declared expressions
    )
    counts = wire.execute(query.encode(), dict(listing.parameters), prepare=False).fetchall()[0]
    return Facet(values=[FacetValue(value=name, count=count) for name, count in zip(("kev", "eu-kev"), counts, strict=True) if count])


def _weaknesses(wire: Wire, listing: Listing) -> Facet:
    query = (
        f"select cwe, count(*) from (select unnest(c.cwes) as cwe from {listing.table} {listing.alias} where {listing.where}) as hits "  # noqa: S608 - declared expressions
        f"group by 1 order by 2 desc, 1 limit {TOP}"
    )
    return _facet(wire, query, listing)


def _vendors(wire: Wire, listing: Listing) -> Facet:
    query = (
        f"with hits as materialized (select c.k from {listing.table} {listing.alias} where {listing.where}) "  # noqa: S608 - declared expressions
        "select p.vendor, count(distinct cr.k) from hits join adv_criterion cr on cr.k = hits.k and cr.vulnerable "
        "join adv_product p0 on p0.id = cr.product_id join adv_product p on p.id = coalesce(p0.canonical, p0.id) "
        f"where p.part <> 'c' and p.vendor <> '' group by 1 order by 2 desc, 1 limit {TOP}"
    )
    return _facet(wire, query, listing)


def _facet(wire: Wire, query: str, listing: Listing) -> Facet:
    found = wire.execute(query.encode(), dict(listing.parameters), prepare=False)
    return Facet(values=[FacetValue(value=value, count=count) for value, count in found])


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
