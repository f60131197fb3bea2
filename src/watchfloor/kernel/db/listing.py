"""Lists in plain SQL, sorted by any declared column in both directions, paged by key: a page costs the same wherever it is."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from watchfloor.kernel.db.keyset import CURSOR_CHARACTERS, LIMIT_MAX
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchfloor.kernel.db.session import Wire

Item = TypeVar("Item")
TOTAL_MAX = 10_000
INT8_MAX = 2**63 - 1


class Found(BaseModel, Generic[Item]):
    """One page of what a search found; `next_cursor` goes into `cursor` for the following one and is None on the last."""

    items: list[Item]
    next_cursor: str | None = None
    total: int = Field(description=f"How many there are; {TOTAL_MAX:,} when there are more.")
    total_capped: bool = Field(default=False, description="True when there are more than `total`.")


@dataclass(frozen=True)
class Column:
    """An expression a list can be sorted by. `cast` is its type: real, integer, bigint, timestamptz, text or uuid."""

    sql: str
    cast: str
    nullable: bool = False


@dataclass(frozen=True)
class Order:
    """A column and a direction, as `priority` (ascending) or `-priority`; rows without a value always come last."""

    name: str
    column: Column
    descending: bool

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"-{self.name}" if self.descending else self.name


@dataclass(frozen=True)
class Listing:
    """A query without its order: `key` is a unique expression of type `key_cast` over `table`, which is called `alias`.

    `gathered` says the same as `where` in the way that is fastest where all hits are collected.
    """

    table: str
    alias: str
    where: str
    key: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    key_cast: str = "bigint"
    gathered: str = ""


@dataclass(frozen=True)
class Page:
    """The keys of one page in their order, the cursor of the next one, and how many there are in all, counted up to a limit.

    `hits` are the keys of all, where they are no more than were to be kept.
    """

    keys: list[Any]
    next_cursor: str | None
    total: int
    capped: bool
    hits: list[Any] | None = None


def order_of(text: str, columns: Mapping[str, Column]) -> Order:
    """Read `priority` or `-priority`; raises InvalidInput with the columns there are."""
    name = text.removeprefix("-")
    if name not in columns:
        near = difflib.get_close_matches(name, columns, n=1)
        raise InvalidInput(
            f"the list cannot be sorted by {name[:40]!r}; choose from {', '.join(columns)}, with a - before it for the greatest first",
            field="/sort", did_you_mean=near[0] if near else None,
        )  # fmt: skip
    return Order(name, columns[name], text.startswith("-"))


def order_in(cursor: str, columns: Mapping[str, Column]) -> Order:
    """Return the order of the page that a cursor continues; raises InvalidInput for a cursor of no such list."""
    return order_of(str(_unpack(cursor)[0]), columns)


def page_of(
    wire: Wire, listing: Listing, order: Order, *, limit: int, cursor: str | None = None, most: int = TOTAL_MAX, keep: int = 0
) -> Page:
    """Return one page of keys; with them all keys where there are no more than `keep`.

    Up to `most` hits are gathered and sorted, which is the fastest where they are few. Where there are more, a page of them is near in
    any order: then rows are read in that order until the page is full.

    Raises:
        InvalidInput: The limit is outside 1 to 500, or the cursor is not one of this list in this order.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidInput(f"limit {limit} is outside 1 to {LIMIT_MAX}", field="/limit")
    at = _read(cursor, listing, order) if cursor is not None else None
    found, total = _gathered(wire, listing, order, max(limit + 1, keep), at, most)
    if total > most:
        found = _walked(wire, listing, order, limit + 1, at)
    keys = [key for key, _value in found]
    cursor = _write(order, *found[limit - 1]) if len(found) > limit else None
    return Page(keys[:limit], cursor, min(total, most), total > most, keys if total <= keep else None)


Hits = list[tuple[Any, Any]]
BUDGET = 20_000  # rows that are looked at in order before all hits are sorted instead


