"""Rows in PostgreSQL's binary COPY format, packed here: at a million rows a minute the driver's conversions would be half of the time."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.kernel.db.session import Wire

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TEXT_OID = 25
ROWS_AT_ONCE = 1000
WORD_MAX = 100  # characters of a text that is remembered

INT2, INT4, INT8, REAL, DOUBLE, LENGTH = (struct.Struct("!" + code).pack for code in ("ih", "ii", "iq", "if", "id", "i"))
TRUE, FALSE = b"\0\0\0\x01\x01", b"\0\0\0\x01\0"
_ARRAY = struct.Struct("!iiiii").pack
EMPTY_ARRAY = LENGTH(12) + struct.pack("!iii", 0, 0, TEXT_OID)
_encode = msgspec.json.encode

# Flags of a range as PostgreSQL sends it.
_LOWER_INCLUSIVE, _UPPER_INCLUSIVE, _LOWER_OPEN, _UPPER_OPEN = 0x02, 0x04, 0x08, 0x10


def int2(value: int | None) -> bytes:
    """Pack a smallint."""
    return NULL if value is None else INT2(2, value)


def int4(value: int | None) -> bytes:
    """Pack an integer."""
    return NULL if value is None else INT4(4, value)


def int8(value: int) -> bytes:
    """Pack a bigint."""
    return INT8(8, value)


def real(value: float | None) -> bytes:
    """Pack a real."""
    return NULL if value is None else REAL(4, value)


def flag(value: bool | None) -> bytes:  # noqa: FBT001 - the value itself
    """Pack a boolean."""
    return NULL if value is None else TRUE if value else FALSE


def text(value: str | None) -> bytes:
    """Pack text; NUL, which PostgreSQL cannot store, and lone surrogates become a replacement character."""
    if value is None:
        return NULL
    try:
        packed = value.encode()
    except UnicodeEncodeError:
        packed = value.encode("utf-8", "replace")
    if b"\0" in packed:
        packed = packed.replace(b"\0", "\N{REPLACEMENT CHARACTER}".encode())
    return LENGTH(len(packed)) + packed


def word(value: str) -> bytes:
    """Pack text that comes again and again."""
    return _word(value) if len(value) <= WORD_MAX else text(value)


@lru_cache(maxsize=16_384)
def _word(value: str) -> bytes:
    return text(value)


def keys(ks: Iterable[int]) -> str:
    """Return numbers as the text of a bigint[]: the driver would look at each of them on its own."""
    return "{" + ",".join(map(str, ks)) + "}"


def data(value: bytes | None) -> bytes:
    """Pack bytes."""
    return NULL if value is None else LENGTH(len(value)) + value


def moment(value: datetime | None) -> bytes:
    """Pack a time; one without a zone is UTC."""
    if value is None:
        return NULL
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return INT8(8, (aware - EPOCH) // MICROSECOND)


def day(value: date) -> bytes:
    """Pack a date."""
    return INT4(4, (value - EPOCH.date()).days)


@lru_cache(maxsize=4096)
def texts(values: tuple[str, ...]) -> bytes:
    """Pack an array of text."""
    if not values:
        return EMPTY_ARRAY
    body = _ARRAY(1, 0, TEXT_OID, len(values), 1) + b"".join(map(text, values))
    return LENGTH(len(body)) + body


@lru_cache(maxsize=4096)
def smallints(values: tuple[int, ...]) -> bytes:
    """Pack an array of smallint."""
    body = _ARRAY(1, 0, 21, len(values), 1) + b"".join(map(int2, values)) if values else struct.pack("!iii", 0, 0, 21)
    return LENGTH(len(body)) + body


def document(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Pack jsonb."""
    body = _encode(value)
    if b"\\u0000" in body:
        body = body.replace(b"\\u0000", b"\\ufffd")
    return LENGTH(len(body) + 1) + b"\x01" + body


def version_range(lo: bytes | None, hi: bytes | None, *, lo_inclusive: bool, hi_inclusive: bool) -> bytes:
    """Pack an adv_verrange."""
    flags = (_LOWER_OPEN if lo is None else _LOWER_INCLUSIVE if lo_inclusive else 0) | (
        _UPPER_OPEN if hi is None else _UPPER_INCLUSIVE if hi_inclusive else 0
    )
    body = bytes((flags,)) + (b"" if lo is None else LENGTH(len(lo)) + lo) + (b"" if hi is None else LENGTH(len(hi)) + hi)
    return LENGTH(len(body)) + body


def copy(wire: Wire, table: str, columns: str, rows: Iterable[bytes], *, at_once: int = ROWS_AT_ONCE) -> None:
    """Copy packed rows into a table of ours; a row is its column count as a smallint, then its fields."""
    waiting = iter(rows)
    with wire.cursor().copy(f"copy {table} ({columns}) from stdin (format binary)") as writer:
        writer.write(HEADER)
        # The driver waits for the socket after every write: a thousand rows at a time, or the waiting is most of the work.
        while some := b"".join(islice(waiting, at_once)):
            writer.write(some)
        writer.write(TRAILER)
