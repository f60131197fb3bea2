"""How high rows of tables are, where that is certain: typst sets a row of known height in half the time. Pure.

A row's height is told only when all its texts have letters whose widths are known, and when all their lines fit however typst breaks them; all
other rows are left to typst. Widths are those of templates/widths.txt, which typst was asked for; a test asks again.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from watchfloor.capabilities.reports.engine.to_pdf.glyphs import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MM: Final = 72 / 25.4
PAGE: Final = 170 * MM  # between its margins
BROAD: Final = 257 * MM  # the same of a page that lies on its side
# As `listing` in templates/look.typ has them.
INSET: Final = 1.6 * MM
ABOVE: Final = 1.5 * MM
SIZE: Final = 8.4
LEADING: Final = 0.62 * SIZE
CODE_SIZE: Final = 7.4
CODE_WIDTH: Final = 0.603  # of each letter, of its size
CAPITALS: Final = 0.692 * SIZE  # how high a line is; one of code is lower
STRONGER: Final = 1.25  # how much wider a strong letter is, at most
LEEWAY: Final = 0.1
# After these, and before what is no letter or digit, a space is not sure to be a place where a line may end.
OPENING: Final = frozenset("([{\"'`«»¡¿/-|")


class Cell(NamedTuple):
    """A text of one paragraph in a column of this width; pieces may be parted anywhere."""

    told: str | Sequence[str]
    width: float
    code: bool = False
    strong: bool = False


def column(share: float, page: float = PAGE) -> float:
    """Return how wide the text of a column is that takes this share of the page."""
    return page * share - 2 * INSET


def height(cells: Iterable[Cell | tuple[Cell, Cell]]) -> float | None:
    """Return a row's height in points, or None where it is not certain; of two texts in one cell, the second stands below."""
    most = 1
    for one in cells:
        lines = 0
        for cell in (one,) if isinstance(one, Cell) else one:
            found = _lines(cell)
            if found is None:
                return None
            lines += found
        most = max(most, lines)
    return round(most * CAPITALS + (most - 1) * LEADING + 2 * ABOVE, 2)


def _lines(cell: Cell) -> int | None:
    """Return how many lines a text has at most, or None where that is not certain."""
    room, told = cell.width - LEEWAY, cell.told
    whole = _width("".join(told), cell)
    if whole is None or whole <= room:
        return None if whole is None else 1
    space, lines, left = _width(" ", cell) or 0.0, 1, room
    for piece in _words(told) if isinstance(told, str) else told:
        wide = _width(piece, cell) or 0.0
        if wide > room:
            return None
        if wide > left:
            lines, left = lines + 1, room
        left -= wide + space
    return lines


def _words(text: str) -> list[str]:
    """Return what may stand on lines of its own."""
    if "  " in text or text != text.strip():
        return [text]
    words = list[str]()
    for word in text.split(" "):
        if words and (not word or not word[0].isalnum() or words[-1][-1] in OPENING):
            words[-1] += " " + word
        else:
            words.append(word)
    return words


def _width(text: str, cell: Cell) -> float | None:
    known = _widths()
    if cell.code:
        return len(text) * CODE_WIDTH * CODE_SIZE if all(map(known.__contains__, text)) else None
    try:
        return sum(map(known.__getitem__, text)) * SIZE / 1000 * (STRONGER if cell.strong else 1)
    except KeyError:
        return None


@lru_cache(maxsize=1)
def _widths() -> dict[str, int]:
    """Return how wide letters are, in thousandths of their size."""
    told: dict[str, int] = {}
    for entry in (files(PACKAGE) / "templates" / "widths.txt").read_text("ascii").split():
        run, _, width = entry.partition(":")
        first, _, last = run.partition("-")
        told |= {chr(code): int(width) for code in range(int(first, 16), int(last or first, 16) + 1)}
    return told
