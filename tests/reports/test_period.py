"""Facts about what a report over a period says besides its findings: what is known at all, and how findings came and went."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from watchfloor.capabilities.reports.engine.period import MOST, moments

if TYPE_CHECKING:
    from tests.reports.world import World

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "span",
    [
        timedelta(),
        timedelta(seconds=1),
        timedelta(hours=30),
        *(timedelta(days=n, hours=h) for n in (7, 12, 13, 14, 90, 365, 4000) for h in (0, 5)),
    ],
)
def test_a_period_is_looked_at_from_its_beginning_to_its_end(span: timedelta) -> None:
    found = moments(BEGIN, BEGIN + span)
    assert found[-1] == BEGIN + span
    assert len(found) <= MOST
    assert not span or found[0] == BEGIN
    assert all(one < two for one, two in pairwise(found))
    assert len({one.date() for one in found[1:]}) == len(found[1:])  # one name, one place on the line


def told(world: World, **about: Any) -> dict[str, Any]:
    """Make a report and return what our own section says, and its rows."""
    made = world.done("reports.generate_report", format="json", **about)
    report = json.loads(world.stored(UUID(made["report_id"])))
    (section,) = (one for one in report["sections"] if one["name"] == "reports")
    return {**section, "rows": report["tables"]["reports.assets"], "figure": {one["label"]: one["value"] for one in section["figures"]}}


def course(found: dict[str, Any]) -> list[int]:
    """Return how many findings were open at each moment of the chart."""
    (chart,) = found["charts"]
    return [sum(one["points"][n]["value"] for one in chart["series"]) for n in range(len(chart["series"][0]["points"]))]


def test_an_organisation_that_never_looked_hears_so_rather_than_that_all_is_well(world: World) -> None:
    found = told(world, since=datetime.now(UTC).isoformat())
    assert (found["figure"]["Assets known"], found["rows"]) == (0, [])
    assert "nothing was looked at" in found["not_looked_at"][0]


def test_findings_that_came_and_ended_in_the_period_are_counted_and_drawn(world: World) -> None:
    world.accept_one(world.scan(findings=5))
    found = told(world, since=(datetime.now(UTC) - timedelta(days=7)).isoformat())
    assert (found["figure"]["Findings that came"], found["figure"]["Findings that ended"]) == (5, 1)
    assert course(found) == [0, 0, 0, 0, 0, 0, 0, 4]
    ((now,),) = world.ask("select clock_timestamp()")
    world.scan(findings=6)
    later = told(world, since=now.isoformat())
    assert (later["figure"]["Findings that came"], later["figure"]["Findings that ended"], course(later)) == (1, 0, [4, 5])


def test_assets_that_nobody_saw_in_the_period_are_named_as_older_knowledge(world: World) -> None:
    world.scan()
    world.ask("update asset set first_seen = first_seen - interval '40 days', last_seen = last_seen - interval '30 days'")
    found = told(world, tag="shop", since=(datetime.now(UTC) - timedelta(days=7)).isoformat())
    assert found["figure"]["Not seen in the period"] == 1
    assert "1 of 1 assets were not seen" in found["not_looked_at"][0]
    assert [(one["asset"], one["open"]) for one in found["rows"]] == [("192.0.2.7", 3)]


def test_a_report_over_a_period_is_made_again_only_when_something_changed(world: World) -> None:
    world.scan()
    first, second = (world.done("reports.generate_report", tag="shop", format="json") for _ in range(2))
    world.ask("update asset set exposure = 'internet'")
    third = world.done("reports.generate_report", tag="shop", format="json")
    assert [one["reused"] for one in (first, second, third)] == [False, True, False]


def test_another_organisations_assets_and_changes_are_none_of_it(world: World) -> None:
    world.elsewhere().scan(findings=9)
    found = told(world, since=(datetime.now(UTC) - timedelta(days=7)).isoformat())
    assert (found["figure"], found["charts"]) == (
        {"Assets known": 0, "Not seen in the period": 0, "Findings that came": 0, "Findings that ended": 0},
        [],
    )
