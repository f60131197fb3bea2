"""Search advisories: the page, its order and its total; which index answers is for PostgreSQL to say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries.facets import FACET_MAX, facets_of
from watchfloor.capabilities.advisories.queries.fields import language, matches
from watchfloor.capabilities.advisories.queries.identity import ID, find_key
from watchfloor.capabilities.advisories.queries.lines import lines
from watchfloor.capabilities.advisories.queries.text import tsquery
from watchfloor.capabilities.advisories.schemas.faces import Advisories
from watchfloor.kernel.db.filters import Filter, Given, parse
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.listing import TOTAL_MAX, Column, Listing, Order, order_in, order_of, page_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from watchfloor.kernel.db.session import Wire

RANKED_MAX = 1000
# Everything is in memory or near it: a page, here and there or in a row, costs little beside looking at what is on it. And several who
# search share the processors, so that none is given two. Hits that facets count are kept in memory.
PLANNER = (
    "select set_config('seq_page_cost', '0.5', true), set_config('random_page_cost', '0.5', true), "
    "set_config('max_parallel_workers_per_gather', '0', true), set_config('work_mem', '32MB', true)"
)
OF_MATCHES = frozenset({"affects", "asset", "exposure", "confidence", "class", "verdict"})
COLUMNS = {
    "priority": Column("c.priority", "real"),
    "published": Column("c.published", "timestamptz", nullable=True),
    "modified": Column("c.modified", "timestamptz", nullable=True),
    "changed": Column("c.changed", "timestamptz"),
    "cvss": Column("c.cvss_score", "real", nullable=True),
    "epss": Column("c.epss", "integer", nullable=True),
    "kev": Column("c.kev_added", "timestamptz", nullable=True),
    "due": Column("c.kev_due", "timestamptz", nullable=True),
    "id": Column("c.k", "bigint"),
}
SORTS = (*COLUMNS, "rank")


@dataclass(frozen=True)
class Asked:
    """One search: its text, the moment and zone it is asked in, and what is wanted back."""

    text: str
    now: datetime
    zone: tzinfo = UTC
    sort: str | None = None
    limit: int = LIMIT
    cursor: str | None = None
    facets: Collection[str] = ()
    least: float = 0.5


def search(wire: Wire, asked: Asked) -> Advisories:
    """Return one page of what a search finds.

    Without `sort` the best hits of words come first where there are up to 1,000, else what is most urgent.

    Raises:
        InvalidInput: A part of the text has no meaning, or the order, limit or cursor is none of this list.
    """
    wire.execute(PLANNER)
    found = compiled(wire, asked)
    lone = _by_id(wire, found)
    if lone is not None:
        named = f"c.k = {found.given.add(lone)}::bigint"
        found = replace(found, sql=named, gathered=named)
    ranking = bool(found.words) and asked.sort is None and asked.cursor is None and lone is None
    order = _order(asked, found)
    listing = Listing(
        "adv_cve",
        "c",
        f"c.merged_into is null and {found.sql}",
        "c.k",
        found.given.parameters,
        gathered=f"c.merged_into is null and {found.gathered}",
    )
    most = FACET_MAX if asked.facets else TOTAL_MAX
    page = page_of(wire, listing, order, limit=asked.limit, cursor=asked.cursor, most=most, keep=RANKED_MAX if ranking else 0)
    ranked = page
    if ranking and page.hits is not None:
        order = _order(replace(asked, sort="-rank"), found)
        hits = replace(listing, where=f"c.k = any ({found.given.add(page.hits)}::bigint[])", gathered="")
        ranked = page_of(wire, hits, order, limit=asked.limit)
    return Advisories(
        items=lines(wire, ranked.keys, least=asked.least), next_cursor=ranked.next_cursor, total=min(page.total, TOTAL_MAX),
        total_capped=page.total > TOTAL_MAX or page.capped, sort=str(order),
        facets=facets_of(wire, listing, asked.facets, total=page.total, capped=page.capped) if asked.facets else None,
    )  # fmt: skip


def compiled(wire: Wire, asked: Asked) -> Filter:
    """Return the condition of a search; with fields of matches, priority and band are those of the matches."""

    def look_up(query: str, parameters: Mapping[str, Any]) -> list[int]:
        return [row[0] for row in wire.execute(query.encode(), parameters, prepare=False)]

    of_matches = any(term.field in OF_MATCHES and not term.excluded for term in parse(asked.text))
    return language(asked.least, of_matches=of_matches).compile(asked.text, Given(asked.now, asked.zone, look_up=look_up))


def _by_id(wire: Wire, found: Filter) -> int | None:
    """Return the key of a record whose id alone was asked for."""
    if len(found.terms) != 1 or not found.words or found.words[0].values[0].prefix:
        return None
    text = found.words[0].values[0].text.strip()
    return find_key(wire, text) if ID.fullmatch(text) else None


def _order(asked: Asked, found: Filter) -> Order:
    columns = dict(COLUMNS)
    if found.words:
        query = tsquery([term.values[0] for term in found.words], found.given)
        columns["rank"] = Column(f"ts_rank(c.tsv, {query})", "real")
    if any(term.field in OF_MATCHES and not term.excluded for term in found.terms):
        group = matches(asked.least)
        wanted = found.groups.get(group, group.default)
        columns["priority"] = Column(
            f"coalesce((select max(m.priority) from adv_match m where m.k = c.k and m.gone_at is null and {wanted}), 0::real)",  # noqa: S608 - see fields.py
            "real",
        )
    if asked.sort is None and asked.cursor is not None:
        return order_in(asked.cursor, columns)
    return order_of(asked.sort or "-priority", columns)
