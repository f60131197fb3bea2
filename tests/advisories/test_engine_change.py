"""Facts about changes: what is told of a record that moved, and what is kept quiet."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.advisories.engine.change import changes, removed, still_held
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.schemas.changes import QUIETLY, Cause, Change, Kind
from watchfloor.capabilities.advisories.schemas.merged import Merged, Settled
from watchfloor.capabilities.advisories.schemas.words import Exploitation, Flag, Source, State

ON = date(2026, 8, 20)
ALL = sum(Cause)
THRESHOLDS = (10_000, 50_000)
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def settled(on: date = ON, **known: Any) -> Settled:
    plain: dict[str, Any] = {"cvss_version": "3.1", "cvss_score": 5.0}
    one = Merged(k=20240000003094, cve_id="CVE-2024-3094", **plain | known)
    return Settled(merged=one, priority=score(one, on))


def told(old: Settled | None, new: Settled, **how: Any) -> list[Change]:
    plain: dict[str, Any] = {"mask": ALL, "thresholds": THRESHOLDS}
    return changes(old, new, ON, **plain | how)


def kinds(found: list[Change]) -> list[str]:
    return [one.kind.removeprefix("advisory.") for one in found if one.kind is not Kind.BAND_CHANGED]


def at(day: int) -> datetime:
    return datetime(2026, 8, day, tzinfo=UTC)


def test_what_stays_as_it_is_says_nothing() -> None:
    assert told(settled(kev=True, epss=60_000, poc=True), settled(kev=True, epss=60_000, poc=True)) == []


@pytest.mark.parametrize(
    ("before", "after", "kind", "old", "new", "src"),
    [
        ({}, {"state": State.REJECTED}, "rejected", "published", "rejected", None),
        ({"state": State.REJECTED}, {}, "published", "rejected", "published", None),
        ({}, {"flags": Flag.DISPUTED | Flag.EXPLOIT_REF}, "disputed", False, True, None),
        ({"flags": Flag.DISPUTED}, {}, "disputed", True, False, None),
        ({}, {"kev": True, "kev_added": at(7), "kev_due": at(28)}, "kev_added", None, {"catalog": "kev", "added": "2026-08-07", "due": "2026-08-28", "ransomware": False}, Source.KEV),
        ({}, {"eukev": True}, "kev_added", None, {"catalog": "eu-kev", "added": None, "due": None, "ransomware": False}, Source.EU_KEV),
        ({"kev": True, "ransomware": True}, {}, "kev_removed", {"catalog": "kev", "added": None, "due": None, "ransomware": True}, None, Source.KEV),
        ({"kev": True}, {"kev": True, "ransomware": True}, "ransomware_changed", False, True, Source.KEV),
        ({"eukev": True, "ransomware": True}, {"eukev": True}, "ransomware_changed", True, False, Source.EU_KEV),
        ({"kev": True, "kev_due": at(7)}, {"kev": True, "kev_due": at(9)}, "kev_due_changed", "2026-08-07", "2026-08-09", Source.KEV),
        ({}, {"exploited_eu": True}, "eu_exploited", False, True, Source.EUVD),
        ({}, {"poc": True}, "exploit_appeared", "none", "poc", None),
        ({"poc": True}, {"poc": True, "weaponised": True}, "exploit_appeared", "poc", "weaponised", Source.EXPLOITS),
        ({}, {"fix": True}, "fix_appeared", False, True, None),
        (
            {"exploitation": Exploitation.NONE}, {"exploitation": Exploitation.ACTIVE, "automatable": True, "total": False}, "ssvc_changed",
            {"exploitation": "none", "automatable": None, "technical_impact": None},
            {"exploitation": "active", "automatable": "yes", "technical_impact": "partial"}, Source.CVE_LIST,
        ),
    ],
)  # fmt: skip
def test_each_thing_that_can_happen_is_told_with_what_it_was_and_is(
    before: dict[str, Any], after: dict[str, Any], kind: str, old: object, new: object, src: Source | None
) -> None:
    found = [one for one in told(settled(**before), settled(**after)) if one.kind is not Kind.BAND_CHANGED]
    assert [(one.kind, one.old, one.new, one.src, one.quiet) for one in found] == [(f"advisory.{kind}", old, new, src, False)]


def test_a_band_that_moves_with_news_is_told() -> None:
    (found,) = [one for one in told(settled(), settled(kev=True)) if one.kind is Kind.BAND_CHANGED]
    assert isinstance(found.old, dict)
    assert isinstance(found.new, dict)
    assert (found.old["band"], found.new["band"], found.quiet) == ("low", "high", False)


def test_a_rejection_is_no_change_of_band() -> None:
    assert [one.kind for one in told(settled(kev=True), settled(kev=True, state=State.REJECTED))] == [Kind.REJECTED]


def test_a_loss_of_code_or_of_a_fix_is_no_appearance() -> None:
    assert kinds(told(settled(poc=True, fix=True), settled())) == []


def test_a_new_record_says_that_it_is_there_and_what_points_to_exploitation() -> None:
    found = told(
        None,
        settled(
            kev=True, ransomware=True, poc=True, fix=True, epss=60_000, exploitation=Exploitation.NONE, prov={"state": {"src": "cve-list"}}
        ),
    )
    assert kinds(found) == ["published", "kev_added", "ransomware_changed", "exploit_appeared", "epss_crossed", "epss_crossed"]
    assert found[0].src is Source.CVE_LIST


def test_a_new_record_of_a_first_reading_says_nothing_at_all() -> None:
    assert told(None, settled(kev=True), mask=ALL << QUIETLY) == []


def test_an_alias_that_comes_with_its_record_says_nothing() -> None:
    assert told(None, settled(merged_into=1)) == []


def test_what_no_source_knows_any_more_is_told() -> None:
    assert [(one.kind, one.quiet) for one in removed(settled(), Cause.FACTS)] == [(Kind.REMOVED, False)]
    assert [one.quiet for one in removed(settled(), Cause.FACTS << QUIETLY)] == [True]
    assert kinds(removed(settled(eukev=True, ransomware=True), Cause.KEV)) == ["kev_removed", "removed"]


def test_only_the_news_that_can_cause_a_change_makes_it_heard() -> None:
    old, new = settled(epss=100), settled(epss=60_000, kev=True)
    quiet = {one.kind: one.quiet for one in told(old, new, mask=Cause.KEV | Cause.EPSS << QUIETLY)}
    assert quiet == {Kind.KEV_ADDED: False, Kind.EPSS_CROSSED: True, Kind.BAND_CHANGED: False}


def test_a_new_model_of_epss_is_history_and_no_news() -> None:
    found = told(settled(epss=100, percentile=0.1), settled(epss=97_000, percentile=0.999), mask=Cause.EPSS << QUIETLY)
    assert {one.kind for one in found} == {Kind.EPSS_CROSSED, Kind.BAND_CHANGED}
    assert all(one.quiet for one in found)


def test_a_band_that_moves_with_the_days_alone_is_quiet() -> None:
    fresh: dict[str, Any] = {"published": at(1), "cvss_score": 9.8, "cvss_vector": CRITICAL, "automatable": True}
    new = settled(**fresh)
    for days in range(1, 400):
        later = settled(ON + timedelta(days=days), **fresh)
        if later.priority.band is not new.priority.band:
            break
    else:
        pytest.fail("the band never moved")
    (found,) = changes(new, later, ON + timedelta(days=days), mask=ALL)
    assert (found.kind, found.quiet) == (Kind.BAND_CHANGED, True)
    other = msgspec.structs.replace(later, merged=msgspec.structs.replace(later.merged, title="said otherwise"))
    assert [one.quiet for one in changes(new, other, ON + timedelta(days=days), mask=ALL)] == [True]


def test_epss_is_told_at_the_threshold_upwards_and_at_four_fifths_of_it_downwards() -> None:
    assert walk(9_999, 10_000, 9_000, 8_000, 10_500, 7_999, 9_999, 10_000) == [(10_000, "up"), (7_999, "down"), (10_000, "up")]


def test_both_thresholds_can_be_crossed_at_once() -> None:
    assert walk(100, 90_000, 100) == [(90_000, "up"), (90_000, "up"), (100, "down"), (100, "down")]


def test_what_vanishes_and_returns_crosses_nothing() -> None:
    assert walk(12_000, None, 12_000) == []
    assert walk(9_000, None, 9_000) == []
    assert walk(12_000, None, 9_000, 12_000) == []


def test_what_returns_higher_has_crossed() -> None:
    assert walk(9_000, None, 12_000) == [(12_000, "up")]


def walk(*values: int | None) -> list[tuple[int | None, str]]:
    """Return the crossings that are told while a probability moves along these values."""
    crossed: list[tuple[int | None, str]] = []
    held: tuple[int, ...] = ()
    for old, new in itertools.pairwise(values):
        found = told(settled(epss=old), settled(epss=new), held=held)
        crossed += [(new, one.new["direction"]) for one in found if one.kind is Kind.EPSS_CROSSED and isinstance(one.new, dict)]
        held = still_held(old, new, THRESHOLDS, held)
    return crossed


@given(st.lists(st.none() | st.integers(0, 100_000), min_size=2, max_size=30))
def test_crossings_of_a_threshold_take_turns(values: list[int | None]) -> None:
    for threshold in THRESHOLDS:
        directions = [way for _p, way in walk_at(threshold, values)]
        assert all(one != other for one, other in itertools.pairwise(directions))


def walk_at(threshold: int, values: list[int | None]) -> list[tuple[int | None, str]]:
    crossed: list[tuple[int | None, str]] = []
    held: tuple[int, ...] = ()
    for old, new in itertools.pairwise(values):
        found = told(settled(epss=old), settled(epss=new), held=held, thresholds=(threshold,))
        crossed += [(new, one.new["direction"]) for one in found if one.kind is Kind.EPSS_CROSSED and isinstance(one.new, dict)]
        held = still_held(old, new, (threshold,), held)
    return crossed
