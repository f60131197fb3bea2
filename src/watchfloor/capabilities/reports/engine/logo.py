"""Logos that reports may show: small PNG files that are what they say. Pure."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from watchfloor.kernel.errors import InvalidInput, TooLarge

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
BYTES_MAX: Final = 1 << 20
SIDE_MAX: Final = 4000
KEPT: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def clean_png(content: bytes) -> bytes:
    """Return a PNG with its picture alone: no texts, no profiles, no times.

    Raises:
        TooLarge: More than 1 MiB.
        InvalidInput: No PNG, a broken one, or one of more than 4,000 pixels a side.
    """
    if len(content) > BYTES_MAX:
        message = f"the logo has {len(content)} bytes, {BYTES_MAX} are allowed; make it smaller"
        raise TooLarge(message)
    if not content.startswith(SIGNATURE):
        message = "a logo is a PNG file; convert it first"
        raise InvalidInput(message, field="/logo")
    made, at, seen = bytearray(SIGNATURE), len(SIGNATURE), []
    while at < len(content):
        kind, chunk = _chunk(content, at)
        if kind in KEPT:
            made += content[at : at + 12 + len(chunk)]
            seen.append((kind, chunk))
        at += 12 + len(chunk)
        if kind == b"IEND":
            break
    _check(seen)
    return bytes(made)


def _chunk(content: bytes, at: int) -> tuple[bytes, bytes]:
    head = content[at : at + 8]
    size = int.from_bytes(head[:4], "big")
    kind, chunk, crc = head[4:], content[at + 8 : at + 8 + size], content[at + 8 + size : at + 12 + size]
    if len(head) < 8 or len(crc) < 4 or zlib.crc32(kind + chunk) != int.from_bytes(crc, "big"):  # noqa: PLR2004 - the format's sizes
        raise _broken()
    return kind, chunk


def _check(seen: list[tuple[bytes, bytes]]) -> None:
    kinds = [kind for kind, _ in seen]
    if kinds[:1] != [b"IHDR"] or kinds[-1:] != [b"IEND"] or b"IDAT" not in kinds or len(seen[0][1]) != 13:  # noqa: PLR2004 - the format's size
        raise _broken()
    width, height, depth, colour = struct.unpack(">IIBB", seen[0][1][:10])
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
        message = f"the logo has {width} x {height} pixels, {SIDE_MAX} a side are allowed"
        raise InvalidInput(message, field="/logo")
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0)
    most = height * (1 + (width * channels * depth + 7) // 8) * 2 + 4096  # twice, for what interlacing adds
    unpacked = zlib.decompressobj()
    try:
        size = len(unpacked.decompress(b"".join(chunk for kind, chunk in seen if kind == b"IDAT"), most))
    except zlib.error:
        raise _broken() from None
    if not channels or not size or unpacked.unconsumed_tail:
        raise _broken()


def _broken() -> InvalidInput:
    return InvalidInput("this PNG is damaged; save it again", field="/logo")
