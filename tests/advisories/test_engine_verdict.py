"""The directive's verdict: each row of its table, what is assumed, when it is due; and the probability of past exploitation."""

from __future__ import annotations

import csv
import itertools
from datetime import date, timedelta
from math import prod
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.advisories.data import shared
from watchfloor.capabilities.advisories.engine.lev import advance, lev
from watchfloor.capabilities.advisories.engine.priority import Where
from watchfloor.capabilities.advisories.engine.verdict import timeline, verdict
from watchfloor.capabilities.advisories.schemas.merged import Merged
from watchfloor.capabilities.advisories.schemas.words import Deadline, Exposure, State

INTERNET, INTERNAL = Where(Exposure.INTERNET), Where(Exposure.INTERNAL)
THEIRS = {"3 days & forensic investigation": Deadline.FORENSICS, "fix on system upgrade": Deadline.UPGRADE}
DECIDED = Merged(
    k=2024 * 10**10 + 1, cve_id="CVE-2024-0001", cvss_score=9.8, cvss_vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", automatable=False,
    total=False,
)  # fmt: skip
TODAY = date(2026, 8, 20)


def changed(**fields: Any) -> Merged:
    return msgspec.structs.replace(DECIDED, **fields)


@pytest.mark.data
def test_every_row_of_cisas_table_is_ours() -> None:
    with shared("ssvc/cisa_bod_26_04_1_0_0.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for _number, *row in csv.reader(file)][1:]
    assert len(rows) == 16
    for kev, exposed, automatable, impact, text in rows:
        ours = timeline(kev=kev == "yes", exposed=exposed == "yes", automatable=automatable == "yes", total=impact == "total")
        assert ours == THEIRS.get(text, text)


@pytest.mark.parametrize(
    ("fields", "where", "deadline"),
    [
        ({}, INTERNAL, "next upgrade"),
        ({}, INTERNET, "60 days"),
        ({"automatable": True}, INTERNAL, "60 days"),
        ({"automatable": True}, INTERNET, "14 days"),
        ({"total": True}, INTERNAL, "next upgrade"),
        ({"total": True}, INTERNET, "14 days"),
        ({"total": True, "automatable": True}, INTERNAL, "60 days"),
        ({"total": True, "automatable": True}, INTERNET, "3 days"),
        ({"kev": True}, INTERNAL, "14 days"),
        ({"kev": True}, INTERNET, "14 days"),
        ({"kev": True, "automatable": True}, INTERNAL, "14 days"),
        ({"kev": True, "automatable": True}, INTERNET, "3 days"),
        ({"kev": True, "total": True}, INTERNAL, "14 days"),
        ({"kev": True, "total": True}, INTERNET, "3 days + forensics"),
        ({"kev": True, "total": True, "automatable": True}, INTERNAL, "3 days + forensics"),
        ({"kev": True, "total": True, "automatable": True}, INTERNET, "3 days + forensics"),
    ],
)
def test_a_verdict_goes_by_the_four_answers(fields: dict[str, Any], where: Where, deadline: str) -> None:
    got = verdict(changed(**fields), where)
    assert got is not None
    assert (got.deadline, got.assumed) == (deadline, ())


def test_only_cisas_catalog_counts() -> None:
    assert verdict(changed(eukev=True, ransomware=True, exploited_eu=True), INTERNAL) == verdict(DECIDED, INTERNAL)


def test_what_is_derived_is_named() -> None:
    got = verdict(changed(automatable=None, total=None))
    assert got is not None
    assert (got.deadline, got.assumed) == (Deadline.SIXTY_DAYS, ("automatable", "impact", "exposure"))


@pytest.mark.parametrize("exposure", [Exposure.PARTNER, Exposure.INTERNAL, Exposure.ISOLATED, Exposure.UNKNOWN])
def test_only_what_the_internet_reaches_counts_as_exposed(exposure: Exposure) -> None:
    got = verdict(DECIDED, Where(exposure))
    assert got is not None
    assert got.deadline == Deadline.UPGRADE


@pytest.mark.parametrize("fields", [{"state": State.REJECTED}, {"merged_into": 2024 * 10**10 + 2}])
def test_what_does_not_stand_has_no_verdict(fields: dict[str, Any]) -> None:
    assert verdict(changed(kev=True, **fields), INTERNET) is None


@pytest.mark.parametrize(
    ("fields", "where", "due"),
    [({"kev": True, "total": True}, INTERNET, date(2026, 8, 23)), ({"kev": True}, INTERNAL, date(2026, 9, 3)), ({}, INTERNET, date(2026, 10, 19)), ({}, INTERNAL, None)],
)  # fmt: skip
def test_a_deadline_counts_from_the_first_sight(fields: dict[str, Any], where: Where, due: date | None) -> None:
    got = verdict(changed(**fields), where)
    assert got is not None
    assert got.due(TODAY) == due


def test_being_in_the_catalog_never_makes_a_deadline_later() -> None:
    urgent = list(Deadline)
    for exposed, automatable, total in itertools.product([False, True], repeat=3):
        known = timeline(kev=True, exposed=exposed, automatable=automatable, total=total)
        assert urgent.index(known) <= urgent.index(timeline(kev=False, exposed=exposed, automatable=automatable, total=total))


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=60))
def test_past_exploitation_is_the_product_of_all_days(days: list[int]) -> None:
    total, since = 0.0, TODAY
    for number, p in enumerate(days[1:], start=1):  # written only where p differs from the day before
        day = TODAY + timedelta(days=number)
        if p != days[number - 1]:
            total, since = advance(total, days[number - 1], since, day), day
    expected = 1 - prod(1 - p / 100_000 / 30 for p in days)
    assert lev(total, days[-1], since, TODAY + timedelta(days=len(days))) == pytest.approx(expected, abs=1e-9)


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    assert advance(-0.5, 50_000, TODAY, TODAY - timedelta(days=3)) == -0.5
