"""Small regular files of a tar, one at a time from a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.feeds.guards import ENTRIES_LIMIT, RECORD_LIMIT, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLOCK = 512


def is_tar(head: bytes) -> bool:
    """Tell by the magic of the first header."""
    return head[257:262] == b"ustar"


def name_of(head: bytes) -> str:
    """Return the name of the first member."""
    return head[:100].rstrip(b"\0").decode("utf-8", "replace")


def members(pieces: Iterable[bytes]) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and bytes of regular files, None for one larger than a record may be; links and long names' headers are passed over."""
    source = _Source(pieces)
    for _ in range(ENTRIES_LIMIT):
        head = source.take(_BLOCK)
        if not head.strip(b"\0"):
            return
        if len(head) < _BLOCK:
            refuse("G3", "is a tar that is cut off; fetch it again")
        size = _number(head[124:136])
        name = _text(head[345:500]) + "/" + _text(head[:100]) if head[257:262] == b"ustar" and head[345:346] != b"\0" else _text(head[:100])
        if name.startswith("/") or ".." in name.split("/"):
            refuse("G4", f"holds the path {name[:100]!r}, which leads out of it")
        padding = -size % _BLOCK
        if head[156:157] in b"0\0" and size <= RECORD_LIMIT:
            body = source.take(size)
            if len(body) < size:
                refuse("G3", "is a tar that is cut off; fetch it again")
            source.skip(padding)
            yield name, body
        else:
            source.skip(size + padding)
            if head[156:157] in b"0\0":
                yield name, None
    refuse("G4", f"lists more than the {ENTRIES_LIMIT} files that are read")


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    try:
        return int(digits or b"0", 8)
    except ValueError:
        return refuse("G3", "is a tar with a damaged header; fetch it again")


class _Source:
    """Takes exact numbers of bytes from pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece, self._at = b"", 0

    def _more(self) -> bool:
        while self._at >= len(self._piece):
            following = next(self._pieces, None)
            if following is None:
                return False
            self._piece, self._at = following, 0
        return True

    def take(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        found = bytearray()
        while len(found) < size and self._more():
            part = self._piece[self._at : self._at + size - len(found)]
            self._at += len(part)
            found += part
        return bytes(found)

    def skip(self, size: int) -> None:
        """Leave out `size` bytes."""
        while size > 0 and self._more():
            step = min(size, len(self._piece) - self._at)
            self._at += step
            size -= step
