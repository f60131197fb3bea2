"""Which advisories are to be matched again because a name means something else now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.curator import WRITING, alone
from watchfloor.capabilities.advisories.schemas.changes import QUIETLY, Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.db.session import Wire

# All names under which criteria of these products stand, as matching gathers them: those that stand for them, those of any part, a CNA's words.
TOUCH = """
with said as (select unnest(%(products)s::integer[]) as id),
held as (select id from said union select p.id from adv_product p join said on p.canonical = said.id),
named as (
  select id from held
  union select a.id from held join adv_product p using (id) join adv_product a on a.part = '*' and (a.vendor, a.product) = (p.vendor, p.product)
),
meant as (select id from named union select m.name_id from named join adv_name_map m on m.product_id = named.id)
insert into adv_touched (k, mask) select distinct c.k, %(mask)s::integer from adv_criterion c join meant on meant.id = c.product_id
on conflict (k) do update set mask = adv_touched.mask | excluded.mask
"""


def touch(wire: Wire, products: Sequence[int]) -> int:
    """Ask for the advisories to be merged and matched again that name these products or what stands for them; return how many."""
    alone(wire, WRITING)
    return wire.execute(TOUCH, {"products": list(products), "mask": int(Cause.CRITERIA) << QUIETLY}).rowcount
