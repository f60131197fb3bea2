"""One document of any source: its one spelling, its number and time, and its struct."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watchfloor.capabilities.advisories.schemas.words import Source

Record = TypeVar("Record", bound=msgspec.Struct)

_COPY_HEAD = 19
_ROW = struct.Struct(">hiqi16s")


class BadRecord(ValueError):
    """A record that is left out; the message says why."""


class BadId(BadRecord):
    """A record whose id is a placeholder or a test's: left out, but no sign of a broken file."""


WRONG = (BadRecord, msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError)


class Form(Generic[Record]):
    """How the documents of one source are read."""

    source: Source
    older_wins = False  # of two entries of one k in a file

    def __init__(self, source: Source, record: type[Record], head: Callable[[bytes], tuple[int, datetime | None]]) -> None:
        """Take the struct, and what finds number and source timestamp in a minified document."""
        self.source = source
        self.head = head
        self._decoder = msgspec.json.Decoder(record)

    def open(self, raw: bytes | msgspec.Raw) -> tuple[bytes, int, datetime | None]:
        """Return the document of a record as it stands in the file, its number and its time."""
        document = self.document(raw)
        return document, *self.head(document)

    def document(self, raw: bytes | msgspec.Raw) -> bytes:
        """Return the minified document of a record."""
        return clean(minified(raw))

    def read(self, document: bytes) -> Record:
        """Decode a document; members that are null count as missing, and numbers may be written as text."""
        try:
            return self._decoder.decode(document)
        except msgspec.ValidationError:
            plain = _without_null(msgspec.json.decode(document))
            return msgspec.convert(plain, self._decoder.type, strict=False)


def _without_null(value: Any) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, dict):
        return {name: _without_null(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_null(one) for one in value if one is not None]
    return value


def minified(raw: bytes | msgspec.Raw) -> bytes:
    """Return JSON without spaces between its parts."""
    return msgspec.json.format(bytes(raw) if isinstance(raw, msgspec.Raw) else raw, indent=-1)


def clean(document: bytes) -> bytes:
    """Return a minified document in one spelling: characters as themselves, without NUL; the same document has the same hash."""
    if b"\\" in document and (b"\\u" in document or b"\\/" in document):
        value = msgspec.json.decode(document)
        if b"\\u0000" in document:
            value = _without_nul(value)
        return msgspec.json.encode(value)
    if not document.isascii():
        document.decode()
    return document


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    return value


def known_of(copied: bytes) -> dict[int, bytes]:
    """Read PostgreSQL's binary COPY of (k bigint, hash bytea of 16 bytes)."""
    if not copied:
        return {}
    if not copied.startswith(b"PGCOPY\n\xff\r\n\0"):
        message = "the file of known documents is no binary COPY"
        raise ValueError(message)
    start = _COPY_HEAD + int.from_bytes(copied[15:19], "big")
    rows = (len(copied) - start) // _ROW.size
    body = memoryview(copied)[start : start + rows * _ROW.size]
    return {k: digest for _, _, k, _, digest in _ROW.iter_unpack(body)}
