"""What a downloaded file is, told by its first bytes and never by its name or headers."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from watchfloor.kernel.errors import SourceChanged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

GZIP = b"\x1f\x8b"
_PIECE = 1 << 16
_AS_GZIP = 16 + zlib.MAX_WBITS


def beginning(path: Path) -> bytes:
    """Return a file's first bytes, as they are."""
    with path.open("rb") as file:
        return file.read(_PIECE)


def is_gzip(path: Path) -> bool:
    """Tell whether a file begins as gzip does."""
    return beginning(path).startswith(GZIP)


def looks_like_a_page(beginning: bytes) -> bool:
    """Tell whether bytes begin as HTML does: what proxies, firewalls and bot protection answer instead of data."""
    start = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--"))


def plain(path: Path, limit_bytes: int) -> bytes:
    """Return a small file's content, out of its gzip if it is in one; SourceChanged when it is larger or broken."""
    found = bytearray()
    for piece in unpacked(path):
        found += piece
        if len(found) > limit_bytes:
            raise SourceChanged(f"G4: the answer holds more than {limit_bytes} bytes, which is more than it can.")
    return bytes(found)


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield a file's content, out of its gzip if it is in one, at most 64 KiB at a time; SourceChanged when that is broken."""
    return _inflated(path) if is_gzip(path) else _pieces(path)


def peel(path: Path, limit_bytes: int) -> bool:
    """Take off one gzip that was put around a file that is gzip itself, as servers do that label .gz files as encoded; True if there was."""
    if not is_gzip(path):
        return False
    inside = _inflated(path)
    first = next(inside, b"")
    if not first.startswith(GZIP):
        return False
    peeled = path.with_name(f"{path.name}.peeled")
    with peeled.open("wb") as file:
        file.write(first)
        for piece in inside:
            file.write(piece)
            if file.tell() > limit_bytes:
                raise SourceChanged(f"G4: the answer holds more than {limit_bytes} bytes, which is more than it can.")
    peeled.replace(path)
    return True


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _inflated(path: Path) -> Iterator[bytes]:
    """Yield at most 64 KiB at a time, so that a bomb is stopped by whoever counts."""
    with path.open("rb") as file:
        try:
            yield from _members(file)
        except zlib.error as error:
            raise SourceChanged(f"G2: the answer is broken gzip: {error}.") from None


def _members(file: BinaryIO) -> Iterator[bytes]:
    engine, waiting, more = zlib.decompressobj(_AS_GZIP), b"", False
    while True:
        if not waiting and not more and not (waiting := file.read(_PIECE)):
            raise SourceChanged("G2: the answer ends in the middle of its gzip.")
        piece = engine.decompress(waiting, _PIECE)
        waiting, more = engine.unconsumed_tail, len(piece) == _PIECE
        if piece:
            yield piece
        if engine.eof:
            waiting, more = engine.unused_data or file.read(_PIECE), False
            if not waiting.strip(b"\0"):  # some writers fill up their last block
                return
            engine = zlib.decompressobj(_AS_GZIP)
