"""Members of a zip, read one at a time straight from its directory: an archive of 350,000 files must not become as many objects."""

from __future__ import annotations

import stat
import struct
import tempfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from watchfloor.capabilities.advisories.feeds.guards import (
    DEPTH_LIMIT,
    ENTRIES_LIMIT,
    MEMBER_LIMIT,
    RATIO_LIMIT,
    RECORD_LIMIT,
    TOTAL_LIMIT,
    Meter,
    refuse,
)
from watchfloor.capabilities.advisories.feeds.opened import inflated, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_END, _END64, _LOCATOR = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY_MOST = _ENTRY.size + 3 * 0xFFFF
_PIECE = 1 << 20
_FULL, _FULL_COUNT = 0xFFFFFFFF, 0xFFFF
_LOCATOR_SIZE, _END64_SIZE = 20, 56
_EXTRA = struct.Struct("<HH")
_STORED, _DEFLATED = 0, 8
_SMALL = 1 << 20  # below this size no member is a bomb


class Span:
    """A part of a file."""

    def __init__(self, file: BinaryIO, start: int, size: int, *, own: bool = False) -> None:
        """Look at `size` bytes from `start` on; `own`: the file ends with this span."""
        self._file, self._start, self.size, self._own = file, start, size, own

    def close(self) -> None:
        """Close the file, for who opened this span as a file of its own."""
        if self._own:
            self._file.close()

    def read_at(self, place: int, size: int) -> bytes:
        """Return up to `size` bytes."""
        self._file.seek(self._start + place)
        return self._file.read(max(0, min(size, self.size - place)))

    def part(self, place: int, size: int) -> Span:
        """Return a part of this part."""
        return Span(self._file, self._start + place, size)


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a zip's directory."""

    name: str
    method: int
    packed: int
    size: int
    crc: int
    place: int  # of its local header


def whole(file: BinaryIO) -> Span:
    """Return all of an open file."""
    return Span(file, 0, size_of(file))


def members(span: Span) -> Iterator[Member]:
    """Yield regular files in the directory's order; refuse paths that lead out, links and encryption (G4)."""
    count, size, place = _directory(span)
    if count > ENTRIES_LIMIT:
        refuse("G4", f"lists {count} files, more than the {ENTRIES_LIMIT} that are read")
    buffer, at, end, total = b"", 0, place + size, 0
    for _ in range(count):
        if len(buffer) - at < _ENTRY_MOST and place < end:
            more = span.read_at(place, min(_PIECE, end - place))
            place += len(more)
            buffer, at = buffer[at:] + more, 0
        member, used = _entry(buffer, at)
        at += used
        if member is not None:
            total += member.size
            if total > TOTAL_LIMIT:
                refuse("G4", f"unpacks to more than {TOTAL_LIMIT} bytes, which no original file does")
            yield member


def _directory(span: Span) -> tuple[int, int, int]:
    """Return number of entries, size and place of the directory."""
    tail_at = max(0, span.size - 65557)
    tail = span.read_at(tail_at, 65557)
    found = tail.rfind(_END)
    if found < 0 or len(tail) < found + 22:
        refuse("G3", "is a zip without its directory, so it is cut off; fetch it again")
    count, size, place = struct.unpack_from("<HII", tail, found + 10)
    locator = tail[max(0, found - _LOCATOR_SIZE) : found]
    if locator.startswith(_LOCATOR) and (count == _FULL_COUNT or _FULL in (size, place)):
        large = span.read_at(int.from_bytes(locator[8:16], "little"), _END64_SIZE)
        if len(large) < _END64_SIZE or not large.startswith(_END64):
            refuse("G3", "is a zip whose directory cannot be found; fetch it again")
        count, size, place = struct.unpack_from("<QQQ", large, 32)
    if place + size > span.size:
        refuse("G3", "is a zip whose directory lies outside of it, so it is cut off; fetch it again")
    return count, size, place


