"""Say what sections told in the reader's language: by the words that each section brings along. Pure.

A section's words are sentences in English, with `{places}` that stand for any text; numbers and moments in these places are written as the
reader does. What a section has no words for stays English, and so does every value that is no whole sentence: a host may have any name.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from watchfloor.capabilities.reports.engine.words import Words
    from watchfloor.capabilities.reports.schemas.snapshot import Chart, ColumnHead, Head, SectionHead, TableHead

PLACE: Final = re.compile(r"\{(\w+)\}")
NUMBER: Final = re.compile(r"\d{1,3}(?:,\d{3})*")
MOMENT: Final = "%d %B %Y, %H:%M UTC"
LONGEST: Final = 2000  # characters of a sentence; a longer one is somebody else's text
# What reports are called, the most special first; what stands in their places is somebody's name, or a section's title.
TITLES: Final = ("What changed between two scans of {org}", "Exposure of {tag}, {org}", "Exposure of {org}", "{title} of {org}")


def translated(head: Head, reader: Words) -> Head:
    """Return a head whose sections speak the reader's language."""
    language = reader.locale.language
    if language != reader.language or language == "en":
        return head
    speeches = [Speech(one.words.get(language, {}), reader) for one in head.sections]
    sections = tuple(_section(one, say) for one, say in zip(head.sections, speeches, strict=True))
    states = {one.state: told.state for one, told in zip(head.sections, sections, strict=True)}
    state = states.get(head.state, head.state)
    return head.model_copy(update={"title": _title(head, reader, speeches), "state": state, "sections": sections})


def said(columns: Iterable[ColumnHead], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row whose cells say our words as people read them; words of others stay as they are."""
    ours = {
        one.name: one.words[value] for one in columns if one.words and isinstance(value := row.get(one.name), str) and value in one.words
    }
    return {**row, **ours} if ours else row


class Speech:
    """The words of one section for one reader."""

    def __init__(self, words: Mapping[str, str], reader: Words) -> None:
        """Keep sentences with places apart from those without."""
        self._words, self._reader = words, reader
        self._patterns = [(_pattern(english), said) for english, said in words.items() if PLACE.search(english)]

    def __call__(self, english: str) -> str:
        """Return a sentence in the reader's language, where there are words for it."""
        if english in self._words:
            return self._words[english]
        if len(english) <= LONGEST:
            for pattern, said in self._patterns:
                if found := pattern.fullmatch(english):
                    return said.format(**{name: self._value(text) for name, text in found.groupdict().items()})
        return english

    def word(self, english: str) -> str:
        """Return a word, or any text as it is."""
        return self._words.get(english, english)

    def _value(self, text: str) -> str:
        if text.endswith("."):
            return self(text)
        if NUMBER.fullmatch(text):
            return self._reader.number(int(text.replace(",", "")))
        with suppress(ValueError):
            return self._reader.moment(datetime.strptime(text, MOMENT).replace(tzinfo=UTC))
        return text


def _pattern(english: str) -> re.Pattern[str]:
    """Return a pattern of a sentence with places; literal pieces between them keep its cost small."""
    pieces = PLACE.split(english)
    return re.compile("".join(re.escape(one) if n % 2 == 0 else f"(?P<{one}>.+?)" for n, one in enumerate(pieces)), re.DOTALL)


def _title(head: Head, reader: Words, sections: Iterable[Speech]) -> str:
    for english in TITLES:
        if found := _pattern(english).fullmatch(head.title):
            places = found.groupdict()
            if "title" in places:
                places["title"] = next(
                    (said for one in sections if (said := one.word(places["title"])) != places["title"]), reader(places["title"])
                )
            return reader(english).format(**places)
    return head.title


def _section(section: SectionHead, say: Speech) -> SectionHead:
    if not section.words:
        return section
    figures = tuple(one.model_copy(update={"label": say(one.label), "note": say(one.note)}) for one in section.figures)
    return section.model_copy(
        update={
            "title": say(section.title), "summary": say(section.summary), "state": say(section.state), "figures": figures, "charts": tuple(_chart(one, say) for one in section.charts),
            "tables": tuple(_table(one, say) for one in section.tables), "notes": tuple(map(say, section.notes)),
            "not_looked_at": tuple(map(say, section.not_looked_at)), "method": tuple(map(say, section.method)),
        }
    )  # fmt: skip


def _chart(chart: Chart, say: Speech) -> Chart:
    series = tuple(
        one.model_copy(
            update={
                "label": say(one.label),
                "points": tuple(point.model_copy(update={"label": say.word(point.label)}) for point in one.points),
            }
        )
        for one in chart.series
    )
    return chart.model_copy(update={"title": say(chart.title), "unit": say(chart.unit), "series": series})


def _table(table: TableHead, say: Speech) -> TableHead:
    columns = tuple(
        one.model_copy(update={"title": say(one.title), "unit": say.word(one.unit), "words": {word: say.word(word) for word in one.words}})
        for one in table.columns
    )
    return table.model_copy(update={"title": say(table.title), "empty": say(table.empty), "columns": columns})
