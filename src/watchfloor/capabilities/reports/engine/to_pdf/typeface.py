"""Read what a font's file says of itself: families, weights, and which characters have glyphs. Pure.

Only what decides which font a text needs; drawing is typst's. Formats of files are TrueType, OpenType and their collections.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES: Final = (".otc", ".otf", ".ttc", ".ttf")
ONE: Final = (b"\x00\x01\x00\x00", b"OTTO", b"true")
SEVERAL: Final = b"ttcf"
WEB: Final = (b"wOFF", b"wOF2")
OUTLINES: Final = frozenset((b"CBDT", b"CFF ", b"CFF2", b"COLR", b"SVG ", b"glyf", b"sbix"))
MOST_FACES, MOST_TABLES, MOST_BYTES = 64, 256, 8 << 20
FAMILY: Final = (16, 1)  # the family of all weights, else of four
CHARACTERS: Final = (
    (3, 10),
    (0, 6),
    (0, 4),
    (3, 1),
    (0, 3),
    (0, 2),
    (0, 1),
    (0, 0),
)  # platforms and encodings of Unicode, the fullest first


class BrokenFont(Exception):
    """A file is no font that can be used; the message says why."""


def refused(name: str, reason: object) -> GiveUp:
    """Return what to say of a font of the operator's that cannot be used."""
    return GiveUp(f"the font {name} in WATCHFLOOR_REPORTS_FONT_DIR cannot be used: {reason}; replace it or take it out")


class Glyphs:
    """Characters that have a glyph."""

    def __init__(self, runs: Iterator[tuple[int, int]]) -> None:
        """Take the first and last of each run, in any order."""
        told = sorted(runs)
        self.firsts = array("L", [first for first, _ in told])
        self.lasts = array("L", [last for _, last in told])

    def __contains__(self, character: str) -> bool:
        """Tell whether a character has one."""
        at = bisect_right(self.firsts, ord(character)) - 1
        return at >= 0 and ord(character) <= self.lasts[at]

    def __iter__(self) -> Iterator[str]:
        """Yield every character."""
        return (chr(one) for first, last in zip(self.firsts, self.lasts, strict=True) for one in range(first, last + 1))


class Face:
    """One font of a file."""

    def __init__(self, family: str, weight: int, table: bytes, *, slanted: bool) -> None:
        """Keep the table of characters; it is read when it is asked for."""
        self.family, self.weight, self.slanted, self._table = family, weight, slanted, table

    @cached_property
    def glyphs(self) -> Glyphs:
        """Return which characters it has.

        Raises:
            BrokenFont: Its table of characters cannot be read.
        """
        try:
            return Glyphs(_characters(self._table))
        except (struct.error, IndexError, ValueError) as error:
            raise BrokenFont("its table of characters is cut off") from error


class Table(NamedTuple):
    """Where a table lies in its file."""

    offset: int
    length: int


def faces(file: BinaryIO) -> list[Face]:
    """Return the fonts of a file.

    Raises:
        BrokenFont: It is none, or is cut off.
    """
    try:
        return _Reading(file).faces()
    except (struct.error, IndexError) as error:
        raise BrokenFont("it is cut off") from error