def _entry(buffer: bytes, at: int) -> tuple[Member | None, int]:
    if len(buffer) - at < _ENTRY.size or not buffer.startswith(b"PK\1\2", at):
        refuse("G3", "is a zip with a damaged directory; fetch it again")
    (_, _, _, flags, method, _, _, crc, packed, size, names, extras, comments, _, _, mode, place) = _ENTRY.unpack_from(buffer, at)
    used = _ENTRY.size + names + extras + comments
    at += _ENTRY.size
    name = buffer[at : at + names].decode("utf-8", "replace")
    packed, size, place = _large(buffer[at + names : at + names + extras], packed, size, place)
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        refuse("G4", f"holds the path {name[:100]!r}, which leads out of it")
    kind = stat.S_IFMT(mode >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        refuse("G4", f"holds {name[:100]!r}, which is a link or a device")
    if name.endswith("/") or kind == stat.S_IFDIR:
        return None, used
    if flags & 1 or method not in {_STORED, _DEFLATED}:
        refuse("G4", f"holds {name[:100]!r} encrypted or packed in a way that no source uses")
    if size > MEMBER_LIMIT or (size > _SMALL and size > packed * RATIO_LIMIT):
        refuse("G4", f"holds {name[:100]!r} of {size} bytes packed in {packed}, as only bombs do")
    return Member(name, method, packed, size, crc, place), used


def _large(extra: bytes, packed: int, size: int, place: int) -> tuple[int, int, int]:
    """Take 64-bit numbers from the extra fields where the small ones are full."""
    while len(extra) >= _EXTRA.size:
        tag, length = _EXTRA.unpack_from(extra)
        if tag == 1:
            numbers = iter([int.from_bytes(extra[4 + at : 12 + at], "little") for at in range(0, min(length, len(extra) - 4) - 7, 8)])
            size = next(numbers, size) if size == _FULL else size
            packed = next(numbers, packed) if packed == _FULL else packed
            place = next(numbers, place) if place == _FULL else place
        extra = extra[4 + length :]
    return packed, size, place


def _data(span: Span, member: Member) -> int:
    """Return where a member's bytes begin."""
    head = span.read_at(member.place, _LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        refuse("G3", f"is a zip whose {member.name[:100]!r} cannot be found; fetch it again")
    names, extras = struct.unpack_from("<HH", head, 26)
    return int(member.place + _LOCAL.size + names + extras)


def read(span: Span, member: Member) -> bytes | None:
    """Return a member's bytes; None when they are damaged or more than one record may have."""
    if member.size > RECORD_LIMIT or member.packed > RECORD_LIMIT:
        return None
    data = span.read_at(_data(span, member), member.packed)
    if member.method == _DEFLATED:
        try:
            data = zlib.decompressobj(-15).decompress(data, member.size + 1)
        except zlib.error:
            return None
    return data if len(data) == member.size and zlib.crc32(data) == member.crc else None


def stream(span: Span, member: Member) -> Iterator[bytes]:
    """Yield a member's bytes in pieces; the caller counts them."""
    place, end = _data(span, member), 0
    end = place + member.packed

    def more(size: int) -> bytes:
        nonlocal place
        piece = span.read_at(place, min(size, end - place))
        place += len(piece)
        return piece

    crc = 0
    for piece in inflated(more) if member.method == _DEFLATED else iter(lambda: more(_PIECE), b""):
        crc = zlib.crc32(piece, crc)
        yield piece
    if crc != member.crc:
        refuse("G3", f"is damaged: the checksum of {member.name[:100]!r} is wrong; fetch it again")


def nested(span: Span, member: Member, depth: int) -> Span:
    """Open a zip inside a zip: in place where it is stored, else unpacked into one unnamed file."""
    if depth >= DEPTH_LIMIT:
        refuse("G4", f"holds archives inside archives, more than {DEPTH_LIMIT} deep")
    if member.method == _STORED:
        return span.part(_data(span, member), member.packed)
    meter = Meter(member.packed)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as its span
    try:
        for piece in stream(span, member):
            meter.add(len(piece))
            file.write(piece)
    except BaseException:
        file.close()
        raise
    return Span(file, 0, meter.unpacked, own=True)


def alone(span: Span) -> Member | None:
    """Return the one file of a zip that packs a single file other than a CVE record or another zip."""
    found = members(span)
    first = next(found, None)
    if first is None or next(found, None) is not None or first.name.lower().endswith(".zip"):
        return None
    return None if first.name.rpartition("/")[2].startswith("CVE-") else first
