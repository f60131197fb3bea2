"""A worksheet's rows as XML: XlsxWriter makes the workbook, its rows are written here, each in one piece and no cell of it computed. Pure.

XlsxWriter passes a text that begins with <r> and ends with </r> on as markup, and spends three times as long on a cell.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]  # it has no types

from watchfloor.capabilities.reports.engine.guard import guarded
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.kernel.sections import Sort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead

CELL_MAX: Final = 32_767
EXACT: Final = 1 << 53  # above, a spreadsheet's numbers lose digits
CUT: Final = " […]"
SHORT: Final = 200
DAY: Final = timedelta(days=1)
DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet counts days from there and knows no zones
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9999
# A spreadsheet reads _x0041_ as the letter A.
CODED: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


class Rows:
    """Writes the rows of one worksheet, in their order."""

    def __init__(self, sheet: Any, columns: Sequence[ColumnHead], moment: Any, zone: tzinfo) -> None:  # noqa: ANN401 - a library without types
        """Write below the head of a worksheet that keeps no rows in memory; moments have a format and a zone."""
        self._sheet, self._moment, self._zone = sheet, f' s="{moment._get_xf_index()}"', zone  # noqa: SLF001 - it has no other name
        self._columns = [(f'<c r="{xl_col_to_name(n)}', one.name, one.sort is Sort.MOMENT) for n, one in enumerate(columns)]

    def begin(self, count: int) -> None:
        """Close the head; `count` rows follow."""
        self._sheet._check_dimensions(count, max(len(self._columns) - 1, 0))  # noqa: SLF001 - what write() does for a cell
        self._sheet._write_single_row(1)  # noqa: SLF001 - what write() does where a row begins

    def write(self, line: int, row: Mapping[str, Any]) -> None:
        """Write a row of JSON values; the head is line 0."""
        number = str(line + 1)
        told = [f'<row r="{number}">']
        for where, name, moment in self._columns:
            value = row.get(name)
            if value in (None, "", []):
                continue
            told += (where, number, '"', self._moved(value) if moment and type(value) is str else _cell(value))
        told.append("</row>")
        self._sheet.fh.write("".join(told))

    def _moved(self, value: str) -> str:
        at = _days(value, self._zone)
        return f"{self._moment}><v>{at}</v></c>" if at else _cell(value)


def text(value: str) -> str:
    """Return text that a cell can hold and nobody computes."""
    told = guarded(visible(value[: CELL_MAX + 1]))
    # Excel counts a character beyond the first plane as two.
    if len(told) <= CELL_MAX // 2 or len(told.encode("utf-16-le", "replace")) // 2 <= CELL_MAX:
        return told
    return told.encode("utf-16-le", "replace")[: 2 * (CELL_MAX - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell
    """Return what follows a cell's address."""
    match value:
        case str():
            return _text(value)
        case bool():
            return f' t="b"><v>{int(value)}</v></c>'
        case int() | float() if abs(value) <= EXACT:
            return f"><v>{value!r}</v></c>"
        case list():
            return _text(" ".join([str(one) for one in value]))
    return _text(str(value))


def _text(value: str) -> str:
    return _repeated(value) if len(value) < SHORT else _string(value)


@lru_cache(maxsize=4096)
def _repeated(value: str) -> str:
    # Checks, remedies and products repeat from row to row.
    return _string(value)


def _string(value: str) -> str:
    told = escape(text(value), quote=False)
    if "_x" in told:
        told = CODED.sub("_x005F_", told)
    return f' t="inlineStr"><is><t xml:space="preserve">{told}</t></is></c>'


@lru_cache(maxsize=4096)
def _days(value: str, zone: tzinfo) -> str:
    """Return a moment as a spreadsheet's days, empty when it is none that a spreadsheet knows."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return ""
    if at.tzinfo is None or not FIRST_YEAR < at.year < LAST_YEAR:
        return ""
    return f"{(at.astimezone(zone).replace(tzinfo=None) - DAY_ZERO) / DAY:.16G}"
