"""Values of a snapshot as people read them on paper: bounded, visible, in a language and a time zone. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.text import CUT, visible
from watchfloor.capabilities.reports.engine.to_pdf.fonts import Fonts
from watchfloor.capabilities.reports.engine.to_pdf.glyphs import FREE, fit
from watchfloor.capabilities.reports.engine.to_pdf.words import words
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.kernel.sections import Sort

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.to_pdf.fonts import Given

CELL: Final = 160
PROSE: Final = 4_000
CODE: Final = 6_000
LINES: Final = 60


class Plain(IntEnum):
    """Where only the commonest letters are shown, because typst could not set all."""

    NOWHERE = 0
    PICTURES = 1  # signs that share a glyph cannot stand in one
    ANYWHERE = 2


class Show:
    """Makes text fit to be printed, and counts what could not be printed as it was."""

    def __init__(self, locale: str, time_zone: str, given: Given | None = None, plain: Plain = Plain.NOWHERE) -> None:
        """Speak to a reader, with the operator's fonts if they are given; `plain` says where all but the commonest letters are replaced."""
        self.plain = plain
        self.fonts = Fonts(locale, given)
        self.reader = Words(locale, time_zone)
        self.words = words(self.reader)
        self.missing = 0
        self.cut = 0

    def counted(self, key: str, number: int, /, **places: str) -> str:
        """Return the sentence of ours of this name, in the form that the reader's language has for so many."""
        form = f"{key}_one" if self.reader.single(number) else key
        return str(self.words[form].format(**places))

    def line(self, text: object, most: int = CELL) -> str:
        """Return one line."""
        return self._fit(self._short(visible(" ".join(str(text)[: 4 * most].split())), most))

    def drawn(self, text: object, most: int) -> str:
        """Return one line that stands in a picture."""
        told = self.line(text, most)
        if self.plain is not Plain.PICTURES:
            return told
        shown, missing = fit(told, plain=True)
        self.missing += missing
        return shown

    def brief(self, text: object, most: int) -> str:
        """Return one line that stands in full elsewhere: nothing is lost by cutting it."""
        cut, told = self.cut, self.line(text, most)
        self.cut = cut
        return told

    def soft(self, told: str, most: int) -> str | list[str]:
        """Return a line for a narrow place: in pieces, if one of its words has more characters than fit there.

        Where a line may end without a space, nothing is cut: what stands there is a piece of its own, however long.
        """
        if max(map(len, told.split()), default=0) <= most:
            return told
        return re.findall(rf"[{FREE}]+|[^\s{FREE}]{{1,{most}}}|\s+", told)

    def title(self, text: object) -> str:
        """Return one line that is not empty: a heading without words has no place in a table of contents."""
        return self.line(text, 200).strip() or "\N{EN DASH}"

    def name(self, text: object) -> str:
        """Return one line that is not empty, for what no font shows: what a document says about itself."""
        return self._short(visible(" ".join(str(text)[:800].split())), 200).strip() or "\N{EN DASH}"

    def prose(self, text: str) -> list[str]:
        """Return paragraphs."""
        told = self._fit(self._short(visible(text[: 4 * PROSE]), PROSE)).replace("\t", " ")
        return [one for one in told.split("\n") if one.strip()]

    def spans(self, paragraph: str) -> list[str]:
        """Return a paragraph in pieces of which every second stood between backquotes."""
        pieces = paragraph.split("`")
        return pieces if len(pieces) % 2 else [paragraph]

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
        shown, missing = fit(text, self.fonts.find, plain=self.plain is Plain.ANYWHERE)
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
