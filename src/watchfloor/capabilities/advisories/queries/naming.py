"""Which product the words of a CNA mean: learned from all CVEs that carry both, and set by people, whose word stays."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.schemas.words import YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.kernel.db.session import Wire

Name = tuple[str, str]
Product = tuple[str, str, str]
Learned = tuple[Name, Product, int, int]  # what means what, in how many CVEs, and in how many it means something else

# A year at a time: of everything at once the first row would not be there before the statement's time is over.
YEARS = "select distinct k / %s from adv_fact where k > 0 order by 1"
BOTH = """
select distinct c.k, p.part::text, p.vendor, p.product from adv_criterion c join adv_product p on p.id = c.product_id
where c.vulnerable and c.k between %(low)s and %(high)s and c.k in (
  select n.k from adv_criterion n join adv_product w on w.id = n.product_id where w.part = %(part)s and n.k between %(low)s and %(high)s
) order by c.k
"""
NUMBER = 'select id from adv_product where (part, vendor, product) = (%s::text::"char", %s, %s)'
ADD = """
insert into adv_name_map (name_id, product_id, support, against, origin)
select n.id, p.id, w.support, w.against, 'learned'
from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[], %s::integer[])
  as w (name_vendor, name_product, part, vendor, product, support, against)
join adv_product n on (n.part, n.vendor, n.product) = (%s::text::"char", w.name_vendor, w.name_product)
join adv_product p on (p.part, p.vendor, p.product) = (w.part::"char", w.vendor, w.product)
on conflict (name_id, product_id) do update set support = excluded.support, against = excluded.against
"""
READ_AT_ONCE = 20_000


def years(wire: Wire) -> list[int]:
    """Return the years of all CVEs."""
    return [year for (year,) in wire.execute(YEARS, (YEAR,))]


def told_both_ways(wire: Wire, year: int) -> Iterator[tuple[set[Name], set[Product]]]:
    """Yield, for each CVE of a year that a CNA named products of, those names and the products that CPE names give."""
    with wire.cursor("adv_naming") as cursor:
        cursor.itersize = READ_AT_ONCE
        cursor.execute(BOTH, {"low": year * YEAR, "high": (year + 1) * YEAR - 1, "part": CNA_NAME})
        for _k, rows in groupby(cursor, key=lambda row: row[0]):
            names: set[Name] = set()
            products: set[Product] = set()
            for _number, part, vendor, product in rows:
                if part == CNA_NAME:
                    names.add((vendor, product))
                else:
                    products.add((part, vendor, product))
            if products:
                yield names, products


def replace_learned(wire: Wire, learned: Iterable[Learned]) -> int:
    """Replace what was learned before; what people set stays. Returns how many meanings there are now."""
    found = list(learned)
    wire.execute("delete from adv_name_map where origin = 'learned'")
    wire.execute("update adv_name_map set support = 0, against = 0")  # what people set stays, whatever speaks for it now
    if not found:
        return 0
    columns: list[list[Any]] = [
        list(column) for column in zip(*((*name, *product, ok, bad) for name, product, ok, bad in found), strict=True)
    ]
    return wire.execute(ADD, (*columns, CNA_NAME)).rowcount
