"""Facts about languages, numbers and times of reports."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.reports import engine
from watchfloor.capabilities.reports.engine.german import GERMAN
from watchfloor.capabilities.reports.engine.words import OURS, Words
from watchfloor.capabilities.reports.schemas.findings import COLUMNS, findings_head

MOMENT = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
SPOKEN = re.compile(r"""(?:\b_|words|counted)\((?:[\w.()]+, )?"([^"]+)"(?:, "([^"]+)")?""")


def spoken() -> set[str]:
    """Return every English word that templates and engines say to readers."""
    folder = Path(str(resources.files(engine)))
    sources = [*folder.glob("*.py"), *folder.glob("templates/*.html"), *folder.glob("to_pdf/**/*.py"), *folder.glob("templates/*.typ")]
    return {word for source in sources for found in SPOKEN.findall(source.read_text()) for word in found if word}


def test_every_word_of_reports_is_known_in_german() -> None:
    said = spoken()
    assert len(said) > 50
    assert sorted((said | set(OURS.values()) | {column.title for column in COLUMNS} | {findings_head(0).empty}) - set(GERMAN)) == []


def test_translations_keep_their_places() -> None:
    places = re.compile(r"\{\w+\}")
    assert [english for english, german in GERMAN.items() if sorted(places.findall(english)) != sorted(places.findall(german))] == []


@pytest.mark.parametrize(
    ("locale", "zone", "number", "moment"),
    [
        ("en", "UTC", "1,234,567.89", "1 Jun 2026, 12:30 UTC"),
        ("en-US", "America/New_York", "1,234,567.89", "Jun 1, 2026, 8:30 AM UTC-04:00"),
        ("de", "Europe/Berlin", "1.234.567,89", "01.06.2026, 14:30 UTC+02:00"),
        ("fr", "Asia/Kolkata", "1 234 567,89", "1 juin 2026, 18:00 UTC+05:30"),
    ],
)
def test_numbers_and_times_are_written_as_the_reader_does(locale: str, zone: str, number: str, moment: str) -> None:
    words = Words(locale, zone)
    told = [" ".join(one.split()) for one in (words.number(1234567.891), words.moment(MOMENT))]
    assert told == [number.replace("\u202f", " "), moment]


@pytest.mark.parametrize(
    ("locale", "direction", "foreign"),
    [("en", "ltr", False), ("de-AT", "ltr", False), ("ar", "rtl", True), ("he-IL", "rtl", True), ("ja", "ltr", True)],
)
def test_a_language_without_catalogue_keeps_its_direction_and_says_so(locale: str, direction: str, foreign: bool) -> None:  # noqa: FBT001 - a table
    words = Words(locale)
    assert (words.direction, words.foreign, words("Findings")) == (direction, foreign, "Befunde" if locale.startswith("de") else "Findings")


def test_only_our_words_are_translated_among_words_from_outside() -> None:
    words = Words("de")
    assert (words.severity("false_positive"), words.severity("Findings"), words.severity("https")) == ("Fehlalarm", "Findings", "https")


@pytest.mark.parametrize(
    ("part", "told"), [(0.0, "0%"), (0.001, "<1%"), (0.01, "1%"), (0.5, "50%"), (0.994, ">99%"), (0.9999, ">99%"), (1.0, "100%")]
)
def test_a_small_part_is_not_nothing_and_most_is_not_all(part: float, told: str) -> None:
    assert Words().percent(part) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (-5, "-5"), (0.001, "1.00e-03"), (1e300, "1.00e+300"), (10**40, "1" + "0" * 40), (float("nan"), "unknown"), (2.5, "2.5")],
)
def test_odd_numbers_are_told(value: float, told: str) -> None:
    assert Words().number(value) == told


@given(st.text(max_size=35), st.text(max_size=64))
def test_no_locale_or_zone_stops_a_report(locale: str, zone: str) -> None:
    assert Words(locale, zone).moment(MOMENT)
