"""The unpacked bytes of one input, readable again and again in bounded memory."""

from __future__ import annotations

import hashlib
import io
import zlib
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO

import zstandard

from watchfloor.capabilities.advisories.feeds.guards import WHOLE_LIMIT, Meter, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 4 << 20
_PACKED_PIECE = 256 << 10
_HEAD = 64 << 10
_BOM = b"\xef\xbb\xbf"
_WINDOW_LIMIT = 128 << 20
_BLOCK = 3  # header of a zstd block


class Packing(StrEnum):
    """How an input is packed, by its first bytes."""

    PLAIN = "plain"
    GZIP = "gzip"
    ZSTD = "zstd"
    ZIP = "zip"


def packing_of(head: bytes) -> Packing:
    """Tell by the first bytes."""
    if head.startswith(b"\x1f\x8b"):
        return Packing.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return Packing.ZSTD
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return Packing.ZIP
    return Packing.PLAIN


class Content:
    """What an input holds once it is unpacked.

    Each call of `pieces` reads from the beginning. Small contents stay in memory after the first time. Size and checksum, of the original
    bytes, and the number of NUL bytes taken out are known when it was read to the end once.
    """

    def __init__(
        self, read: Callable[[], Iterator[bytes]], *, packed: int, limit: int, packing: Packing, file: BinaryIO | None = None
    ) -> None:
        """Take what unpacks the input from its beginning; `file`: that holds nothing else, packed."""
        self._read, self._file = read, file
        self._packed_sha256 = ""
        self._packed, self.limit = packed, limit
        self._kept: list[bytes] | None = None
        self.packing = packing
        self.binary = False  # True: NUL stays
        self.size = 0
        self.sha256 = ""
        self.nul = 0

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, a few MB at a time, without byte order mark and NUL."""
        if self._kept is not None:
            yield from self._kept
            return
        meter = Meter(self._packed, self.limit)
        digest = hashlib.sha256()
        kept: list[bytes] | None = []
        nul = 0
        for original in self._read():
            piece = original
            if self.packing is not Packing.PLAIN:
                meter.add(len(piece))
            else:
                meter.unpacked += len(piece)
            digest.update(piece)
            if not self.binary and piece.startswith(_BOM) and meter.unpacked == len(piece):
                piece = piece[len(_BOM) :]
            if not self.binary and b"\0" in piece:
                nul += piece.count(b"\0")
                piece = piece.replace(b"\0", b"")
            if kept is not None:
                kept = [*kept, piece] if meter.unpacked <= WHOLE_LIMIT else None
            yield piece
        self.size, self.sha256, self.nul, self._kept = meter.unpacked, digest.hexdigest(), nul, kept

    def checksum(self) -> str:
        """Return the sha256 of the original bytes, which may mean to read them."""
        if not self.sha256:
            for _ in self.pieces():
                pass
        return self.sha256

    def packed_sha256(self) -> str:
        """Return the sha256 of the input as it is packed: a fraction of the work of unpacking it; "" where it is not, or is a part of another file."""
        if self._file is not None and self.packing is not Packing.PLAIN and not self._packed_sha256:
            digest = hashlib.sha256()
            self._file.seek(0)
            for piece in _plain(self._file):
                digest.update(piece)
            self._packed_sha256 = digest.hexdigest()
        return self._packed_sha256

    def ahead(self) -> Iterator[bytes]:
        """Yield the same while the next piece is unpacked by another thread."""
        if self._kept is not None:
            yield from self._kept
            return
        pieces = self.pieces()
        with ThreadPoolExecutor(1) as other:
            coming = other.submit(next, pieces, None)
            while (piece := coming.result()) is not None:
                coming = other.submit(next, pieces, None)
                yield piece

    def head(self) -> bytes:
        """Return the beginning, at most 64 KB, with everything in it."""
        found = b""
        for piece in self._read():
            found += piece[:_HEAD]
            if len(found) >= _HEAD:
                break
        return found[:_HEAD]

    def whole(self) -> bytes:
        """Return all of a small content; a larger one is refused (G4)."""
        found = bytearray()
        for piece in self.pieces():
            found += piece
            if len(found) > WHOLE_LIMIT:
                refuse("G4", f"is larger than {WHOLE_LIMIT} bytes, which no original file of its sort is")
        return bytes(found)


def size_of(file: BinaryIO) -> int:
    """Return the size of an open file."""
    return file.seek(0, io.SEEK_END)


def content_of(file: BinaryIO, *, limit: int) -> Content:
    """Open an input that is plain, gzip or zstd; zip is for `zips`."""
    packed = size_of(file)
    file.seek(0)
    packing = packing_of(file.read(8))
    unpack = {Packing.GZIP: gunzipped, Packing.ZSTD: unzstd}.get(packing, _plain)

    def read() -> Iterator[bytes]:
        file.seek(0)
        return unpack(file)

    if packing is Packing.PLAIN and packed > limit:
        refuse("G4", f"has {packed} bytes, more than the {limit} that are read")
    return Content(read, packed=packed, limit=limit, packing=packing, file=file)


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def gunzipped(file: BinaryIO) -> Iterator[bytes]:
    """Unpack gzip, also of several members; damage and early ends are refused."""
    engine = zlib.decompressobj(31)
    waiting = b""
    while True:
        waiting = waiting or file.read(_PACKED_PIECE)
        if engine.eof:
            waiting = waiting.lstrip(b"\0")  # padding of tapes
            if not waiting and not (waiting := file.read(_PACKED_PIECE)):
                return
            if not waiting.startswith(b"\x1f"):
                refuse("G2", "goes on behind its compressed content with something else")
            engine = zlib.decompressobj(31)
        if not waiting:
            refuse("G3", "is cut off: its compressed content has no end; fetch it again")
        try:
            piece = engine.decompress(waiting, PIECE)
        except zlib.error as error:
            refuse("G3", f"is damaged ({error}); fetch it again")
        waiting = engine.unused_data if engine.eof else engine.unconsumed_tail
        if piece:
            yield piece


def inflated(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Unpack one deflated member of a zip."""
    engine = zlib.decompressobj(-15)
    waiting = b""
    while not engine.eof:
        waiting = waiting or read(_PACKED_PIECE)
        if not waiting:
            refuse("G3", "is cut off: a member has no end; fetch it again")
        try:
            piece = engine.decompress(waiting, PIECE)
        except zlib.error as error:
            refuse("G3", f"is damaged ({error}); fetch it again")
        waiting = engine.unconsumed_tail
        if piece:
            yield piece


