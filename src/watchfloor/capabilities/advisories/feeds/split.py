"""Cut documents out of streams without holding the whole: elements of a JSON array, and lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from watchfloor.capabilities.advisories.feeds.guards import RECORD_LIMIT, refuse
from watchfloor.capabilities.advisories.schemas.frames import SAMPLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEAD_LIMIT = 1 << 20
_TRIES = 8
_FIRST_KEY = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.){1,100}")\s*:')
_BEFORE_KEY = re.compile(rb"\}\s{0,200},\s{0,200}\{\s{0,200}\Z")
_SPACE = b" \t\r\n"

_raws = msgspec.json.Decoder(list[msgspec.Raw])


class Bad(NamedTuple):
    """A record that cannot be taken."""

    ref: str
    reason: str
    sample: str


def sample_of(raw: bytes) -> str:
    """Return the beginning of a record as text."""
    return bytes(raw[: SAMPLE_LIMIT * 4]).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[:SAMPLE_LIMIT]


class Elements:
    """Yields the elements of one array of a JSON object, or of an array that is the whole document.

    A cut is tried where an object ends and one that begins with the first element's first member starts; that nothing but whole elements
    stands before it is proven by parsing. At the end `envelope` is the document with the rest of the array.
    """

    def __init__(self, pieces: Iterable[bytes], member: str = "") -> None:
        """Read the array `member`; "" is the document itself."""
        self._pieces = iter(pieces)
        self._start = re.compile(rb'"' + member.encode() + rb'"\s*:\s*\[') if member else re.compile(rb"\s*\[")
        self.envelope = b""

    def __iter__(self) -> Iterator[msgspec.Raw]:
        """Yield each element as it stands in the document."""
        head, window = self._begin()
        key = _FIRST_KEY.match(window)
        while (piece := next(self._pieces, None)) is not None:
            window += piece
            cut = -1
            if key is not None:
                cut, found = _cut(window, key[1])
                yield from found
            if cut < 0 and len(window) > RECORD_LIMIT:
                refuse(
                    "G7",
                    f"holds something that is no JSON, or one record of more than {RECORD_LIMIT} bytes, near {sample_of(window)[:80]!r}",
                )
            window = window[cut + 1 :]
        self.envelope = head + window

    def _begin(self) -> tuple[bytes, bytes]:
        """Return what stands before the array's first element, and what is read beyond."""
        window = b""
        for piece in self._pieces:
            window += piece
            found = self._start.search(window)
            if found is not None and (len(window) > found.end() + 65536):
                return window[: found.end()], window[found.end() :]
            if found is None and len(window) > _HEAD_LIMIT:
                refuse("G7", "has no list of records near its beginning")
        found = self._start.search(window)
        if found is None:
            refuse("G7", "has no list of records")
        return window[: found.end()], window[found.end() :]


def _cut(window: bytes, key: bytes) -> tuple[int, list[msgspec.Raw]]:
    """Return the place of the comma behind the last whole element that can be found, and the elements before it; -1 for none."""
    end = len(window)
    for _ in range(_TRIES):
        end = window.rfind(key, 0, end)
        if end < 0:
            break
        before = _BEFORE_KEY.search(window, max(0, end - 800), end)
        if before is None:
            continue
        comma = window.index(b",", before.start())
        try:
            return comma, _raws.decode(b"[" + window[:comma] + b"]")
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            continue
    return -1, []


def lines(pieces: Iterable[bytes]) -> Iterator[bytes | Bad]:
    """Yield lines that hold something; one longer than a record may be is dropped as it passes."""
    rest, number, dropped = b"", 0, b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if dropped:
                yield _too_long(number, dropped)
                dropped = b""
            elif len(line) > RECORD_LIMIT:
                yield _too_long(number, line)
            elif line and not line.isspace():
                yield line
        if dropped:
            rest = b""
        elif len(rest) > RECORD_LIMIT:
            dropped, rest = rest[:2000], b""
    if dropped:
        yield _too_long(number + 1, dropped)
    elif rest and not rest.isspace():
        yield rest


def _too_long(number: int, line: bytes) -> Bad:
    return Bad(f"line {number}", f"is longer than {RECORD_LIMIT} bytes", sample_of(line))