class _Reading:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, 2)
        self.tables: dict[Table, bytes] = {}  # fonts of a collection share them

    def faces(self) -> list[Face]:
        kind = self.bytes(Table(0, 4))
        if kind in WEB:
            raise BrokenFont("it is packed for the web; unpack it to .ttf or .otf")
        if kind == SEVERAL:
            (count,) = struct.unpack(">L", self.bytes(Table(8, 4)))
            if not 0 < count <= MOST_FACES:
                raise BrokenFont(f"it says that it holds {count} fonts; 1 to {MOST_FACES} are read")
            return [self.face(at) for at in struct.unpack(f">{count}L", self.bytes(Table(12, 4 * count)))]
        return [self.face(0)]

    def face(self, at: int) -> Face:
        kind, count = struct.unpack(">4sH", self.bytes(Table(at, 6)))
        if kind not in ONE:
            raise BrokenFont("it is neither TrueType nor OpenType")
        if not 0 < count <= MOST_TABLES:
            raise BrokenFont(f"it says that it has {count} tables; 1 to {MOST_TABLES} are read")
        found = {
            name: Table(offset, length) for name, _, offset, length in struct.iter_unpack(">4sLLL", self.bytes(Table(at + 12, 16 * count)))
        }
        for name, one in found.items():
            if one.offset + one.length > self.size:
                raise BrokenFont(f"its table {name.decode('latin-1')!r} ends behind the end of the file")
        if lost := {b"cmap", b"name"} - found.keys():
            raise BrokenFont(f"it has no table {min(lost).decode()!r}")
        if not OUTLINES & found.keys():
            raise BrokenFont("it has no glyphs")
        weight, slanted = self._style(found.get(b"OS/2"))
        return Face(_family(self.bytes(found[b"name"])), weight, self.bytes(found[b"cmap"]), slanted=slanted)

    def _style(self, table: Table | None) -> tuple[int, bool]:
        """Return weight and whether it is italic or oblique."""
        if table is None:
            return 400, False
        told = self.bytes(table)
        (weight,), (selection,) = struct.unpack_from(">H", told, 4), struct.unpack_from(">H", told, 62)
        return int(weight), bool(selection & 0x201)

    def bytes(self, table: Table) -> bytes:
        if table.length > MOST_BYTES:
            raise BrokenFont(f"one of its tables has {table.length} bytes; {MOST_BYTES} are read")
        if table not in self.tables:
            self.file.seek(table.offset)
            told = self.file.read(table.length)
            if len(told) != table.length:
                raise BrokenFont("it is cut off")
            self.tables[table] = told
        return self.tables[table]


def _family(table: bytes) -> str:
    count, texts = struct.unpack_from(">HH", table, 2)
    told: dict[int, str] = {}
    for at in range(count):
        platform, _, language, name, length, offset = struct.unpack_from(">6H", table, 6 + 12 * at)
        if name in FAMILY and (platform == 0 or (platform, language) == (3, 0x409)):
            told[name] = table[texts + offset : texts + offset + length].decode("utf-16-be", "replace")
        elif name in FAMILY and platform == 1:
            told.setdefault(name, table[texts + offset : texts + offset + length].decode("mac-roman"))
    return next((told[name] for name in FAMILY if told.get(name)), "")


def _characters(table: bytes) -> Iterator[tuple[int, int]]:
    """Yield runs of characters of the fullest table that is known here."""
    (count,) = struct.unpack_from(">H", table, 2)
    found = {(platform, encoding): at for platform, encoding, at in struct.iter_unpack(">HHL", table[4 : 4 + 8 * count])}
    for key in CHARACTERS:
        if (at := found.get(key)) is None:
            continue
        match struct.unpack_from(">H", table, at)[0]:
            case 12:
                return _grouped(table, at)
            case 4:
                return _segmented(table, at)
    raise BrokenFont("it has no table of Unicode characters in format 4 or 12")


def _grouped(table: bytes, at: int) -> Iterator[tuple[int, int]]:
    (count,) = struct.unpack_from(">L", table, at + 12)
    told = table[at + 16 : at + 16 + 12 * count]
    if len(told) != 12 * count:
        raise IndexError
    for first, last, glyph in struct.iter_unpack(">LLL", told):
        if first > last or last > 0x10FFFF:  # noqa: PLR2004 - the last character there is
            raise IndexError
        if glyph or first < last:
            yield first + (not glyph), last


def _segmented(table: bytes, at: int) -> Iterator[tuple[int, int]]:
    count = struct.unpack_from(">H", table, at + 6)[0] // 2
    lasts, firsts, steps, places = (
        struct.unpack_from(f">{count}H", table, at + 14 + 2 * count * part + (2 if part else 0)) for part in range(4)
    )
    begin, seen = at + 16 + 6 * count, -1
    for number, (first, last, step, place) in enumerate(zip(firsts, lasts, steps, places, strict=True)):
        for character in range(max(first, seen + 1), last + 1):  # they are in order; whatever a file says, none is looked at twice
            glyph = (character + step) & 0xFFFF
            if place:
                (glyph,) = struct.unpack_from(">H", table, begin + 2 * number + place + 2 * (character - first))
            if glyph and character != 0xFFFF:  # noqa: PLR2004 - ends every table
                yield character, character
        seen = max(seen, last)
