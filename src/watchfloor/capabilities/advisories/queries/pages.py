"""Pages beside the records: products, catalogs of exploited vulnerabilities, what was refused, and how far each source is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from watchfloor.capabilities.advisories.queries.cpe_names import name_spellings
from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.queries.record import _entry
from watchfloor.capabilities.advisories.queries.search import search
from watchfloor.capabilities.advisories.queries.sources import get as get_source
from watchfloor.capabilities.advisories.queries.sources import switched
from watchfloor.capabilities.advisories.queries.streams import ALL, NOTES, Stream, streams_of
from watchfloor.capabilities.advisories.schemas.faces import KevEntries, ProductLine, ProductPage, Reject, Rejects, SourceView
from watchfloor.capabilities.advisories.schemas.notices import NOTICES
from watchfloor.capabilities.advisories.schemas.words import Catalog, Source, source_named
from watchfloor.kernel.db.filters import Given
from watchfloor.kernel.db.filters.kinds import beginning
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.listing import Column, Listing, order_of, page_of
from watchfloor.kernel.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from watchfloor.capabilities.advisories.queries.search import Asked
    from watchfloor.kernel.db.session import Wire

PRODUCTS_MAX = 100
CATALOGS = {"kev": Catalog.CISA, "eu-kev": Catalog.EU}


def list_products(wire: Wire, asked: Asked, prefix: str) -> list[ProductLine]:
    """List products whose name, or whose vendor's name, begins so; those with most advisories first. `vendor:product` narrows both."""
    given = Given(asked.now)
    vendor, colon, product = prefix.partition(":")
    if colon:
        where = f"({_begins('vendor', vendor, given)}) and ({_begins('product', product, given)})"
    else:
        where = f"({_begins('product', prefix, given)}) or ({_begins('vendor', prefix, given)})"
    query = (
        f"select part::text, vendor, product, cves from adv_product where ({where}) and part::text <> {given.add(CNA_NAME)} "  # noqa: S608 - conditions of our own
        f"order by cves desc, vendor, product, part limit {PRODUCTS_MAX}"
    )
    return [
        ProductLine(part=row[0], vendor=row[1], product=row[2], cves=row[3])
        for row in wire.execute(query.encode(), given.parameters, prepare=False)
    ]


def _begins(column: str, text: str, given: Given) -> str:
    return " or ".join(beginning(column, one, given) for one in name_spellings(text)) if text else "true"


def get_product(wire: Wire, asked: Asked, part: str, vendor: str, product: str) -> ProductPage:
    """Return a product with its most urgent advisories; raises NotFound."""
    row = wire.execute(
        'select id, coalesce(canonical, id), cves from adv_product where part = %s::text::"char" and vendor = %s and product = %s',
        (part, vendor.lower(), product.lower()),
    ).fetchone()
    if row is None:
        raise NotFound(f"no advisory names {part}:{vendor[:80]}:{product[:80]}; `watchfloor advisories products` shows those it names")
    number, root, cves = row
    names = wire.execute(
        "select vendor, product from adv_product where (canonical = %s or id = %s) and id <> %s order by 1, 2", (root, root, number)
    )
    text = f"vendor:{_quoted(vendor)} product:{_quoted(product)}"
    found = search(wire, replace(asked, text=text, facets=("band", "kev", "severity", "year")))
    return ProductPage(
        part=part, vendor=vendor.lower(), product=product.lower(), cves=cves, names=[f"{other}:{name}" for other, name in names],
        facets=found.facets or {}, advisories=found.items,
    )  # fmt: skip


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def list_kev(wire: Wire, catalogs: Collection[str], *, gone: bool = False, limit: int = LIMIT, cursor: str | None = None) -> KevEntries:
    """List entries of catalogs, newest first; `gone` adds those that were taken out again."""
    wrong = [name for name in catalogs if name not in CATALOGS]
    if wrong:
        raise InvalidInput(f"there is no catalog {wrong[0][:40]!r}; there are {', '.join(CATALOGS)}", field="/catalog")
    numbers = [int(CATALOGS[name]) for name in catalogs or CATALOGS]
    listing = Listing(
        "adv_kev",
        "v",
        f"v.catalog = any (%(catalogs)s) and {'true' if gone else 'v.removed_at is null'}",
        KEV_KEY,
        {"catalogs": numbers},
        "text",
    )
    page = page_of(wire, listing, order_of("-added", {"added": Column("v.added", "timestamptz")}), limit=limit, cursor=cursor)
    query = f"select v.* from unnest(%s::text[]) with ordinality w (key, n) join adv_kev v on {KEV_KEY} = w.key order by n"  # noqa: S608 - our own columns
    rows = wire.cursor(row_factory=dict_row).execute(query.encode(), (page.keys,))
    return KevEntries(items=[_entry(row) for row in rows], next_cursor=page.next_cursor, total=page.total, total_capped=page.capped)


