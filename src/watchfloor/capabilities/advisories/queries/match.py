"""Find what advisories affect, for many things at once: one statement decides all that one criterion decides by itself."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.capabilities.advisories.engine.confidence import FACTORS
from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.ingest import CFG_AND, CFG_NEGATE, NEGATE, NODE_AND, SIBLINGS
from watchfloor.capabilities.advisories.queries.numbering import RATIO, SUPPORT
from watchfloor.capabilities.advisories.schemas.words import MatchClass, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from watchfloor.capabilities.advisories.queries.numbering import Numbered
    from watchfloor.kernel.db.session import Wire

# Things that meet the same criteria are one row, `n`: those of a version, and, for criteria that name none, those of a product of which a
# version was observed (K), none was (U), or that have none (N).
VERSION, KNOWN, UNKNOWN, NONE = b"V", b"K", b"U", b"N"
SEEN = """
create temp table if not exists adv_in_seen (n integer, product integer, state "char", attrs boolean, key bytea, base bytea) on commit drop;
truncate adv_in_seen
"""
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

# Each criterion is looked up by its product and one value: the version it names, or what stands for all ranges or for any version. What is
# negated is asked of all: the opposite of what cannot be is certain, whatever the version is.
RANGE, ANY = "'\\x00'::bytea", "'\\x01'::bytea"  # no version has these keys
PROBES = f"""
create temp table if not exists adv_in_probe (
  raw integer, at bytea, n integer, product integer, sure real, state "char", attrs boolean, key bytea, base bytea) on commit drop;
truncate adv_in_probe;
insert into adv_in_probe select w.raw, v.at, s.n, s.product, w.sure, s.state, s.attrs, s.key, s.base
from adv_in_seen s join adv_in_named w on w.product = s.product
cross join lateral unnest(case s.state when 'V' then array[s.key, nullif(s.base, s.key), {RANGE}] else array[{ANY}] end) as v (at)
where v.at is not null;
analyze adv_in_probe;
"""  # noqa: S608 - our own words
NEGATED = f"c.logic & {CFG_NEGATE | NEGATE} <> 0"
PROBE = f"case when {NEGATED} then {ANY} when c.kind = '=' then lower(c.rng) when c.kind = 'r' then {RANGE} else {ANY} end"

# What one criterion says of one thing, as engine/match.py decides it: the class of the match, or 9 for the engine to decide: where more
# than one criterion counts, or what was observed beside the version.
CODES = {1: MatchClass.EXACT, 2: MatchClass.LIKELY, 3: MatchClass.BASE_AMBIGUOUS, 6: MatchClass.VERSION_NA, 7: MatchClass.VERSION_UNKNOWN}
ENGINE = 9
CODE = f"""
case when c.logic & {CFG_AND | NODE_AND | CFG_NEGATE | NEGATE} <> 0 or c.attrs is not null and p.attrs then {ENGINE}
  when c.kind = '-' and p.state <> 'N' then case p.state when 'U' then 7 else 6 end
  when c.kind <> '*' and p.state = 'U' then 7
  when c.kind = '=' and c.logic & {SIBLINGS} <> 0 and p.at <> p.key then 3
  when c.attrs is null then 1 else 2 end
"""
# Nothing that the rest of a configuration says makes a match surer than its version is.
BOUND = f"""case when {NEGATED} then 1::real when c.kind = '-' and p.state = 'K' then {FACTORS[MatchClass.VERSION_NA]}::real
  when c.kind <> '*' and p.state = 'U' then {FACTORS[MatchClass.VERSION_UNKNOWN]}::real else 1::real end"""
# What NVD says of a product stands before what others say of it, and the overrides stand before the CNA and EUVD.
HEARD = f"(c.src = {Source.NVD:d} or (c.k, p.product, c.src) not in (select k, product, src from outdone))"  # noqa: S608 - our own words
# One number for a hit: which row of things, how far the source's word goes in thousandths, and the code.
BITS, CODE_BITS = 14, 4
CODE_MASK, MASK = (1 << CODE_BITS) - 1, (1 << BITS) - 1
HIT = f"(p.n::bigint << {BITS}) | ((c.factor * p.sure * 1000)::bigint << {CODE_BITS}) | {{0}} as hit"
HITS = f"""
select c.k, {HIT.format(CODE)} from adv_in_probe p join adv_criterion c on c.product_id = p.raw and {PROBE} = p.at
where c.vulnerable {{only}} and {HEARD} and c.factor * p.sure * ({BOUND}) >= %(least)s
  and case when p.at = {ANY} then true when c.kind = '=' then p.at = p.key or c.upd is null
    else c.rng @> p.key or upper_inc(c.rng) and upper(c.rng) = p.base end
"""  # noqa: S608 - our own words and numbers
# Of what names a version: what nobody observed the version of, and the release of which a criterion means an update, which may be there.
UNSURE = f"""
union all
select c.k, {HIT.format(f"case when p.state = 'U' then {CODE} else {ENGINE} end")} from adv_in_probe p join adv_criterion c on c.product_id = p.raw
where c.vulnerable {{only}} and {HEARD} and c.kind in ('=', 'r') and c.factor * p.sure * {FACTORS[MatchClass.VERSION_UNKNOWN]}::real >= %(least)s
  and (p.state = 'U' or p.at = {RANGE} and p.key = p.base and c.kind = '=' and c.upd <> '-'
    and lower(c.rng) > p.key and lower(c.rng) < substring(p.key for octet_length(p.key) - 1) || '\\xff'::bytea)
