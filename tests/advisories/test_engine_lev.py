"""Facts about LEV: written down on changes alone, it is the product over every day."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from math import prod

import pytest

from tests.advisories.data import shared_json
from watchfloor.capabilities.advisories.engine.lev import UNIT, advance, lev

START = date(2026, 1, 1)


def daily(values: list[int]) -> float:
    """Return the probability as it is defined: one minus the product of each day's chance that nothing happened."""
    return 1 - prod(1 - p / UNIT / 30 for p in values)


def by_changes(values: list[int], start: date = START) -> float:
    """Return the probability from what is stored: the sum until the last change, and the value since."""
    total, since = 0.0, start
    for number, (before, after) in enumerate(itertools.pairwise(values), start=1):
        if after != before:
            day = start + timedelta(days=number)
            total, since = advance(total, before, since, day), day
    return lev(total, values[-1], since, start + timedelta(days=len(values)))


@pytest.mark.data
def test_recorded_histories_give_the_daily_product() -> None:
    told = shared_json("epss/epss_history_selected.json.gz")
    assert told
    for days in told.values():
        values = [round(p * UNIT) for _day, (p, _percentile) in sorted(days.items())]
        assert by_changes(values) == pytest.approx(daily(values), abs=1e-9)


def test_it_only_grows_and_never_leaves_zero_to_one() -> None:
    shown = [lev(0.0, 97_000, START, START + timedelta(days=days)) for days in range(0, 4000, 100)]
    assert shown == sorted(shown)
    assert 0 == shown[0] < shown[-1] <= 1