def _gathered(wire: Wire, listing: Listing, order: Order, count: int, at: tuple[Any, Any] | None, most: int | None) -> tuple[Hits, int]:
    """Collect hits, at most one more than `most`, and sort them; return the page and how many were collected."""
    direction = "desc" if order.descending else "asc"
    seek, parameters = _after(order, listing, at, "v", "k")
    sorting = f"v {direction} nulls last, k {direction}"
    query = (
        f"with hits as materialized (select {listing.key} as k, {order.column.sql} as v from {listing.table} {listing.alias} "  # noqa: S608 - declared expressions
        f"where {listing.gathered or listing.where}{'' if most is None else f' limit {most + 1}'}), "
        f"page as (select k, v from hits where {seek} order by {sorting} limit {count}) "
        f"select counted.n, page.k, page.v from (select count(*) as n from hits) counted left join page on true order by {sorting}"
    )
    rows = _all(wire, query, {**listing.parameters, **parameters})
    return [(key, value) for _n, key, value in rows if key is not None], rows[0][0]


def _walked(wire: Wire, listing: Listing, order: Order, count: int, at: tuple[Any, Any] | None) -> Hits:
    """Read in order, as an index holds it, until the page is full; where hits lie too far apart, sort them all."""
    found: Hits = []
    if at is None or at[0] is not None:
        sql, direction = order.column.sql, "desc" if order.descending else "asc"
        seek, parameters = _after(replace(order, column=replace(order.column, nullable=False)), listing, at, sql, listing.key)
        present = f"{sql} is not null and {seek}" if order.column.nullable else seek
        query = (
            f"select {listing.key}, {sql} from (select * from {listing.table} {listing.alias} where {present} "  # noqa: S608 - declared expressions
            f"order by {sql} {direction}, {listing.key} {direction} limit {BUDGET}) {listing.alias} where {listing.where} limit {count}"
        )
        found = _all(wire, query, {**listing.parameters, **parameters})
    return found if len(found) == count else _gathered(wire, listing, order, count, at, None)[0]


def _after(order: Order, listing: Listing, at: tuple[Any, Any] | None, value: str, key: str) -> tuple[str, dict[str, Any]]:
    """Return the condition of what follows a place in the order, and its parameters."""
    if at is None:
        return "true", {}
    beyond = "<" if order.descending else ">"
    if at[0] is None:
        return f"{value} is null and {key} {beyond} %(key)s::{listing.key_cast}", {"key": at[1]}
    follows = f"({value}, {key}) {beyond} (%(at)s::{order.column.cast}, %(key)s::{listing.key_cast})"
    return f"({follows} or {value} is null)" if order.column.nullable else follows, {"at": at[0], "key": at[1]}


def _all(wire: Wire, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    # Planned anew each time: which index is right depends on the values.
    return wire.execute(query.encode(), parameters, prepare=False).fetchall()


def _write(order: Order, *place: Any) -> str:  # noqa: ANN401 - a key and a value of any declared type
    key, value = (one.isoformat() if isinstance(one, datetime) else str(one) if isinstance(one, UUID) else one for one in place)
    return base64.urlsafe_b64encode(json.dumps([str(order), value, key], separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str, listing: Listing, order: Order) -> tuple[Any, Any]:
    name, value, key = _unpack(cursor)
    try:
        read_value = _nothing if value is None and order.column.nullable else READERS[order.column.cast]
        return {str(order): read_value}[name](value), READERS[listing.key_cast](key)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _foreign() from error


def _unpack(cursor: str) -> tuple[Any, Any, Any]:
    try:
        packed = (cursor + "=" * (-len(cursor) % 4))[:CURSOR_CHARACTERS]
        name, value, key = json.loads(base64.b64decode(packed, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _foreign() from error
    return name, value, key


def _foreign() -> InvalidInput:
    message = "the cursor is not one of this list in this order; pass `next_cursor` of the page before, unchanged, or leave it out"
    return InvalidInput(message, field="/cursor")


def _nothing(value: object) -> None:
    del value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > INT8_MAX:
        raise ValueError(value)
    return value


def _real(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e30:  # noqa: PLR2004 - what a real holds, and not NaN
        raise ValueError(value)
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    value.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    return value


READERS: dict[str, Callable[[Any], Any]] = {
    "real": _real, "integer": _integer, "bigint": _integer, "text": _text, "timestamptz": datetime.fromisoformat, "uuid": UUID,
}  # fmt: skip
