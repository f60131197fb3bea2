"""Default schedules: every organisation is given each of them once, and keeps what it makes of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.kinds import echo
from watchfloor.catalog import CATALOG
from watchfloor.kernel.contract import DefaultSchedule
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs import schedules
from watchfloor.kernel.jobs.planting import plant
from watchfloor.kernel.jobs.queries import list_schedules

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor
    from watchfloor.kernel.jobs.schemas import ScheduleView

NIGHTLY = DefaultSchedule(name="nightly", kind=echo.name, cron="0 2 * * *", arguments={"text": "hello"})
OFTEN = DefaultSchedule(name="often", kind=echo.name, every=timedelta(hours=6), arguments={"text": "again"})
KINDS = {echo.name: echo}


def given(floor: Floor, *wanted: DefaultSchedule) -> int:
    """Plant."""
    return plant(floor.ledger, wanted, lambda: KINDS)


def listed(floor: Floor, org: UUID) -> list[ScheduleView]:
    """Return an organisation's schedules."""
    with floor.ledger.database.transaction(org) as session:
        return list_schedules(session, org)


@pytest.fixture
def org(floor: Floor) -> UUID:
    """Return the only organisation that is new: those before it are given everything."""
    plant(floor.ledger, (NIGHTLY, OFTEN), lambda: KINDS)
    return floor.org()


def test_every_organisation_is_given_what_the_catalog_names(floor: Floor, org: UUID) -> None:
    other = floor.org()
    assert given(floor, NIGHTLY, OFTEN) == 4
    for one in (org, other):
        nightly, often = listed(floor, one)
        assert (nightly.name, nightly.kind, nightly.cron, nightly.tz, nightly.enabled, nightly.actor) == (
            "nightly", echo.name, "0 2 * * *", "UTC", True, "default",
        )  # fmt: skip
        assert (often.name, often.every) == ("often", timedelta(hours=6))


def test_planting_again_adds_nothing_and_loads_nothing(floor: Floor, org: UUID) -> None:
    assert given(floor, NIGHTLY) == 1

    def never() -> dict[str, Any]:
        raise AssertionError

    assert plant(floor.ledger, (NIGHTLY,), never) == 0
    assert len(listed(floor, org)) == 1


def test_one_that_was_removed_stays_removed(floor: Floor, org: UUID) -> None:
    given(floor, NIGHTLY)
    (schedule,) = listed(floor, org)
    with floor.ledger.database.transaction(org) as session:
        schedules.remove(session, org, schedule.id)
    assert given(floor, NIGHTLY) == 0
    assert listed(floor, org) == []


def test_one_that_was_paused_stays_paused_and_runs_by_hand(floor: Floor, org: UUID) -> None:
    given(floor, NIGHTLY)
    (schedule,) = listed(floor, org)
    with floor.ledger.database.transaction(org) as session:
        schedules.pause(session, org, schedule.id)
    given(floor, NIGHTLY)
    assert [one.enabled for one in listed(floor, org)] == [False]
    with floor.ledger.database.transaction(org) as session:
        job = schedules.run_now(floor.ledger, session, org, schedule.id, KINDS, "test")
    assert floor.ask("select kind, label, actor from job where id = %s", job) == [(echo.name, "nightly", "test")]


def test_a_default_that_came_later_is_given_beside_the_others(floor: Floor, org: UUID) -> None:
    given(floor, NIGHTLY)
    given(floor, NIGHTLY, OFTEN)
    assert [one.name for one in listed(floor, org)] == ["nightly", "often"]


def test_a_name_that_an_operator_took_is_his(floor: Floor, org: UUID) -> None:
    with floor.ledger.database.transaction(org) as session:
        schedules.create(
            floor.ledger, session, org, name="nightly", kind=echo, request=echo.arguments(text="mine"), cron="5 5 * * *", actor="me"
        )
    assert given(floor, NIGHTLY) == 0
    assert [(one.cron, one.actor) for one in listed(floor, org)] == [("5 5 * * *", "me")]


def test_many_starts_at_once_give_each_once(floor: Floor, org: UUID) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: given(floor, NIGHTLY, OFTEN), range(8)))
    assert sum(made) == 2
    assert [one.name for one in listed(floor, org)] == ["nightly", "often"]


def test_arguments_that_do_not_fit_the_kind_make_nothing(floor: Floor, org: UUID) -> None:
    with pytest.raises(InvalidInput):
        given(floor, DefaultSchedule(name="bad", kind=echo.name, every=timedelta(hours=1), arguments={"texts": 1}))
    assert listed(floor, org) == []


def test_scans_are_watched_every_hour_and_looked_at_every_night_at_two() -> None:
    assert {(one.name, one.kind, one.cron) for one in CATALOG.schedules() if one.kind.startswith("scans.")} == {
        ("daily-security-scan", "scans.daily_security_scan", "0 2 * * *"), ("hourly-health-check", "scans.system_health_check", "0 * * * *"),
    }  # fmt: skip
