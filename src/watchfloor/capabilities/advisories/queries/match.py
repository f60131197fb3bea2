"""Find what advisories affect, for many things at once: one statement decides all that one criterion decides by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from watchfloor.capabilities.advisories.engine.match import NAMES, Rule, Seen, seen
from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.ingest import CFG_AND, CFG_NEGATE, NEGATE, NODE_AND, SIBLINGS
from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.schemas.facts import Criterion
from watchfloor.capabilities.advisories.schemas.words import MatchClass, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from watchfloor.capabilities.advisories.engine.observed import Thing
    from watchfloor.kernel.db.session import Wire

# A CNA's words mean a product when at least so many records said so, and so few something else. What an operator says always counts.
SUPPORT, RATIO = 3, 0.9

SEEN = "create temp table if not exists adv_in_seen (n integer, product integer, key bytea, base bytea, bare boolean, na boolean, attrs boolean) on commit drop"
# The names under which criteria of a product stand: its own, those it has had, those of any part, and those a CNA gives it.
NAMED = f"""
create temp table if not exists adv_in_named (product integer, raw integer, sure real) on commit drop;
truncate adv_in_named;
insert into adv_in_named
with held as (select distinct product from adv_in_seen),
own as (
  select product, product as raw from held
  union select p.canonical, p.id from adv_product p join held h on h.product = p.canonical
  union select h.product, any_part.id from held h join adv_product p on p.id = h.product
    join adv_product any_part on any_part.part = '*' and (any_part.vendor, any_part.product) = (p.vendor, p.product)
),
meant as (
  select name_id, product_id, case origin when 'manual' then 1 else support::real / (support + against) end as sure, origin = 'manual' as manual
  from adv_name_map where origin = 'manual' or (support >= {SUPPORT} and support >= {RATIO} * (support + against))
)
select product, raw, 1 from own
union all
select o.product, m.name_id, max(m.sure) from own o join meant m on m.product_id = o.raw
where m.manual or not exists (select from meant other where other.name_id = m.name_id and other.manual)
group by o.product, m.name_id;
create index if not exists adv_in_named_product on adv_in_named (product);
analyze adv_in_named;
"""  # noqa: S608 - our own numbers

# What one criterion says of one thing, as engine/match.py decides it: 0 no, 9 for the engine to decide, else the class of the match.
CODES = {1: MatchClass.EXACT, 2: MatchClass.LIKELY, 3: MatchClass.BASE_AMBIGUOUS, 6: MatchClass.VERSION_NA, 7: MatchClass.VERSION_UNKNOWN}
ENGINE = 9
RANKS = 16  # the code fits below the confidence in one number, so that the surest is the largest
FACTOR = "(array[1, 0.8, 0.6, 0, 0, 0.3, 0.2, 0, 0]::real[])[code]"
# Where more than one criterion counts, or what was observed beside the version, the engine decides.
CODE = f"case when c.logic & {CFG_AND | NODE_AND | CFG_NEGATE | NEGATE} <> 0 or c.attrs is not null and s.attrs then {ENGINE} else {{0}} end as code"
LIKELY = "case when c.attrs is null then 1 else 2 end"
FROM = """
from adv_in_named w join adv_criterion c on c.product_id = w.raw and c.vulnerable {only} join adv_in_seen s on s.product = w.product
"""
COLUMNS = "s.n, w.product, c.k, c.src, c.factor * w.sure as factor"
# Most criteria name one version, and those are found by it; the others are asked one by one.
HITS = f"""
select {COLUMNS}, {CODE.format(f"case when lower(c.rng) = s.key or c.logic & {SIBLINGS} = 0 then {LIKELY} else 3 end")}
from adv_in_named w join adv_in_seen s on s.product = w.product
cross join lateral (select s.key as at union select s.base) v join adv_criterion c on c.product_id = w.raw and lower(c.rng) = v.at
where c.vulnerable and c.kind = '=' and (v.at = s.key or c.upd is null) {{only}}
union all
select {COLUMNS}, case when c.kind = '=' then {ENGINE} else {
    CODE.format(f'''case c.kind
    when '*' then {LIKELY}
    when '-' then case when s.na then {LIKELY} when s.key is null then 7 else 6 end
    else case when s.key is null then 7 else {LIKELY} end end''').removesuffix(" as code")
} end
{FROM} and case c.kind
    when 'r' then s.key is null and not s.na or c.rng @> s.key or upper_inc(c.rng) and upper(c.rng) = s.base
    when '=' then lower(c.rng) > s.key and s.bare and lower(c.rng) < substring(s.key for octet_length(s.key) - 1) || '\\xff'::bytea
    else true end
where c.kind <> '=' or c.upd <> '-'
"""  # noqa: S608 - our own words and numbers
# A version that nobody observed is asked of all that name one.
UNOBSERVED = f"""
union all
select {COLUMNS}, {CODE.format(7)} {FROM} where s.key is null and not s.na and c.kind = '='
"""
# What NVD says of a product stands before what others say of it, and the overrides stand before the CNA and EUVD.
FIND = f"""
with asked as materialized (
  select distinct c.k, w.product, c.src from adv_in_named w join adv_criterion c on c.product_id = w.raw
  where c.vulnerable and c.src <> {Source.NVD:d} {{only}}
),
outdone as materialized (
  select k, product, src from asked where src in ({Source.CVE_LIST:d}, {Source.EUVD:d})
    and k in (select k from adv_fact where src = {Source.OVERRIDES:d} and k in (select k from asked))
  union all
  select a.k, a.product, a.src from asked a cross join lateral (
    select from adv_criterion b join adv_in_named m on m.raw = b.product_id and m.product = a.product
    where b.k = a.k and b.src = {Source.NVD:d} and b.vulnerable limit 1) found
)
select n, k, max((factor * {FACTOR} * 1000)::integer * {RANKS} + {RANKS - 1} - code) filter (where code <> {ENGINE}) as best,
  bool_or(code = {ENGINE}) as engine
