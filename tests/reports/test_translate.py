"""Facts about what sections say in another language."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.reports import model
from watchfloor.capabilities.reports.engine.to_html import write
from watchfloor.capabilities.reports.engine.translate import Speech, translated
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.capabilities.reports.schemas.snapshot import Figure, Options, SectionHead
from watchfloor.catalog import CATALOG

WORDS = {
    "Open ports": "Offene Ports", "{count} ports of {host} are open.": "{count} Ports von {host} sind offen.", "Seen on {moment}.": "Gesehen am {moment}.",
    "It ended: {ended}": "Es endete: {ended}", "All was seen.": "Alles wurde gesehen.",
}  # fmt: skip
SECTIONS = CATALOG.sections()


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Open ports", "Offene Ports"),
        ("1,234 ports of web-1 are open.", "1.234 Ports von web-1 sind offen."),
        ("7 ports of {host} are open.", "7 Ports von {host} sind offen."),
        ("Seen on 28 November 2026, 23:30 UTC.", "Gesehen am 29.11.2026, 00:30 UTC+01:00."),
        ("It ended: All was seen.", "Es endete: Alles wurde gesehen."),
        ("It ended: {0.__class__} {host!r}", "Es endete: {0.__class__} {host!r}"),
        ("Nobody knows this sentence.", "Nobody knows this sentence."),
    ],
)
def test_a_sentence_keeps_its_values_in_the_readers_writing(english: str, german: str) -> None:
    assert Speech(WORDS, Words("de", "Europe/Berlin"))(english) == german


def test_a_very_long_text_is_not_compared() -> None:
    long = "Seen on " + "x" * 5000 + "."
    assert Speech(WORDS, Words("de"))(long) == long


def test_a_language_without_words_stays_english() -> None:
    head = model.spool(1, services=1).head
    assert translated(head, Words("fr")) == head


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_every_title_and_column_of_a_section_is_known_in_german(name: str) -> None:
    section = SECTIONS[name]
    german = section.words["de"]
    said = {section.title, *(table.title for table in section.tables), *(table.empty for table in section.tables)}
    said |= {column.title for table in section.tables for column in table.columns}
    assert sorted(said - set(german)) == []


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_translations_keep_their_places(name: str) -> None:
    places = re.compile(r"\{\w+\}")
    assert [
        one for one, german in SECTIONS[name].words["de"].items() if sorted(places.findall(one)) != sorted(places.findall(german))
    ] == []


def test_a_german_page_says_what_its_sections_say_in_german() -> None:
    spool, pieces = model.spool(1, services=1), list[bytes]()
    told = SectionHead(
        name="scans",
        title="Open ports",
        summary="3 ports of web-1 are open.",
        figures=(Figure(label="Open ports", value=3),),
        words={"de": WORDS},
    )
    spool.head = spool.head.model_copy(update={"sections": (told,), "as_of": datetime(2026, 11, 28, tzinfo=UTC)})
    write(spool, Options(locale="de"), pieces.append)
    page = b"".join(pieces).decode()
    assert "3 Ports von web-1 sind offen." in page
    assert "Open ports" not in page