KEV_KEY = "(v.k || '/' || v.catalog)"


def list_rejects(wire: Wire, source: str | None = None, *, limit: int = LIMIT, cursor: str | None = None) -> Rejects:
    """List what could not be read, newest first."""
    src = None if source is None else int(labelled(source))
    listing = Listing("adv_reject", "r", "(%(src)s::smallint is null or r.src = %(src)s)", "r.id", {"src": src})
    page = page_of(wire, listing, order_of("-id", {"id": Column("r.id", "bigint")}), limit=limit, cursor=cursor)
    query = "select id, src, stream, ref, reason, sample, at from adv_reject where id = any (%s) order by id desc"
    items = [
        Reject(id=row[0], source=Source(row[1]).label, stream=row[2], ref=row[3], reason=row[4], sample=row[5], at=row[6])
        for row in wire.execute(query, (page.keys,))
    ]
    return Rejects(items=items, next_cursor=page.next_cursor, total=page.total, total_capped=page.capped)


def labelled(name: str) -> Source:
    """Return the source of a label; raises InvalidInput."""
    try:
        return source_named(name)
    except ValueError as error:
        raise InvalidInput(str(error), field="/source") from error


# What is held of each source now, whichever files it came in.
DOCUMENTS = f"""
select src::integer, count(*) from adv_raw where gone_at is null group by src
union all select {Source.EPSS:d}, count(*) from adv_epss where gone_at is null
"""  # noqa: S608 - our own number


def list_source_states(wire: Wire, labels: Collection[str]) -> list[SourceView]:
    """Return how far each source is read; `labels` are those that the settings name."""
    said = switched(wire)
    held: dict[int, list[Stream]] = {}
    for one in streams_of(wire):
        held.setdefault(one.src, []).append(one)
    counts: dict[int, int] = dict(wire.execute(DOCUMENTS).fetchall())
    return [
        _source(src, held.get(int(src), []), on=said.get(int(src), src.label in labels), documents=counts.get(int(src), 0))
        for src in Source
    ]


def get_source_state(wire: Wire, labels: Collection[str], name: str) -> SourceView:
    """Return how far one source is read; raises NotFound."""
    src = get_source(name)
    return next(one for one in list_source_states(wire, labels) if one.name == src.label)


def _source(src: Source, streams: Sequence[Stream], *, on: bool, documents: int) -> SourceView:
    whole = next((one for one in streams if one.stream == ALL), None)
    failures = max((one.failures for one in streams), default=0)
    gap = next((one for one in streams if one.gap_since is not None), None)
    read = _last(streams, "ok_at")
    state = (
        "off"
        if not on and read is None
        else "failing"
        if failures
        else "gap"
        if gap
        else "never"
        if read is None
        else "ok"
        if on
        else "off"
    )
    return SourceView(
        name=src.label, enabled=on, state=state, watermark=_last(streams, "watermark"), checked_at=_last(streams, "checked_at"),
        changed_at=_last(streams, "changed_at"), ok_at=read, failures=failures, gap_since=gap.gap_since if gap else None,
        gap_reason=gap.gap_reason if gap else None, last_error=whole.last_error if whole else None, rows=documents,
        notes=whole.cursor.get(NOTES, []) if whole else [], notice=NOTICES[src],
    )  # fmt: skip


def _last(streams: Sequence[Stream], name: str) -> Any:  # noqa: ANN401 - a time or None
    return max((value for one in streams if (value := getattr(one, name)) is not None), default=None)
