"""Values of a snapshot as people read them on paper: bounded, visible, in a language and a time zone. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from watchfloor.capabilities.reports.engine.text import CUT, visible
from watchfloor.capabilities.reports.engine.to_pdf.glyphs import fit
from watchfloor.capabilities.reports.engine.to_pdf.words import words
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.kernel.sections import Sort

CELL: Final = 160
PROSE: Final = 4_000
CODE: Final = 6_000
LINES: Final = 60


class Show:
    """Makes text fit to be printed, and counts what could not be printed as it was."""

    def __init__(self, locale: str, time_zone: str, *, plain: bool = False) -> None:
        """Speak to a reader; `plain` replaces all but the commonest letters."""
        self._plain = plain
        self.reader = Words(locale, time_zone)
        self.words = words(self.reader)
        self.missing = 0
        self.cut = 0

    def line(self, text: object, most: int = CELL) -> str:
        """Return one line."""
        return self._fit(self._short(visible(" ".join(str(text)[: 4 * most].split())), most))

    def soft(self, told: str, most: int) -> str | list[str]:
        """Return a line for a narrow place: in pieces, if one of its words has more characters than fit there."""
        return told if max(map(len, told.split()), default=0) <= most else re.findall(rf"\S{{1,{most}}}|\s+", told)

    def title(self, text: object) -> str:
        """Return one line that is not empty: a heading without words has no place in a table of contents."""
        return self.line(text, 200).strip() or "\N{EN DASH}"

    def prose(self, text: str) -> list[str]:
        """Return paragraphs."""
        told = self._fit(self._short(visible(text[: 4 * PROSE]), PROSE)).replace("\t", " ")
        return [one for one in told.split("\n") if one.strip()]

    def code(self, text: str) -> str:
        """Return lines that are shown as they are, as many as fit a page."""
        lines = visible(text[: 4 * CODE]).expandtabs(4).split("\n")
        kept = "\n".join(lines[:LINES])
        if len(lines) > LINES:
            self.cut += 1
            kept += "\n" + CUT.strip()
        return self._fit(self._short(kept, CODE))

    def number(self, value: float | None, unit: str = "") -> str:
        """Return a number with the language's separators; unknown is empty."""
        if value is None:
            return ""
        told = self.reader.number(value)
        return f"{told} {unit}" if unit else told

    def day(self, moment: str | datetime | None) -> str:
        """Return a date as the language writes it."""
        found = _moment(moment)
        return self._fit(self.reader.day(found)) if found else ""

    def minute(self, moment: str | datetime | None) -> str:
        """Return a date and time with its distance from UTC."""
        found = _moment(moment)
        return self._fit(self.reader.moment(found)) if found else ""

    def cell(self, value: Any, sort: Sort) -> str:  # noqa: ANN401 - a cell of any column
        """Return a cell of a section's table."""
        match value:
            case None:
                told = ""
            case bool():
                told = str(self.words["yes" if value else "no"])
            case int() | float() if sort == Sort.NUMBER:
                told = self.number(value)
            case list():
                told = self.line(", ".join(map(str, value)))
            case _ if sort == Sort.MOMENT:
                told = self.minute(str(value))
            case _:
                told = self.line(value, PROSE // 10 if sort == Sort.PROSE else CELL)
        return told

    def _short(self, text: str, most: int) -> str:
        if len(text) <= most:
            return text
        self.cut += 1
        return text[: most - len(CUT)] + CUT

    def _fit(self, text: str) -> str:
        shown, missing = fit(text, plain=self._plain)
        self.missing += missing
        return shown


def _moment(told: str | datetime | None) -> datetime | None:
    """Return an aware moment; what is none is unknown."""
    if isinstance(told, str):
        try:
            told = datetime.fromisoformat(told)
        except ValueError:
            return None
    return told if told is not None and told.tzinfo else None
