"""Facts about logos: what every renderer can show is taken, the picture alone; all else is refused when it is sent."""

from __future__ import annotations

import struct
import zlib

import pytest
import typst

from watchfloor.capabilities.reports.engine.logo import SIGNATURE, clean_png
from watchfloor.kernel.errors import InvalidInput, TooLarge

SHOW = b'#set page(width: 50pt, height: 50pt)\n#image(bytes((%s)), format: "png", alt: "a")'


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 2, interlace: int = 0, palette: bytes = b"", extra: bytes = b""
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    middle = extra + (chunk(b"PLTE", palette) if palette else b"") + chunk(b"IDAT", zlib.compress(rows))
    return SIGNATURE + chunk(b"IHDR", head) + middle + chunk(b"IEND", b"")


GOOD = {
    "colours": png(3, 2, b"\0" * 20),
    "grey of one bit": png(9, 2, b"\0" * 6, depth=1, colour=0),
    "sixteen bits and transparent": png(2, 2, b"\4" + b"\0" * 16 + b"\2" + b"\0" * 16, depth=16, colour=6),
    "a palette": png(2, 1, b"\0\0\1", colour=3, palette=b"\0\0\0\xff\xff\xff"),
    "interlaced": png(3, 3, b"\0" * (4 + 4 + 7 + 2 * 4 + 10), colour=2, interlace=1),
    "one interlaced pixel": png(1, 1, b"\0" * 4, interlace=1),
}
BAD = {
    "too little": png(100, 100, b"\0" * 10),
    "too much": png(3, 2, b"\0" * 21),
    "a filter that is none": png(3, 2, b"\7" + b"\0" * 19),
    "a filter that is none, interlaced": png(1, 1, b"\7" * 4, interlace=1),
    "no palette": png(2, 1, b"\0\0\1", colour=3),
    "a palette of half a colour": png(2, 1, b"\0\0\1", colour=3, palette=b"\0\0"),
    "colours of one bit": png(8, 1, b"\0" * 4, depth=1),
    "a colour that is none": png(1, 1, b"\0\0", colour=5),
    "an order that is none": png(1, 1, b"\0" * 4, interlace=2),
    "two heads": png(3, 2, b"\0" * 20, extra=chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0))),
    "no picture": SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "more pixels than a page": png(4001, 1, b"\0" * 12004),
    "nothing": b"",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken_can_be_shown(name: str) -> None:
    clean = clean_png(GOOD[name])
    assert typst.compile(SHOW % b",".join(b"%d" % one for one in clean)).startswith(b"%PDF")


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_shown_is_refused_when_it_is_sent(name: str) -> None:
    with pytest.raises(InvalidInput):
        clean_png(BAD[name])


def test_only_the_picture_is_kept() -> None:
    told = png(3, 2, b"\0" * 20, extra=chunk(b"tEXt", b"Author\0Ann") + chunk(b"eXIf", b"secret"))
    assert clean_png(told) == GOOD["colours"]


def test_a_large_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        clean_png(SIGNATURE + bytes(1 << 20))
