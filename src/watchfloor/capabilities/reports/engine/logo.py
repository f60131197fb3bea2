"""Logos that reports may show: small PNG files that are what they say, and drawings of shapes alone. Pure."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from watchfloor.capabilities.reports.engine import drawing_logo
from watchfloor.kernel.errors import InvalidInput, TooLarge

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
BYTES_MAX: Final = 1 << 20
SIDE_MAX: Final = 4000
BLOCK: Final = 1 << 16
# By the number of a sort of colour: values a pixel, and how many bits each may have.
SORTS: Final = {0: (1, (1, 2, 4, 8, 16)), 2: (3, (8, 16)), 3: (1, (1, 2, 4, 8)), 4: (2, (8, 16)), 6: (4, (8, 16))}
INDEXED: Final = 3
LAST_FILTER: Final = 4
ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # PNG, 8.1
KEPT: Final = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def clean(content: bytes) -> bytes:
    """Return a logo with its picture alone, ready to be shown.

    Raises:
        TooLarge: More than 1 MiB.
        InvalidInput: Neither a PNG nor a drawing, or one that reports do not show.
    """
    _small(content)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"<":
        return clean_png(content)
    made = drawing_logo.clean_svg(content)
    _small(made)
    return made


def media_type(logo: bytes) -> str:
    """Return what a cleaned logo is; empty for anything that was not cleaned."""
    return "image/png" if logo.startswith(SIGNATURE) else "image/svg+xml" if logo.startswith(drawing_logo.START) else ""


def _small(content: bytes) -> None:
    if len(content) > BYTES_MAX:
        message = f"the logo has {len(content)} bytes, {BYTES_MAX} are allowed; make it smaller"
        raise TooLarge(message)


def clean_png(content: bytes) -> bytes:
    """Return a PNG with its picture alone: no texts, no profiles, no times.

    Raises:
        TooLarge: More than 1 MiB.
        InvalidInput: No PNG, a broken one, or one of more than 4,000 pixels a side.
    """
    _small(content)
    if not content.startswith(SIGNATURE):
        message = "a logo is a PNG or SVG file; convert it first"
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
    if kinds[:1] != [b"IHDR"] or kinds.count(b"IHDR") > 1 or kinds[-1:] != [b"IEND"] or len(seen[0][1]) != 13:  # noqa: PLR2004 - the format's size
        raise _broken()
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", seen[0][1])
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
        message = f"the logo has {width} x {height} pixels, {SIDE_MAX} a side are allowed"
        raise InvalidInput(message, field="/logo")
    channels, depths = SORTS.get(colour, (0, ()))
    if depth not in depths or packing or filtering or interlace > 1:
        raise _broken()
    if colour == INDEXED and not any(kind == b"PLTE" and chunk and len(chunk) % 3 == 0 for kind, chunk in seen):
        raise _broken()
    packed = b"".join(chunk for kind, chunk in seen if kind == b"IDAT")
    _unpack(packed, [length for w, h in _passes(width, height, interlace) for length in [1 + (w * channels * depth + 7) // 8] * h])


def _passes(width: int, height: int, interlace: int) -> list[tuple[int, int]]:
    """Return width and height of the pictures that follow each other in the file: one, or seven that grow finer."""
    if not interlace:
        return [(width, height)]
    sizes = (((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for x, y, dx, dy in ADAM7)
    return [(w, h) for w, h in sizes if w > 0 and h > 0]


def _unpack(packed: bytes, rows: list[int]) -> None:
    """Read all rows, a small part in memory: each begins with one of five filters, and nothing may lack or follow."""
    unpacked, left, held = zlib.decompressobj(), packed, bytearray()
    try:
        for length in rows:
            while len(held) < length:
                more = unpacked.decompress(left, BLOCK)
                left = unpacked.unconsumed_tail
                if not more:
                    raise _broken()
                held += more
            if held[0] > LAST_FILTER:
                raise _broken()
            del held[:length]
        if held or unpacked.decompress(left, 1) or not unpacked.eof:
            raise _broken()
    except zlib.error:
        raise _broken() from None


def _broken() -> InvalidInput:
    return InvalidInput("this PNG is damaged; save it again", field="/logo")
