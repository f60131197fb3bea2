"""Products by number: the names that criteria and services share, added when first met."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from watchfloor.kernel.db.session import Wire

Name = tuple[str, str, str]
CNA_NAME = "c"  # the part of a name that a CNA gives in its own words; the name map leads from it to a product
NAME_MAX = 300

ADD = """
insert into adv_product (part, vendor, product) select * from unnest(%s::text[]::"char"[], %s::text[], %s::text[]) on conflict do nothing
"""
FIND = """
select p.part::text, p.vendor, p.product, p.id from unnest(%s::text[]::"char"[], %s::text[], %s::text[]) as w (part, vendor, product)
join adv_product p on (p.part, p.vendor, p.product) = (w.part, w.vendor, w.product)
"""


class Products:
    """Numbers of products, remembered by whoever writes many.

    What a transaction added is forgotten again when that transaction is lost: make a new one then.
    """

    def __init__(self) -> None:
        """Know none yet."""
        self._known: dict[Name, int] = {}

    def number(self, wire: Wire, names: Collection[Name]) -> dict[Name, int]:
        """Return the number of each name (part, vendor, product), adding those that nobody had used."""
        missing = sorted({name for name in names if name not in self._known})
        if missing:
            columns = [list(column) for column in zip(*missing, strict=True)]
            self._read(wire, columns)
            new = [name for name in missing if name not in self._known]
            if new:
                fresh = [list(column) for column in zip(*new, strict=True)]
                wire.execute(ADD, fresh)
                self._read(wire, fresh)
        return self._known

    def _read(self, wire: Wire, columns: list[list[str]]) -> None:
        for part, vendor, product, number in wire.execute(FIND, columns):
            self._known[part, vendor, product] = number
