"""The criteria of some CVEs as the engine takes them, with the products that the last look at what is held gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.engine.match import Rule
from watchfloor.capabilities.advisories.queries.ingest import CFG_AND, CFG_NEGATE, NEGATE, NODE_AND, SIBLINGS
from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.schemas.facts import Criterion
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.kernel.db.session import Wire

RULES = """
select c.k, c.src, c.cfg, c.node, c.pos, c.logic, c.vulnerable, c.kind::text, lower(c.rng), upper(c.rng), lower_inc(c.rng), upper_inc(c.rng), c.upd,
  c.attrs, c.factor * coalesce(m.sure, 1), c.text, c.fix, p.part::text, p.vendor, p.product, coalesce(m.product, p.canonical, p.id)
from adv_criterion c join adv_product p on p.id = c.product_id
left join lateral (select n.product, n.sure from adv_in_named n where n.raw = c.product_id limit 1) m on true
where c.k = any (%(ks)s) order by c.k, c.src, c.cfg, c.node, c.pos
"""


def rules(wire: Wire, ks: Iterable[int]) -> dict[int, list[Rule]]:
    """Return all criteria of some CVEs, with the products that the last `find` gave them."""
    found: dict[int, list[Rule]] = {}
    for row in wire.execute(RULES, {"ks": sorted(set(ks))}, binary=True):
        found.setdefault(row[0], []).append(_rule(row))
    return found


def _rule(row: Any) -> Rule:  # noqa: ANN401 - a row
    (
        k,
        src,
        cfg,
        node,
        pos,
        logic,
        vulnerable,
        kind,
        lo,
        hi,
        lo_inc,
        hi_inc,
        upd,
        attrs,
        factor,
        text,
        fix,
        part,
        vendor,
        product,
        number,
    ) = row
    one = Criterion(
        k=k, src=Source(src), cfg=cfg, node=node, pos=pos, cfg_and=bool(logic & CFG_AND), node_and=bool(logic & NODE_AND),
        cfg_negate=bool(logic & CFG_NEGATE), negate=bool(logic & NEGATE), vulnerable=vulnerable, part=part, vendor=vendor, product=product, kind=kind,
        lo=lo, hi=hi, lo_inclusive=bool(lo_inc), hi_inclusive=bool(hi_inc), update=upd or "*", siblings=bool(logic & SIBLINGS),
        attributes=attrs or {}, text=text, fix=fix, factor=factor, names=part == CNA_NAME,
    )  # fmt: skip
    return Rule(one, number, factor)


def overridden(wire: Wire, ks: Iterable[int]) -> set[int]:
    """Return of which CVEs the overrides speak."""
    found = wire.execute("select k from adv_fact where src = %s and k = any (%s)", (int(Source.OVERRIDES), sorted(set(ks))), binary=True)
    return {row[0] for row in found}
