"""What a capability tells, as a part of a PDF. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.to_pdf.front import figure
from watchfloor.capabilities.reports.engine.to_pdf.heights import BROAD, PAGE, Cell, column, height
from watchfloor.capabilities.reports.engine.to_pdf.plan import COLUMNS
from watchfloor.capabilities.reports.engine.translate import said
from watchfloor.kernel.sections import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.shapes import Piece
    from watchfloor.capabilities.reports.engine.to_pdf.show import Show
    from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead, Head, SectionHead, TableHead

WHOLE: Final = 30  # lines of a row that certainly fit on a page
LINE, BROAD_LINE = 95, 143  # characters across an upright page, and across one on its side
AROUND: Final = 2  # what a column needs besides its characters, in characters
WORD, TEXT = 16, 60  # the longest word that is kept whole, and the longest text that a column is made wider for
MOMENT: Final = (10, 27)  # the longest word of a moment, and all of it


class Layout:
    """How a table stands on its pages: upright or on their side, and how many characters wide its columns are.

    Words of heads and cells are kept whole as far as there is room; what is left goes to the columns with the longest texts. `sample` are rows of
    the table: the same for all its parts, so that they look alike.
    """

    def __init__(self, table: TableHead, heads: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> None:
        """Share the width of a page between the columns."""
        self.broad = len(table.columns) > COLUMNS
        line = BROAD_LINE if self.broad else LINE
        needs, wishes = list[float](), list[float]()
        for one, head in zip(table.columns, heads, strict=True):
            cells = [_lengths(row.get(one.name), one.sort) for row in sample]
            word = max((longest for longest, _ in cells), default=0)
            needs.append(max(_word(head), min(word, WORD)) + AROUND)
            whole = max((len(head), *(length for _, length in cells)))
            wishes.append(max(min(whole, TEXT) + AROUND - needs[-1], 0))
        left, wished = line - sum(needs), sum(wishes)
        part = left / wished if left > 0 and wished else 0
        widths = [need + wish * part for need, wish in zip(needs, wishes, strict=True)]
        self.widths = [one * line / sum(widths) for one in widths]
        # About how many characters stand beside each other, and how wide the text is, in points.
        self.rooms = [max(4, int(one - AROUND)) for one in self.widths]
        self.columns = [column(one / line, BROAD if self.broad else PAGE) for one in self.widths]


def _lengths(value: object, sort: Sort) -> tuple[int, int]:
    """Return how long the longest word of a cell is, and all of it."""
    match value:
        case None | bool():
            return 0, 0
        case str() if sort == Sort.MOMENT:
            return MOMENT
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _word(told), len(told)


def _word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def section(
    head: Head, piece: Piece, rows: Callable[[Piece], Sequence[dict[str, Any]]], show: Show, sample: Callable[[Piece], Sequence[dict[str, Any]]], *, figures: bool
) -> dict[str, Any]:  # fmt: skip
    """Return words and, if asked for, figures where the section begins, and tables with their rows; `sample` gives some of all rows of a table."""
    found = next(one for one in head.sections if one.name == piece.section)
    tables = {one.key: one for one in found.tables}
    told = [_filled(tables[one.table], rows(one), show, sample(one)) for one in (piece, *piece.more) if one.table]
    intro = _intro(found, show, figures=figures) if piece.intro else None
    return {"intro": intro, "tables": told, "broad": any(one["broad"] for one in told)}


def _filled(table: TableHead, rows: Sequence[dict[str, Any]], show: Show, sample: Sequence[dict[str, Any]]) -> dict[str, Any]:
    heads = [show.line(f"{one.title} ({one.unit})" if one.unit else one.title, 40) for one in table.columns]
    layout = Layout(table, heads, [said(table.columns, row) for row in sample])
    fitting = list(zip(table.columns, layout.rooms, strict=True))
    cells = [[_cell(row.get(one.name), one, room, show) for one, room in fitting] for row in (said(table.columns, row) for row in rows)]
    return _table(table, heads, layout, show) | {
        "rows": cells, "broad": layout.broad, "heights": [_tall(row, table, layout, show) for row in cells],
        "parted": any(sum(map(len, told)) > WHOLE * room for row in cells for told, room in zip(row, layout.rooms, strict=True)),
    }  # fmt: skip


def _tall(row: list[str | list[str]], table: TableHead, layout: Layout, show: Show) -> float | None:
    names = show.words["severity"]
    return height(
        Cell(
            names.get(told, told) if one.sort == Sort.SEVERITY and isinstance(told, str) else told, width,
            code=one.sort == Sort.CODE, strong=one.sort == Sort.SEVERITY,
        )
        for told, one, width in zip(row, table.columns, layout.columns, strict=True)
    )  # fmt: skip


def _intro(found: SectionHead, show: Show, *, figures: bool) -> dict[str, Any]:
    empty = [show.reader.named(show.line(one.title), show.line(one.empty)) for one in found.tables if not one.rows]
    return {
        "paragraphs": [show.spans(one) for one in show.prose(found.summary)], "figures": [figure(one, show) for one in found.figures if figures],
        "notes": [show.line(one, 500) for one in (*found.notes, *empty)],
    }  # fmt: skip


def _cell(value: object, column: ColumnHead, room: int, show: Show) -> str | list[str]:
    # The number of a port is a name: it has no separators.
    told = str(value) if column.name == "port" and isinstance(value, int) else show.cell(value, column.sort)
    return told if column.sort == Sort.SEVERITY else show.soft(told, room)


def _table(table: TableHead, heads: Sequence[str], layout: Layout, show: Show) -> dict[str, Any]:
    return {
        "title": show.title(table.title), "remarks": [], "kinds": [str(one.sort) for one in table.columns], "widths": layout.widths,
        "heads": [show.soft(one, room) for one, room in zip(heads, layout.rooms, strict=True)],
    }  # fmt: skip