"""  # noqa: S608 - our own words and numbers
# One row for a CVE, as bytes: a row for each hit, or a list, would take longer to read than to find. Without the offset, sorting by CVE would
# carry everything that a hit is made of.
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
select k, array_send(array_agg(hit)) from ({HITS} {{unsure}} offset 0) hits group by k
"""  # noqa: S608 - our own words and numbers
ARRAY_HEAD, EACH = 20, Struct("!4xq").iter_unpack  # as PostgreSQL sends a bigint[] without nulls
NEARLY = 0.001  # what is stored as a real, and rounded, may be less than it is


class Hit(NamedTuple):
    """What one criterion says of things; without a kind it has to be joined with others, and may be as `sure` as that."""

    places: Sequence[int]
    kind: MatchClass | None
    sure: float


class Found:
    """Which things meet which CVEs; all of it is as small as it can be until somebody asks for a CVE."""

    def __init__(self, rows: Iterable[tuple[int, bytes]], places: Sequence[Sequence[int]], least: float) -> None:
        """Take what the statement answered, and the places of the things of each of its rows."""
        self._hits, self._places, self._fates = dict(rows), places, _fates(least)
        self.ks = sorted(self._hits)

    def met(self, k: int) -> tuple[list[int], list[int]]:
        """Return the places of the things that meet a CVE: where one criterion decides by itself, and where the engine has to.

        A place may be there more than once, and in both.
        """
        plain: list[int] = []
        joined: list[int] = []
        for (hit,) in EACH(memoryview(self._hits[k])[ARRAY_HEAD:]):
            if fate := self._fates[hit & MASK]:
                (plain if fate == PLAIN else joined).extend(self._places[hit >> BITS])
        return plain, joined

    def hits(self, k: int) -> list[Hit]:
        """Return what each criterion says."""
        return [Hit(self._places[hit >> BITS], *_read(hit & MASK)) for (hit,) in EACH(memoryview(self._hits[k])[ARRAY_HEAD:])]


def find(wire: Wire, things: Numbered, *, only: Collection[int] | None = None, least: float = 0.0) -> Found:
    """Return which things meet criteria of which CVEs.

    Args:
        wire: The transaction; it gets temporary tables.
        things: What to look for.
        only: Look at these CVEs only.
        least: Leave out what is less sure, and what the engine has to decide where it cannot be surer.
    """
    several = _same(things)
    wire.execute(SEEN)
    rows.copy(wire, "adv_in_seen", "n, product, state, attrs, key, base", (_pack(n, *what) for n, what in enumerate(several)))
    wire.execute("analyze adv_in_seen")
    wire.execute(NAMED)
    wire.execute(PROBES)
    restricted = "" if only is None else "and c.k = any (%(only)s)"
    unsure = UNSURE.format(only=restricted) if least <= FACTORS[MatchClass.VERSION_UNKNOWN] else ""
    # Sorting all criteria by product would cost more than all the rest.
    wire.execute("set local work_mem = '64MB'; set local enable_mergejoin = off")
    values = {"least": max(0.0, least - NEARLY), "only": sorted(only or ())}
    found = Found(wire.execute(FIND.format(only=restricted, unsure=unsure), values, binary=True), list(several.values()), least)
    wire.execute("set local enable_mergejoin = on; reset work_mem")
    return found


_What = tuple[int, bytes, bool, "bytes | None", "bytes | None"]  # product, state, whether attributes were observed, key and base


def _same(things: Numbered) -> dict[_What, list[int]]:
    found: defaultdict[_What, list[int]] = defaultdict(list)
    for n, several in things.seen.items():
        for one in several:
            state = NONE if one.na else UNKNOWN if one.full is None else KNOWN
            found[one.product, state, bool(one.attributes), None, None].append(n)
            if state == KNOWN:
                found[one.product, VERSION, bool(one.attributes), one.full, one.base].append(n)
    return found


def _pack(n: int, product: int, state: bytes, attrs: bool, key: bytes | None, base: bytes | None) -> bytes:  # noqa: FBT001 - a column
    return b"".join((b"\0\x06", rows.int4(n), rows.int4(product), rows.data(state), rows.flag(attrs), rows.data(key), rows.data(base)))


def _read(said: int) -> tuple[MatchClass | None, float]:
    factor, kind = (said >> CODE_BITS) / 1000, CODES.get(said & CODE_MASK)
    return kind, factor if kind is None else factor * FACTORS[kind]


PLAIN, JOINED = 1, 2


@lru_cache(maxsize=4)
def _fates(least: float) -> bytes:
    """Return for each code with its factor whether it is too unsure (0), plain or joined."""
    told = (_read(said) for said in range(1 << BITS))
    return bytes(0 if sure < least - NEARLY else JOINED if kind is None else PLAIN for kind, sure in told)
