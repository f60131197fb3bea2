"""One document of any source: its one spelling, its number and time, and its struct."""

from __future__ import annotations

import struct
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.advisories.schemas.words import Source

Record = TypeVar("Record", bound=msgspec.Struct)

_ROW = struct.Struct(">q16sq")
_MICROSECONDS = 1_000_000
_EPOCH = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * _MICROSECONDS  # PostgreSQL's, in Unix time


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

    def stored(self, raw: bytes | msgspec.Raw) -> memoryview | None:  # noqa: ARG002 - a source without such an offer
        """Return what would be the document if the record is written as documents are kept; None: not to be told without reading it.

        Only sources offer this whose documents name their CVE, so that the same bytes are about the same one.
        """
        return None

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


class Known:
    """Documents that are stored: looked up by their hash, for a record that is known need not be read to know whose it is."""

    def __init__(self) -> None:
        """Know none."""
        self._ks, self._times = array("q"), array("d")
        self._places: dict[bytes, int] = {}
        self._since: dict[int, bytes] = {}  # what took their place

    def __len__(self) -> int:
        return len(self._ks)

    def add(self, copied: bytes) -> None:
        """Take rows of k, hash and source's time as PostgreSQL sends them: int64, 16 bytes, and int64 in microseconds since 2000."""
        if len(copied) % _ROW.size:
            message = "the file of known documents is cut off"
            raise ValueError(message)
        for k, digest, at in _ROW.iter_unpack(copied):
            self._places[digest] = len(self._ks)
            self._ks.append(k)
            self._times.append((at + _EPOCH) / _MICROSECONDS)

    def find(self, digest: bytes) -> tuple[int, float] | None:
        """Return whose document has a hash, and its time in seconds, 0 for none; None where nobody's has."""
        place = self._places.get(digest)
        if place is None or self._ks[place] in self._since:
            return None
        return self._ks[place], self._times[place]

    def holds(self, k: int, digest: bytes) -> bool:
        """Tell whether what is known of k is the document of this hash."""
        since = self._since.get(k)
        if since is not None:
            return since == digest
        place = self._places.get(digest)
        return place is not None and self._ks[place] == k

    def replace(self, k: int, digest: bytes) -> None:
        """Know this of k from now on."""
        self._since[k] = digest
