"""Facts about patterns, filters and silences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine.matching import (
    About,
    Silence,
    Subject,
    assets_fit,
    event_fits,
    glob_fits,
    matches,
    silenced,
)
from watchfloor.capabilities.notifications.schemas.rules import AssetFilter, Matchers
from watchfloor.kernel.contract import Severity

NOW = datetime(2026, 1, 12, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("scans.completed", "scans.completed", True),
        ("scans.completed", "scans.completed.", False),
        ("scans.*", "scans.completed", True),
        ("scans.*", "scans.", True),
        ("scans.*", "scans", False),
        ("scans.*", "scansxcompleted", False),
        ("*", "", True),
        ("*", "anything at all", True),
        ("", "", True),
        ("", "a", False),
        ("?", "", False),
        ("?", "ä", True),
        ("db-?.example.org", "db-1.example.org", True),
        ("db-?.example.org", "db-10.example.org", False),
        ("*.example.org", "www.example.org", True),
        ("*.example.org", "example.org", False),
        ("*a*b", "xaxbxab", True),
        ("*a*b", "xaxbxa", False),
        ("a**b", "ab", True),
        ("[a-z]", "b", False),
        ("[a-z]", "[a-z]", True),
        ("a.c", "abc", False),
    ],
)
def test_pattern_says_what_it_means(pattern: str, text: str, *, fits: bool) -> None:
    assert glob_fits(pattern, text) == fits


@given(st.lists(st.sampled_from(["a", "b", "*", "?"]), max_size=8), st.text("ab", max_size=8))
def test_pattern_means_what_its_definition_says(pattern: list[str], text: str) -> None:
    def defined(left: list[str], rest: str) -> bool:
        if not left:
            return not rest
        if left[0] == "*":
            return any(defined(left[1:], rest[n:]) for n in range(len(rest) + 1))
        return bool(rest) and left[0] in {"?", rest[0]} and defined(left[1:], rest[1:])

    assert glob_fits("".join(pattern), text) == defined(pattern, text)


def test_hostile_pattern_takes_few_steps() -> None:
    class Counted(str):
        __slots__ = ("looks",)
        looks: int

        def __getitem__(self, key: Any) -> str:
            self.looks += 1
            return str.__getitem__(self, key)

    pattern = "*a" * 99 + "*b"
    text = Counted("a" * 300)
    text.looks = 0
    assert not glob_fits(pattern, text)
    assert text.looks <= len(pattern) * len(text)


def test_event_is_meant_by_any_of_several_patterns() -> None:
    assert event_fits(["reports.*", "scans.failed"], "scans.failed")
    assert not event_fits(["reports.*", "scans.failed"], "scans.completed")
    assert not event_fits([], "scans.failed")


def about(*assets: str, tags: tuple[str, ...] = (), type_: str = "finding.opened", severity: Severity = Severity.HIGH) -> Subject:
    return Subject(type=type_, severity=severity, assets=assets, tags=tags)


@pytest.mark.parametrize(
    ("wanted", "subject", "through"),
    [
        ({}, about(), True),
        ({}, about("a.example.org"), True),
        ({"names": ("*.example.org",)}, about("a.example.org"), True),
        ({"names": ("*.EXAMPLE.org",)}, about("A.example.ORG"), True),
        ({"names": ("*.example.org",)}, about("192.0.2.1", "a.example.org"), True),
        ({"names": ("*.example.org",)}, about("a.example.com"), False),
        ({"names": ("*.example.org",)}, about(), False),
        ({"names": ("*",)}, about(), False),
        ({"tags": ("prod",)}, about("x", tags=("Prod", "web")), True),
        ({"tags": ("prod",)}, about("x", tags=("production",)), False),
        ({"tags": ("prod",), "names": ("db-*",)}, about("db-1"), True),
        ({"exclude_names": ("test-*",)}, about("test-1"), False),
        ({"exclude_names": ("test-*",)}, about(), True),
        ({"exclude_tags": ("lab",)}, about("x", tags=("LAB",)), False),
        ({"names": ("*",), "exclude_tags": ("lab",)}, about("x", tags=("lab",)), False),
        ({"names": ("*",), "exclude_tags": ("lab",)}, about("x"), True),
    ],
)
def test_filter_lets_through(wanted: dict[str, tuple[str, ...]], subject: Subject, *, through: bool) -> None:
    assert assets_fit(AssetFilter.model_validate(wanted), subject) == through


def several(*assets: About, complete: bool = True) -> Subject:
    return replace(about(*assets[0].names, tags=assets[0].tags), others=assets[1:], complete=complete)


LAB, PROD = About(("lab-1",), ("lab",)), About(("web-1",), ("prod",))


@pytest.mark.parametrize(
    ("wanted", "subject", "through"),
    [
        ({"tags": ("prod",)}, several(LAB, PROD), True),
        ({"exclude_tags": ("lab",)}, several(LAB, PROD), True),
        ({"exclude_tags": ("lab",)}, several(LAB, LAB), False),
        ({"names": ("web-*",), "exclude_tags": ("prod",)}, several(LAB, PROD), False),
        ({"tags": ("prod",)}, several(LAB), False),
        ({"tags": ("prod",)}, several(LAB, complete=False), True),
        ({"exclude_tags": ("lab",)}, several(LAB, complete=False), True),
    ],
)
def test_of_several_assets_one_that_passes_is_enough_and_one_that_nobody_knows(
    wanted: dict[str, tuple[str, ...]], subject: Subject, *, through: bool
) -> None:
    assert assets_fit(AssetFilter.model_validate(wanted), subject) == through


@pytest.mark.parametrize(
    ("subject", "meant"),
    [(several(LAB, LAB), True), (several(LAB, PROD), False), (several(PROD, LAB), False), (several(LAB, complete=False), False)],
)
def test_a_silence_of_assets_hides_nothing_about_any_other(subject: Subject, *, meant: bool) -> None:
    assert matches(Matchers.model_validate({"assets": {"tags": ["lab"]}}), subject) == meant


@pytest.mark.parametrize(
    ("matchers", "subject", "meant"),
    [
        ({"events": ["finding.*"]}, about("a"), True),
        ({"events": ["scans.*"]}, about("a"), False),
        ({"severities": ["low", "high"]}, about("a"), True),
        ({"severities": ["low", "medium"]}, about("a"), False),
        ({"assets": {"names": ["a"]}}, about("a"), True),
        ({"assets": {"names": ["b"]}}, about("a"), False),
        ({"events": ["finding.*"], "severities": ["high"], "assets": {"tags": ["lab"]}}, about("a", tags=("lab",)), True),
        ({"events": ["finding.*"], "severities": ["high"], "assets": {"tags": ["lab"]}}, about("a"), False),
        ({"events": ["finding.*"], "severities": ["low"], "assets": {"tags": ["lab"]}}, about("a", tags=("lab",)), False),
        ({"events": ["*"]}, about(), True),
    ],
)
def test_every_part_of_a_silence_must_fit(matchers: dict[str, Any], subject: Subject, *, meant: bool) -> None:
    assert matches(Matchers.model_validate(matchers), subject) == meant


@pytest.mark.parametrize("matchers", [{}, {"events": []}, {"assets": {"names": []}}])
def test_silence_that_names_nothing_is_refused(matchers: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="silence everything"):
        Matchers.model_validate(matchers)


@pytest.mark.parametrize(("minutes", "holds"), [(-1, False), (0, True), (59, True), (60, False)])
def test_silence_holds_from_its_start_until_just_before_its_end(minutes: int, *, holds: bool) -> None:
    silence = Silence(matchers=Matchers(events=("*",)), starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    assert silenced([silence], about("a"), NOW + timedelta(minutes=minutes)) == holds


def test_one_of_several_silences_is_enough() -> None:
    hour = {"starts_at": NOW, "ends_at": NOW + timedelta(hours=1)}
    other, this = Silence(matchers=Matchers(events=("scans.*",)), **hour), Silence(matchers=Matchers(events=("finding.*",)), **hour)
    assert silenced([other, this], about(), NOW)
    assert not silenced([other], about(), NOW)
    assert not silenced([], about(), NOW)
