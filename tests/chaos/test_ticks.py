"""Every planned instant makes exactly one job, however many schedulers look at clocks that jump."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.jobs import schedules
from watchfloor.kernel.jobs.selftest import Nothing
from watchfloor.kernel.jobs.selftest import test_job as nothing_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.chaos.floor import Floor

pytestmark = pytest.mark.slow


@pytest.fixture
def clock(floor: Floor) -> Iterator[Floor]:
    """Two schedulers, and the right time afterwards."""
    floor.staff(workers=1, schedulers=2)
    yield floor
    jump(floor, 0)
    floor.wait(lambda: floor.session(floor.workers()[0]), "the worker's session")


def jump(floor: Floor, seconds: int) -> None:
    """Set the database's clock this far ahead of the machine's."""
    floor.ask(
        "create or replace function wf_now() returns timestamptz language sql stable parallel safe as "
        f"$$ select statement_timestamp() + interval '{seconds} seconds' $$"
    )


def ticks(floor: Floor, schedule: UUID) -> int:
    """Return how many instants were dealt with."""
    return int(floor.one("select count(*) from schedule_tick where schedule = %s", schedule))


def test_two_schedulers_and_a_jumping_clock_make_one_job_for_each_instant_of_the_grid(clock: Floor) -> None:
    floor = clock
    with floor.ledger.database.transaction(floor.org) as session:
        schedule = schedules.create(
            floor.ledger, session, floor.org, name="every second", kind=nothing_job, request=Nothing(), every=timedelta(seconds=1),
            catch_up="all", overlap="queue",
        )  # fmt: skip
    floor.wait(lambda: ticks(floor, schedule) >= 4, "the first ticks")
    jump(floor, 60)
    floor.wait(lambda: ticks(floor, schedule) >= 66, "the ticks of a minute that passed at once")
    jump(floor, 57)
    floor.wait(lambda: ticks(floor, schedule) >= 70, "ticks after the clock went back")
    with floor.ledger.database.transaction(floor.org) as session:
        schedules.pause(session, floor.org, schedule)
    rows = floor.ask("select tick_at, job, skipped from schedule_tick where schedule = %s order by tick_at", schedule)
    instants = [row[0] for row in rows]
    assert instants == [instants[0] + timedelta(seconds=n) for n in range(len(rows))]
    assert [row for row in rows if row[1] is None or row[2] is not None] == []
    jobs = [row[1] for row in rows]
    assert sorted(row[0] for row in floor.ask("select id from job where schedule = %s", schedule)) == sorted(jobs)
    floor.wait(lambda: floor.counts(jobs) == {"succeeded": len(jobs)}, f"the end of {len(jobs)} planned jobs")
    assert floor.one("select count(*) from job_attempt where outcome = 'succeeded' and job = any (%s)", jobs) == len(jobs)
