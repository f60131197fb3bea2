"""Facts about languages, numbers and times of reports."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.reports import engine
from watchfloor.capabilities.reports.engine.to_pdf import words as pdf
from watchfloor.capabilities.reports.engine.translate import TITLES
from watchfloor.capabilities.reports.engine.words import CATALOGUES, OURS, Words
from watchfloor.capabilities.reports.schemas.findings import COLUMNS, findings_head
from watchfloor.capabilities.reports.schemas.snapshot import Options, TableHead
from watchfloor.kernel.sections import Scope

MOMENT = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
SPOKEN = re.compile(
    r"""(?:\b_|words|\bself|_label|(?<!show\.)counted)\(\s*(?:[\w.()]+,\s*)?(?:"([^"]+)"|'([^']+)')(?:\s*(?:,|if \S+ else _\()\s*"([^"]+)")?"""
)
CHOSEN = re.compile(r"_\(\{([^}]+)\}\[")
PLACE = re.compile(r"\{\w+\}")
LANGUAGES = pytest.mark.parametrize("language", sorted(CATALOGUES))


def spoken() -> set[str]:
    """Return every English word that templates and engines say to readers."""
    folder = Path(str(resources.files(engine)))
    sources = [*folder.glob("*.py"), *folder.glob("templates/*.html"), *folder.glob("to_pdf/**/*.py"), *folder.glob("templates/*.typ")]
    texts = [source.read_text() for source in sources]
    chosen = {word for text in texts for found in CHOSEN.findall(text) for word in re.findall(r': "([^"]+)"', found)}
    return chosen | {word for text in texts for found in SPOKEN.findall(text) for word in found if word}


def said() -> set[str]:
    """Return every English word that any report says by itself."""
    printed = {text for one in pdf.ENGLISH.values() for text in (one.values() if isinstance(one, dict) else [one])}
    kinds = get_args(get_type_hints(Scope)["kind"])
    audiences = get_args(Options.model_fields["audience"].annotation)
    heads = {findings_head(0).empty, findings_head(0).title, str(TableHead.model_fields["empty"].default)}
    columns = {column.title for column in COLUMNS}
    return spoken() | set(OURS.values()) | columns | {*kinds, *audiences} | heads | printed | {*TITLES, "Scan", "findings"}


def catalogue(language: str) -> dict[str, str]:
    return CATALOGUES[language] | pdf.CATALOGUES[language]


@LANGUAGES
def test_every_word_of_reports_has_a_translation_and_no_translation_is_of_nothing(language: str) -> None:
    known, needed = set(catalogue(language)), said()
    assert len(needed) > 150
    missing = [one for one in needed - known if re.search("[A-Za-z]", PLACE.sub("", one))]  # signs alone are the same everywhere
    assert {"missing": sorted(missing), "extra": sorted(known - needed)} == {"missing": [], "extra": []}


def test_a_language_of_pages_is_one_of_pdfs_too_and_a_word_stands_in_one_catalogue() -> None:
    assert set(CATALOGUES) == set(pdf.CATALOGUES)
    assert {language: sorted(set(CATALOGUES[language]) & set(pdf.CATALOGUES[language])) for language in CATALOGUES} == {
        one: [] for one in CATALOGUES
    }


@LANGUAGES
def test_translations_keep_their_places(language: str) -> None:
    assert [one for one, told in catalogue(language).items() if sorted(PLACE.findall(one)) != sorted(PLACE.findall(told))] == []


@LANGUAGES
def test_what_is_translated_is_not_english_any_more(language: str) -> None:
    assert [one for one, told in catalogue(language).items() if one == told and one.count(" ") > 1] == []


def test_french_keeps_its_signs_with_their_words() -> None:
    assert [told for told in catalogue("fr").values() if re.search("[ \\w][:;?!»](?!\\w)|«[^\u00a0]| \\d{3}\\b", told)] == []


@pytest.mark.parametrize(("locale", "single"), [("en", [1]), ("de", [1]), ("es", [1]), ("fr", [0, 1]), ("ar", [1])])
def test_each_language_has_its_own_singular_and_english_words_have_the_english_one(locale: str, single: list[int]) -> None:
    assert [count for count in range(120) if Words(locale).single(count)] == single


def test_french_speaks_of_none_as_of_one() -> None:
    told = [Words("fr").counted(count, "{count} more row as CSV", "{count} more rows as CSV") for count in (0, 1, 2)]
    assert told == ["0 ligne de plus en CSV", "1 ligne de plus en CSV", "2 lignes de plus en CSV"]


@pytest.mark.parametrize(
    ("locale", "zone", "number", "moment"),
    [
        ("en", "UTC", "1,234,567.89", "1 Jun 2026, 12:30 UTC"),
        ("en-US", "America/New_York", "1,234,567.89", "Jun 1, 2026, 8:30 AM UTC-04:00"),
        ("de", "Europe/Berlin", "1.234.567,89", "01.06.2026, 14:30 UTC+02:00"),
        ("fr", "Asia/Kolkata", "1 234 567,89", "1 juin 2026, 18:00 UTC+05:30"),
        ("es", "Europe/Madrid", "1.234.567,89", "1 jun 2026, 14:30 UTC+02:00"),
        ("es-MX", "America/Mexico_City", "1,234,567.89", "1 jun 2026, 6:30 a.m. UTC-06:00"),
    ],
)
def test_numbers_and_times_are_written_as_the_reader_does(locale: str, zone: str, number: str, moment: str) -> None:
    words = Words(locale, zone)
    told = [" ".join(one.split()) for one in (words.number(1234567.891), words.moment(MOMENT))]
    assert told == [number.replace("\u202f", " "), moment]


@pytest.mark.parametrize(
    ("locale", "direction", "foreign"),
    [
        ("en", "ltr", False),
        ("de-AT", "ltr", False),
        ("fr-CA", "ltr", False),
        ("ar", "rtl", True),
        ("he-IL", "rtl", True),
        ("ja", "ltr", True),
    ],
)
def test_a_language_without_catalogue_keeps_its_direction_and_says_so(locale: str, direction: str, foreign: bool) -> None:  # noqa: FBT001 - a table
    words = Words(locale)
    told = {"de": "Befunde", "fr": "Constats"}.get(locale[:2], "Findings")
    assert (words.direction, words.foreign, words("Findings"), bool(words.note)) == (direction, foreign, told, foreign)


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