from ({HITS} {{unobserved}}) hit
where (code = {ENGINE} or factor * {FACTOR} >= %(least)s)
  and (src = {Source.NVD:d} or (k, product, src) not in (select k, product, src from outdone))
group by n, k
"""  # noqa: S608 - our own words and numbers


class Hit(NamedTuple):
    """What one thing is to one CVE, of all criteria that decide by themselves the surest; and whether others have to be joined.

    `kind` is None where none decides by itself; with `engine` what all criteria of the CVE say about the asset may be surer.
    """

    n: int
    k: int
    kind: MatchClass | None
    sure: float
    engine: bool


@dataclass(frozen=True)
class Numbered:
    """Things with the numbers of their products; what no advisory has ever named has none."""

    seen: dict[int, tuple[Seen, ...]]  # by the place of the thing; a text may mean several products

    def products(self) -> set[int]:
        """Return all products."""
        return {one.product for several in self.seen.values() for one in several}


PRODUCTS = """
select w.n, coalesce(p.canonical, p.id) from unnest(%(n)s::integer[], %(part)s::text[]::"char"[], %(vendor)s::text[], %(product)s::text[])
  as w (n, part, vendor, product)
join adv_product p on (p.part, p.vendor, p.product) = (w.part, w.vendor, w.product)
"""
# A text means the product of its name if there is one only, or what a CNA calls by it.
TEXTS = f"""
with wanted as (select * from unnest(%(n)s::integer[], %(part)s::text[]::"char"[], %(name)s::text[]) as w (n, part, name)),
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
    found: dict[int, list[int]] = {}
    named = [(n, one) for n, one in enumerate(things) if one.vendor]
    texts = [(n, one) for n, one in enumerate(things) if not one.vendor]
    for sql, wanted in ((PRODUCTS, named), (TEXTS, texts)):
        if wanted:
            values = {
                "n": [n for n, _one in wanted], "part": [one.part for _n, one in wanted], "vendor": [one.vendor for _n, one in wanted],
                "product": [one.product for _n, one in wanted], "name": [one.product for _n, one in wanted],
            }  # fmt: skip
            for n, product in wire.execute(sql, values, binary=True):
                found.setdefault(n, []).append(product)
    return Numbered({n: tuple(_seen(things[n], product) for product in products) for n, products in found.items()})


def _seen(one: Thing, product: int) -> Seen:
    return seen(
        product, version=one.version, update=one.update, part=one.part, vendor=one.vendor, name=one.product, attributes=dict(one.attributes)
    )  # fmt: skip


def find(wire: Wire, things: Numbered, *, only: Collection[int] | None = None, least: float = 0.0) -> list[Hit]:
    """Return which things meet criteria of which CVEs.

    Args:
        wire: The transaction; it gets temporary tables.
        things: What to look for.
        only: Look at these CVEs only.
        least: Leave out what is less sure; what the engine has to decide is always in.
    """
    wire.execute(SEEN)
    wire.execute("truncate adv_in_seen")
    rows.copy(
        wire,
        "adv_in_seen",
        "n, product, key, base, bare, na, attrs",
        (_pack(n, one) for n, several in things.seen.items() for one in several),
    )
    wire.execute("analyze adv_in_seen")
    wire.execute(NAMED)
    unobserved = any(one.full is None and not one.na for several in things.seen.values() for one in several)
    restricted = "" if only is None else "and c.k = any (%(only)s)"
    sql = FIND.format(only=restricted, unobserved=UNOBSERVED.format(only=restricted) if unobserved else "")
    # Sorting all criteria by product would cost more than all the rest.
    wire.execute("set local work_mem = '64MB'; set local enable_mergejoin = off")
    found = wire.execute(sql, {"least": least, "only": sorted(only or ())}, binary=True)
    hits = [_hit(n, k, best, engine) for n, k, best, engine in found]
    wire.execute("set local enable_mergejoin = on; reset work_mem")
    return hits


def _hit(n: int, k: int, best: int | None, engine: bool) -> Hit:  # noqa: FBT001 - a column
    if best is None:
        return Hit(n, k, None, 0.0, engine)
    sure, code = divmod(best, RANKS)
    return Hit(n, k, CODES[RANKS - 1 - code], sure / 1000, engine)


def _pack(n: int, one: Seen) -> bytes:
    return b"".join((
        b"\0\x07", rows.int4(n), rows.int4(one.product), rows.data(one.full), rows.data(one.base),
        rows.flag(one.full is not None and not one.updated), rows.flag(one.na), rows.flag(bool(one.attributes)),
    ))  # fmt: skip


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


def label(src: int) -> str:
    """Return what people call a source."""
    return NAMES.get(Source(src), Source(src).label)
