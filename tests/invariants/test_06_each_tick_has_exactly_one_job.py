"""Promise 06: each planned instant has exactly one job, or one written reason why none, however many schedulers look and whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

import pytest

from tests.jobs.conftest import floor, ledger_floor
from tests.jobs.kinds import Text, echo
from watchfloor.kernel.jobs import schedules
from watchfloor.kernel.jobs.schedules import Rhythm

if TYPE_CHECKING:
    from tests.jobs.floor import Floor

__all__ = ["floor", "ledger_floor"]

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize("night", ["2026-03-28T23:30", "2026-10-24T22:30"])
@pytest.mark.parametrize("cron", ["*/20 * * * *", "30 2 * * *"])
def test_two_schedulers_over_a_night_that_changes_the_clock(floor: Floor, night: str, cron: str) -> None:
    org = floor.org()
    begin = datetime.fromisoformat(night).replace(tzinfo=UTC)
    floor.ask("update wf_clock set shift = %s - statement_timestamp()", begin)
    with floor.ledger.database.transaction(org) as session:
        made = schedules.create(
            floor.ledger, session, org, name="night", kind=echo, request=Text(), cron=cron, tz=BERLIN, catch_up="all", overlap="queue"
        )
    for _ in range(8):
        floor.pass_time(2400)
        floor.together(*[lambda: schedules.tick(floor.ledger)] * 2)
    schedules.tick(floor.ledger)
    now = floor.one("select wf_now()")
    grid = list(takewhile(lambda instant: instant <= now, Rhythm(cron, None, BERLIN).after(begin + timedelta(seconds=5))))
    assert grid
    assert [row[0] for row in floor.ask("select tick_at from schedule_tick where schedule = %s order by tick_at", made)] == grid
    assert floor.one("select count(*) from job where schedule = %s", made) == len(grid)
    assert floor.one("select count(distinct job) from schedule_tick where job is not null") == len(grid)


def test_clock_that_goes_back_makes_no_second_job(floor: Floor) -> None:
    org = floor.org()
    with floor.ledger.database.transaction(org) as session:
        schedules.create(
            floor.ledger, session, org, name="s", kind=echo, request=Text(), every=timedelta(minutes=10), catch_up="all", overlap="queue"
        )
    for seconds in (700, -7200, 7200, 650, -600, 600):
        floor.pass_time(seconds)
        schedules.tick(floor.ledger)
    assert floor.one("select count(*) from job") == floor.one("select count(*) from schedule_tick") == 2
