"""Lists paged by key, never by offset: newest or greatest first, an opaque cursor, a bounded page."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import tuple_

from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Row, Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

Item = TypeVar("Item")
LIMIT = 50
LIMIT_MAX = 500
CURSOR_CHARACTERS = 400
READERS: dict[Any, Callable[[Any], Any]] = {UUID: UUID, datetime: datetime.fromisoformat, int: int}


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next` goes into `after` for the following one and is None on the last."""

    items: list[Item]
    next: str | None = None


def page(
    session: Session, query: Select[*tuple[Any, ...]], keys: Sequence[InstrumentedAttribute[Any]], *, shape: Callable[[Row[Any]], Item],
    limit: int = LIMIT, after: str | None = None,
) -> Page[Item]:  # fmt: skip
    """Run a query backwards over its key, which must be unique inside the organisation.

    Raises:
        InvalidInput: The limit is outside 1 to 500, or the cursor was not made by a page of this list.
    """
    if not 1 <= limit <= LIMIT_MAX:
        message = f"limit {limit} is outside 1 to {LIMIT_MAX}"
        raise InvalidInput(message, field="/limit")
    if after is not None:
        query = query.where(tuple_(*keys) < tuple_(*_read(after, keys)))
    query = query.add_columns(*(key.label(f"key_{n}") for n, key in enumerate(keys)))
    found = session.execute(query.order_by(*(key.desc() for key in keys)).limit(limit + 1)).all()
    more = len(found) > limit
    return Page(items=[shape(row) for row in found[:limit]], next=_write(found[limit - 1][-len(keys) :]) if more else None)


def _write(values: Sequence[Any]) -> str:
    plain = [value if isinstance(value, int) else value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str, keys: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    """Decode a cursor into values of the key's own types; row-level security rules what they can reach."""
    try:
        plain = json.loads(base64.b64decode((cursor + "=" * (-len(cursor) % 4))[:CURSOR_CHARACTERS], altchars=b"-_", validate=True))
        return [READERS[key.type.python_type](value) for key, value in zip(keys, plain, strict=True)]
    except (ValueError, TypeError, binascii.Error, AttributeError, RecursionError) as error:
        message = "the cursor is not one of this list; pass `next` of the page before, unchanged, or leave it out"
        raise InvalidInput(message, field="/after") from error
