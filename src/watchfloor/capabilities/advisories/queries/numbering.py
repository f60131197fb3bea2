"""Which products the databases know things by: the numbers that criteria stand under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.match import Seen, seen
from watchfloor.capabilities.advisories.queries.products import CNA_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchfloor.capabilities.advisories.engine.observed import Thing
    from watchfloor.kernel.db.session import Wire

Name = tuple[str, str, str]  # part, vendor, product; without a vendor it is text

# A CNA's words mean a product when at least so many records said so, and so few something else. What an operator says always counts.
SUPPORT, RATIO = 3, 0.9


@dataclass(frozen=True)
class Numbered:
    """Things with the numbers of their products; what no advisory has ever named has none."""

    seen: dict[int, tuple[Seen, ...]]  # by the place of the thing; a text may mean several products


PRODUCTS = """
select w.n, coalesce(p.canonical, p.id) from unnest(%(n)s::integer[], %(part)s::text[]::"char"[], %(vendor)s::text[], %(product)s::text[])
  as w (n, part, vendor, product)
join adv_product p on (p.part, p.vendor, p.product) = (w.part, w.vendor, w.product)
"""
# A text means the product of its name if there is one only, or what a CNA calls by it.
TEXTS = f"""
with wanted as (select * from unnest(%(n)s::integer[], %(part)s::text[]::"char"[], %(product)s::text[]) as w (n, part, name)),
found as (
  select w.n, coalesce(p.canonical, p.id) as product from wanted w
  join adv_product p on p.product in (w.name, replace(w.name, ' ', '_'), replace(w.name, ' ', '-')) and p.part = w.part
  union
  select w.n, coalesce(p.canonical, p.id) from wanted w join adv_product c on c.product = w.name and c.part = '{CNA_NAME}'
  join adv_name_map m on m.name_id = c.id and (m.origin = 'manual' or m.support >= {SUPPORT} and m.support >= {RATIO} * (m.support + m.against))
  join adv_product p on p.id = m.product_id and p.part = w.part
)
select n, min(product) from found group by n having count(*) = 1
"""  # noqa: S608 - our own words and numbers


def number(wire: Wire, things: Sequence[Thing]) -> Numbered:
    """Return things as the engine compares them, by their place in the list."""
    places: dict[tuple[str, str, str], list[int]] = {}
    for n, one in enumerate(things):
        places.setdefault((one.part, one.vendor, one.product), []).append(n)
    found: dict[int, tuple[Seen, ...]] = {}
    for place, product in _products(wire, list(places)):
        for n in places[place]:
            found[n] = (*found.get(n, ()), _seen(things[n], product))
    return Numbered(found)


def _products(wire: Wire, names: Sequence[Name]) -> Iterator[tuple[Name, int]]:
    for sql, wanted in ((PRODUCTS, [one for one in names if one[1]]), (TEXTS, [one for one in names if not one[1]])):
        if wanted:
            parts, vendors, products = zip(*wanted, strict=True)
            values = {"n": list(range(len(wanted))), "part": list(parts), "vendor": list(vendors), "product": list(products)}
            for n, product in wire.execute(sql, values, binary=True):
                yield wanted[n], product


def _seen(one: Thing, product: int) -> Seen:
    return seen(
        product, version=one.version, update=one.update, part=one.part, vendor=one.vendor, name=one.product, attributes=dict(one.attributes)
    )
