"""Lists in plain SQL, sorted by any declared column in both directions, paged by key: a page costs the same wherever it is."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from watchfloor.kernel.db.keyset import CURSOR_CHARACTERS, LIMIT_MAX
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    """A query without its order: `key` is a unique expression of type `key_cast` that decides between equals."""

    columns: str
    source: str
    where: str
    key: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    key_cast: str = "bigint"


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


def rows_of(
    wire: Wire, listing: Listing, order: Order, *, limit: int, cursor: str | None = None
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Return one page of rows and the cursor of the next one.

    Raises:
        InvalidInput: The limit is outside 1 to 500, or the cursor is not one of this list in this order.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidInput(f"limit {limit} is outside 1 to {LIMIT_MAX}", field="/limit")
    value, key = _read(cursor, listing, order) if cursor is not None else (None, None)
    found: list[tuple[Any, ...]] = []
    if key is None or value is not None:
        found = _part(wire, listing, order, limit + 1, value, key)
    if order.column.nullable and len(found) <= limit:
        found += _rest(wire, listing, order, limit + 1 - len(found), key if value is None else None)
    more = len(found) > limit
    rows = [row[:-2] for row in found[:limit]]
    return rows, _write(order, found[limit - 1]) if more else None


def total_of(wire: Wire, listing: Listing, most: int = TOTAL_MAX) -> tuple[int, bool]:
    """Return how many rows there are, counted up to `most`, and whether there are more."""
    query = f"select count(*) from (select from {listing.source} where {listing.where} limit {most + 1}) as counted"  # noqa: S608 - declared expressions
    counted: int = _all(wire, query, dict(listing.parameters))[0][0]
    return min(counted, most), counted > most


def _part(wire: Wire, listing: Listing, order: Order, count: int, value: object, key: object) -> list[tuple[Any, ...]]:
    """Read rows that have a value. The order is written as an index holds it, so that one can be read backwards or forwards."""
    sql, direction = order.column.sql, "desc" if order.descending else "asc"
    where, parameters = listing.where, dict(listing.parameters)
    if order.column.nullable:
        where += f" and {sql} is not null"
    if key is not None:
        where += (
            f" and ({sql}, {listing.key}) {'<' if order.descending else '>'} (%(at)s::{order.column.cast}, %(key)s::{listing.key_cast})"
        )
        parameters |= {"at": value, "key": key}
    return _select(wire, listing, f"{sql}", where, f"{sql} {direction}, {listing.key} {direction}", count, parameters)


def _rest(wire: Wire, listing: Listing, order: Order, count: int, key: object) -> list[tuple[Any, ...]]:
    """Read rows without a value, which follow all others."""
    direction = "desc" if order.descending else "asc"
    where, parameters = f"{listing.where} and {order.column.sql} is null", dict(listing.parameters)
    if key is not None:
        where += f" and {listing.key} {'<' if order.descending else '>'} %(key)s::{listing.key_cast}"
        parameters["key"] = key
    return _select(wire, listing, "null", where, f"{listing.key} {direction}", count, parameters)


def _select(wire: Wire, listing: Listing, at: str, where: str, order: str, count: int, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    query = f"select {listing.columns}, {at}, {listing.key} from {listing.source} where {where} order by {order} limit {count}"  # noqa: S608 - declared expressions
    return _all(wire, query, parameters)


def _all(wire: Wire, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    # Planned anew each time: which index is right depends on the values.
    return wire.execute(query.encode(), parameters, prepare=False).fetchall()


def _write(order: Order, row: Sequence[Any]) -> str:
    value, key = (one.isoformat() if isinstance(one, datetime) else str(one) if isinstance(one, UUID) else one for one in row[-2:])
    return base64.urlsafe_b64encode(json.dumps([str(order), value, key], separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str, listing: Listing, order: Order) -> tuple[Any, Any]:
    try:
        packed = (cursor + "=" * (-len(cursor) % 4))[:CURSOR_CHARACTERS]
        name, value, key = json.loads(base64.b64decode(packed, altchars=b"-_", validate=True))
        read_value = _nothing if value is None and order.column.nullable else READERS[order.column.cast]
        return {str(order): read_value}[name](value), READERS[listing.key_cast](key)
    except (ValueError, TypeError, binascii.Error, KeyError, AttributeError, RecursionError, OverflowError) as error:
        message = "the cursor is not one of this list in this order; pass `next_cursor` of the page before, unchanged, or leave it out"
        raise InvalidInput(message, field="/cursor") from error


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