def unzstd(file: BinaryIO) -> Iterator[bytes]:
    """Unpack zstd, also of several frames; damage and early ends are refused."""
    _check_frames(file)
    file.seek(0)
    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT).stream_reader(file, read_across_frames=True, closefd=False)
    try:
        while piece := reader.read(PIECE):
            yield piece
    except zstandard.ZstdError as error:
        refuse("G3", f"is damaged ({error}); fetch it again")


def _check_frames(file: BinaryIO) -> None:
    """Walk from block to block: the reader takes an early end for the end."""
    size = size_of(file)
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(18)
        if head[1:4] == b"\x2a\x4d\x18" and head[:1] >= b"\x50" and head[:1] <= b"\x5f":  # a frame to skip
            place += 8 + int.from_bytes(head[4:8], "little")
            continue
        try:
            frame, place = zstandard.get_frame_parameters(head), place + zstandard.frame_header_size(head)
        except zstandard.ZstdError as error:
            refuse("G3", f"is damaged ({error}); fetch it again")
        last = False
        while not last:
            file.seek(place)
            if len(block := file.read(_BLOCK)) < _BLOCK:
                refuse("G3", "is cut off: its compressed content has no end; fetch it again")
            number = int.from_bytes(block, "little")
            last = bool(number & 1)
            place += _BLOCK + (1 if number >> 1 & 3 == 1 else number >> 3)
        place += 4 if frame.has_checksum else 0
    if place > size:
        refuse("G3", "is cut off: its compressed content has no end; fetch it again")
