"""Render every table of a snapshot as a sheet of an XLSX workbook, row by row; no cell is computed, linked or guessed. Pure.

Rows wait in temporary files of the box; memory does not grow with their number.
"""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import xlsxwriter  # type: ignore[import-untyped]  # it has no types

from watchfloor.capabilities.reports.engine.filtered import left_out, plain
from watchfloor.capabilities.reports.engine.machine import TOOL, VERSION, moment
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.sheet import Rows, text
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.capabilities.reports.schemas.findings import findings_head
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS, ColumnHead, TableHead
from watchfloor.kernel.sections import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.schemas.snapshot import Options

ROWS_PER_SHEET: Final = 1_048_575  # a sheet's 1,048,576 less its header
NAME_MAX: Final = 31
A4: Final = 9
TITLE: Final = 56  # characters wide
BLOCK: Final = 1 << 20
FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\]")
ABOUT: Final = TableHead(
    key="about", title="About", columns=(ColumnHead(name="fact", title="Fact"), ColumnHead(name="value", title="Value", sort=Sort.PROSE))
)
WIDTHS: Final = {
    Sort.TEXT: 28, Sort.PROSE: 60, Sort.CODE: 34, Sort.NUMBER: 10, Sort.MOMENT: 18, Sort.SEVERITY: 10, Sort.FLAG: 8, Sort.LIST: 24,
}  # fmt: skip


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write the findings, the sections' tables, and a sheet that says what this is. Moments are in the reader's zone, and their column says so."""
    with tempfile.TemporaryFile() as file:
        book = _Book(file, spool, options)
        tables = [findings_head(spool.counts.get(FINDINGS, 0)), *(table for section in spool.head.sections for table in section.tables)]
        shown = sum(book.table(spool, table) for table in tables)
        book.about(spool)
        book.close()
        file.seek(0)
        while block := file.read(BLOCK):
            out(block)
    return Rendered(rows_shown=shown, rows_total=shown)


class _Book:
    def __init__(self, file: Any, spool: Spool, options: Options) -> None:  # noqa: ANN401 - a file
        self._book = xlsxwriter.Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "tmpdir": tempfile.gettempdir()}
        )  # fmt: skip
        self._book.set_properties({
            "title": text(spool.head.title)[:255], "author": text(options.author)[:255], "company": text(spool.head.org)[:255],
            "comments": f"{TOOL} {VERSION}, snapshot {spool.sha256}", "created": spool.head.as_of.astimezone(UTC).replace(tzinfo=None),
        })  # fmt: skip
        self._head = self._book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
        self._zone_name, self._zone = _zone(options.time_zone)
        self._names: set[str] = set()

    def table(self, spool: Spool, table: TableHead) -> int:
        """Write one table, on as many sheets as it needs; return its rows."""
        total = spool.counts.get(table.key, 0)
        rows = spool.rows(table.key)
        for number in range(max(1, -(-total // ROWS_PER_SHEET))):
            self._sheet(table, rows, min(ROWS_PER_SHEET, total - number * ROWS_PER_SHEET), number)
        return total

    def about(self, spool: Spool) -> None:
        """Write what, when, from what, and about what nothing can be said."""
        facts = [{"fact": fact, "value": value} for fact, value in _facts(spool, self._zone_name)]
        self._sheet(ABOUT, iter(facts), len(facts), 0)

    def close(self) -> None:
        """Write the file."""
        self._book.close()

    def _sheet(self, table: TableHead, rows: Iterator[dict[str, Any]], count: int, number: int) -> None:
        sheet = self._book.add_worksheet(self._name(table.title, number))
        sheet.freeze_panes(1, 0)
        # Printed, a table lies on its side, as wide as the page, and each page has its head.
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        for n, column in enumerate(table.columns):
            sheet.set_column(n, n, TITLE if column.name == "title" else WIDTHS[column.sort])
            sheet.write_string(0, n, text(self._title(column)), self._head)
        if table.columns:
            sheet.autofilter(0, 0, max(count, 1), len(table.columns) - 1)
        written = Rows(sheet, table.columns, self._moment, self._zone)
        written.begin(count)
        for line in range(1, count + 1):
            written.write(line, next(rows))

    def _title(self, column: ColumnHead) -> str:
        unit = column.unit or (self._zone_name if column.sort is Sort.MOMENT else "")
        return f"{column.title} ({unit})" if unit else column.title

    def _name(self, title: str, number: int = 0) -> str:
        """Return a sheet's name: at most 31 characters, unlike every other in any case of letters."""
        plain = FORBIDDEN.sub(" ", visible(title[:200])).strip("' \t\n") or "Table"
        plain = "".join(letter for letter in plain if letter.isprintable())
        number += 1
        while True:
            end = f" ({number})" if number > 1 else ""
            name = plain[: NAME_MAX - len(end)].strip("' ") + end
            # Excel counts in UTF-16, and keeps the name History for itself.
            fits = len(name.encode("utf-16-le")) // 2 <= NAME_MAX
            if fits and name.lower() not in self._names and name.lower() != "history":
                self._names.add(name.lower())
                return name
            plain, number = (plain, number + 1) if fits else (plain[: len(plain[:NAME_MAX]) - 1], number)


def _facts(spool: Spool, zone: str) -> Iterator[tuple[str, str]]:
    head = spool.head
    yield from (("Title", head.title), ("Organisation", head.org), ("About", head.subject), ("State", head.state or "complete"))
    yield from (
        ("As of", moment(head.as_of)),
        ("Time zone of the tables", zone),
        ("Snapshot (SHA-256)", spool.sha256),
        ("Made by", f"{TOOL} {VERSION}"),
    )
    yield from ((name, said) for name, said in (("Filtered", plain(head)), ("Left out", left_out(head, Words()))) if said)
    for section in head.sections:
        for kind, sentences in (("Not looked at", section.not_looked_at), ("Note", section.notes), ("Method", section.method)):
            yield from ((kind, f"{section.title}: {one}") for one in sentences)


def _zone(name: str) -> tuple[str, tzinfo]:
    try:
        return name, ZoneInfo(name)
    except (ValueError, OSError):
        return "UTC", UTC
