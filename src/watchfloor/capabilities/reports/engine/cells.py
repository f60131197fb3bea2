"""One cell, one row and one finding of a table as markup; every text is made visible, cut and escaped here. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.links import MOST, web
from watchfloor.capabilities.reports.engine.text import evidence, line, prose
from watchfloor.capabilities.reports.engine.words import OURS
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.sections import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchfloor.capabilities.reports.engine.words import Words
    from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead

NOTHING: Final = '<span class="none">\N{EN DASH}</span>'
SHORT: Final = 300
HEX = re.compile(r"[0-9a-f]{8,64}\Z")
# What stands in the columns of the table itself; all else stands in the finding that a reader opens.
OPENED: Final = ("description", "evidence", "remedy", "references")
FACTS: Final = (
    "target",
    "state",
    "reason",
    "accepted_until",
    "kev",
    "fixed_in",
    "product",
    "version",
    "cpe",
    "check",
    "capability",
    "last_seen",
    "fixed_at",
    "fingerprint",
)
RANKS: Final = {str(severity): severity.rank for severity in Severity}


class Cells:
    """Writes cells for one reader."""

    def __init__(self, words: Words) -> None:
        """Speak to the reader whose words these are."""
        self._words = words
        # The same labels and often the same moments stand in every row.
        self._label: Callable[[str], str] = lru_cache(maxsize=256)(lambda english: escape(words(english)))
        self._day: Callable[[str], str] = lru_cache(maxsize=4096)(self._format_day)
        self._moment: Callable[[str], str] = lru_cache(maxsize=4096)(self._format_moment)
        self._badges = {word: f'<span class="badge is-{word}">{escape(words.severity(word))}</span>' for word in RANKS}

    def row(self, columns: Sequence[ColumnHead], row: Mapping[str, Any]) -> str:
        """Return a row of any table."""
        return f"<tr>{''.join([self.cell(column, row.get(column.name)) for column in columns])}</tr>\n"

    def finding(self, columns: Sequence[ColumnHead], row: Mapping[str, Any], facts: Mapping[str, ColumnHead]) -> str:
        """Return a row of findings; under its title stands all that is known about it, closed until somebody opens it."""
        fingerprint = str(row.get("fingerprint"))
        name = f' id="f-{fingerprint}"' if HEX.match(fingerprint) else ""
        told = [f"<tr{name}>"]
        for column in columns:
            if column.name == "title":
                title = _line(row.get("title") or "") or self._label("No title.")
                told.append(f'<td><details><summary>{title}</summary><div class="opened">{self.opened(row, facts)}</div></details></td>')
            else:
                told.append(self.cell(column, row.get(column.name)))
        return "".join(told) + "</tr>\n"

    def opened(self, row: Mapping[str, Any], facts: Mapping[str, ColumnHead]) -> str:
        """Return what a finding says: description, evidence, remedy, references, facts; what is empty is left out."""
        told = []
        if text := row.get("description"):
            told.append(f"<p>{_prose(text)}</p>")
        if text := row.get("evidence"):
            told.append(f'<p class="label">{self._label("Evidence")}</p><pre>{_evidence(text)}</pre>')
        if text := row.get("remedy"):
            told.append(f'<p class="label">{self._label("What to do")}</p><p>{_prose(text)}</p>')
        if found := row.get("references"):
            links = "".join([f"<li>{link(str(one))}</li>" for one in found[:100]])
            told.append(f'<p class="label">{self._label("References")}</p><ul>{links}</ul>')
        known = [(facts[name], row[name]) for name in FACTS if name in facts and row.get(name) not in (None, "", [])]
        pairs = "".join([f"<div><dt>{self._label(column.title)}</dt><dd>{self.inner(column, value)}</dd></div>" for column, value in known])
        return "".join(told) + (f'<dl class="facts">{pairs}</dl>' if pairs else "")

    def cell(self, column: ColumnHead, value: object) -> str:
        """Return a cell; what sorts differently from how it reads carries its value."""
        match value:
            case None | "" | []:
                return f'<td class="number">{NOTHING}</td>' if column.sort is Sort.NUMBER else f"<td>{NOTHING}</td>"
            case bool():
                return f"<td>{self.inner(column, value)}</td>"
            case int() | float():
                return f'<td class="number" data-v="{value!r}">{self.inner(column, value)}</td>'
            case str() if column.sort is Sort.MOMENT and (day := self._day(value)):
                return day
            case str() if column.sort is Sort.SEVERITY and value in RANKS:
                return f'<td data-v="{RANKS[value]}">{self._badges[value]}</td>'
        return f"<td>{self.inner(column, value)}</td>"

    def inner(self, column: ColumnHead, value: object) -> str:
        """Return what stands in a cell."""
        match value:
            case None | "" | []:
                return NOTHING
            case bool():
                return self._label("yes" if value else "no")
            case int() if column.name == "port":
                return str(value)
            case int() | float():
                return escape(self._words.number(value)) + (f" {_line(column.unit)}" if column.unit else "")
            case list():
                told = ", ".join([link(str(one)) for one in value[:100]]) + (" …" if len(value) > 100 else "")  # noqa: PLR2004 - as many as anybody reads
                return f'<span class="list">{told}</span>'
        return self._text(column, str(value))

    def _text(self, column: ColumnHead, text: str) -> str:
        match column.sort:
            case Sort.SEVERITY if text in RANKS:
                return self._badges[text]
            case Sort.MOMENT if moment := self._moment(text):
                return moment
            case Sort.CODE:
                return f"<code>{_evidence(text)}</code>"
            case Sort.PROSE:
                return _prose(text)
        if column.name in {"state", "change"} and text in OURS:
            word = self._words.severity(text)
            return escape(word[:1].upper() + word[1:])  # beside severities, which begin so
        return _line(text)

    def _format_day(self, text: str) -> str:
        if (moment := _moment(text)) is None:
            return ""
        return f'<td class="when" data-v="{int(moment.timestamp())}"><time datetime="{escape(text)}">{escape(self._words.day(moment))}</time></td>'

    def _format_moment(self, text: str) -> str:
        if (moment := _moment(text)) is None:
            return ""
        return f'<time datetime="{escape(text)}">{escape(self._words.moment(moment))}</time>'


def link(text: str) -> str:
    """Return an address as a link that tells nobody where the reader came from, or, when it is not fit to be followed, as text."""
    return _link(text[: MOST + 1])


@lru_cache(maxsize=4096)
def _link(text: str) -> str:
    if address := web(text):
        return f'<a href="{escape(address)}" rel="noreferrer noopener nofollow" target="_blank">{escape(address)}</a>'
    return _line(text)


def _shown(text: object, cut: Callable[[str], str]) -> str:
    told = str(text)
    return _short(told, cut) if len(told) <= SHORT else escape(cut(told))


@lru_cache(maxsize=4096)
def _short(text: str, cut: Callable[[str], str]) -> str:
    # Checks, remedies and products repeat from row to row.
    return escape(cut(text))


def _line(text: object) -> str:
    return _shown(text, line)


def _prose(text: object) -> str:
    return _shown(text, prose)


def _evidence(text: object) -> str:
    return _shown(text, evidence)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # The first and last year of the calendar have no other time zones.
    return found if found.tzinfo and 1 < found.year < 9999 else None  # noqa: PLR2004
