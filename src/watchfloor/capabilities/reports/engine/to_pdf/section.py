"""What a capability tells, as a part of a PDF. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.to_pdf.front import figure
from watchfloor.capabilities.reports.engine.to_pdf.heights import Cell, column, height
from watchfloor.capabilities.reports.engine.translate import said
from watchfloor.kernel.sections import Sort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.shapes import Piece
    from watchfloor.capabilities.reports.engine.to_pdf.show import Show
    from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead, Head, SectionHead, TableHead

# How much of a page's width a column gets beside the others.
WIDTHS: Final = {
    Sort.PROSE: 3.0,
    Sort.CODE: 2.0,
    Sort.TEXT: 1.6,
    Sort.LIST: 1.8,
    Sort.MOMENT: 1.5,
    Sort.SEVERITY: 1.1,
    Sort.NUMBER: 0.8,
    Sort.FLAG: 0.7,
}

LINE: Final = 95  # characters across a page


def section(head: Head, piece: Piece, rows: Sequence[dict[str, Any]], show: Show) -> dict[str, Any]:
    """Return words and figures where the section begins, and rows of one of its tables."""
    found = next(one for one in head.sections if one.name == piece.section)
    table = next((one for one in found.tables if one.key == piece.table), None)
    told: dict[str, Any] = {"intro": _intro(found, show) if piece.intro else None, "table": None, "rows": []}
    if table is not None:
        fitting = list(zip(table.columns, _rooms(table), strict=True))
        cells = [[_cell(row.get(one.name), one, room, show) for one, room in fitting] for row in (said(table.columns, row) for row in rows)]
        told |= {"table": _table(table, show), "rows": cells, "heights": [_tall(row, table, show) for row in cells]}
    return told


def _tall(row: list[str | list[str]], table: TableHead, show: Show) -> float | None:
    whole, names = sum(WIDTHS[one.sort] for one in table.columns), show.words["severity"]
    return height(
        Cell(
            names.get(told, told) if one.sort == Sort.SEVERITY and isinstance(told, str) else told, column(WIDTHS[one.sort] / whole),
            code=one.sort == Sort.CODE, strong=one.sort == Sort.SEVERITY,
        )
        for told, one in zip(row, table.columns, strict=True)
    )  # fmt: skip


def _intro(found: SectionHead, show: Show) -> dict[str, Any]:
    empty = [f"{show.line(one.title)}: {show.line(one.empty)}" for one in found.tables if not one.rows]
    return {
        "paragraphs": show.prose(found.summary), "figures": [figure(one, show) for one in found.figures],
        "notes": [show.line(one, 500) for one in (*found.notes, *empty)],
    }  # fmt: skip


def _cell(value: object, column: ColumnHead, room: int, show: Show) -> str | list[str]:
    told = show.cell(value, column.sort)
    return told if column.sort == Sort.SEVERITY else show.soft(told, room)


def _rooms(table: TableHead) -> list[int]:
    """Return about how many characters stand beside each other in each column."""
    whole = sum(WIDTHS[one.sort] for one in table.columns)
    return [max(4, int(LINE * WIDTHS[one.sort] / whole) - 2) for one in table.columns]


def _table(table: TableHead, show: Show) -> dict[str, Any]:
    return {
        "title": show.title(table.title), "remarks": [], "kinds": [str(one.sort) for one in table.columns], "widths": [WIDTHS[one.sort] for one in table.columns],
        "heads": [show.soft(show.line(f"{one.title} ({one.unit})" if one.unit else one.title, 40), room) for one, room in zip(table.columns, _rooms(table), strict=True)],
    }  # fmt: skip
