"""What the ledger tells of itself: jobs that were given up, schedules that could not tick; written by the statement that did it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.emitted import Emitted
from tests.jobs.kinds import Text, echo, short
from tests.jobs.relaying import told
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Reaction
from watchfloor.kernel.db.ids import first_id
from watchfloor.kernel.jobs import rescue, schedules
from watchfloor.kernel.jobs.claim import End, finish
from watchfloor.kernel.jobs.relay import know
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor

HOUR_S = 3600


def events(floor: Floor, org: UUID) -> list[tuple[Any, ...]]:
    """Return name, severity and data of the organisation's events, oldest first, each as it is declared."""
    found = floor.ask("select name, severity, data from event where org = %s order by id", org)
    looked_at = Emitted()
    for name, _severity, data in found:
        looked_at.check(name, data)
    assert looked_at.wrong == []
    return found


def fail(floor: Floor, org: UUID, kind: Any = echo, **options: Any) -> UUID:
    """Let a fresh job give up."""
    session, held = floor.started(org, kind, **options)
    assert floor.end(session, held, Outcome.FAILED, reason="no such host") == "failed"
    return held.id


def test_a_job_that_gave_up_is_told_with_its_reason(floor: Floor) -> None:
    org = floor.org()
    job = fail(floor, org)
    assert events(floor, org) == [
        ("job.failed", "medium", {"job": str(job), "kind": "tests.echo", "attempts": 1, "reason": "no such host"})
    ]
    assert floor.ask("select job from event where org = %s", org) == [(job,)]


def test_its_id_sorts_among_those_that_the_program_makes(floor: Floor) -> None:
    org, begun = floor.org(), first_id(now() - timedelta(seconds=1))
    fail(floor, org)
    made: UUID = floor.one("select id from event where org = %s", org)
    assert (made.version, begun < made < first_id(now() + timedelta(seconds=1))) == (7, True)


def test_a_failure_that_is_tried_again_is_no_news_until_the_last_one(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    for attempt in range(1, 4):
        assert events(floor, org) == []
        assert floor.end(session, held, Outcome.RETRY, reason="rate limited") == ("failed" if attempt == 3 else "scheduled")
        if attempt < 3:
            held = floor.again(session, held.id)
    assert [(name, data["attempts"]) for name, _, data in events(floor, org)] == [("job.failed", 3)]


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.CANCELLED, Outcome.HANDED_BACK])
def test_every_other_end_is_no_news(floor: Floor, outcome: Outcome) -> None:
    org = floor.org()
    session, held = floor.started(org)
    floor.end(session, held, outcome)
    assert events(floor, org) == []


def test_of_a_kind_one_failure_in_an_hour_is_told(floor: Floor) -> None:
    org = floor.org()
    for _ in range(3):
        fail(floor, org)
    fail(floor, org, short)
    assert [data["kind"] for _, _, data in events(floor, org)] == ["tests.echo", "tests.short"]
    floor.pass_time(HOUR_S)
    for _ in range(2):
        fail(floor, org)
    assert [data["kind"] for _, _, data in events(floor, org)] == ["tests.echo", "tests.short", "tests.echo"]


def test_failures_that_are_recorded_together_are_told_once_in_each_organisation(floor: Floor) -> None:
    here, there, session = floor.org(), floor.org(), floor.session()
    held = [floor.started(org, short, session=session)[1] for org in (here, there, here)]
    ended = finish(floor.ledger, session, [(one, End(outcome=Outcome.FAILED)) for one in held])
    assert set(ended.values()) == {"failed"}
    assert [len(events(floor, org)) for org in (here, there)] == [1, 1]


def test_a_fenced_attempt_tells_nothing(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    floor.ask("update job set fence = fence + 1 where id = %s", held.id)
    assert floor.end(session, held, Outcome.FAILED) is None
    assert events(floor, org) == []


def test_a_job_that_killed_three_workers_is_told(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    for crash in range(1, 4):
        assert events(floor, org) == []
        floor.engine("lose_session", session=session)
        rescue.reap(floor.ledger)
        if crash < 3:
            floor.pass_time(10)
            session = floor.session()
            held = floor.again(session, held.id)
    ((name, severity, data),) = events(floor, org)
    assert (name, severity, data["job"], data["attempts"]) == ("job.quarantined", "high", str(held.id), 3)


def test_what_notifies_tells_nothing_of_itself(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    floor.ask("update job set queue = 'notifications' where id = %s", held.id)
    assert floor.end(session, held, Outcome.FAILED) == "failed"
    assert events(floor, org) == []


@pytest.mark.parametrize("pattern", ["job.failed", "job.*", "*"])
def test_a_failure_starts_what_reacts_to_it(floor: Floor, pattern: str) -> None:
    org = floor.org()
    know(floor.ledger, [Reaction(event=pattern, kind=told.name, with_events=True), Reaction(event="schedule.*", kind="tests.woken")])
    fail(floor, org)
    assert floor.ask("select d.kind, e.name from event_due d join event e on e.id = d.event where d.org = %s", org) == [
        (told.name, "job.failed")
    ]


def planned(floor: Floor, org: UUID, **more: Any) -> UUID:
    """Make a schedule that ticks every hour."""
    with floor.ledger.database.transaction(org) as session:
        return schedules.create(floor.ledger, session, org, name="s", kind=echo, request=Text(), **{"every": timedelta(hours=1)} | more)


def test_a_schedule_that_could_not_tick_is_told_once_for_all_instants(floor: Floor) -> None:
    org = floor.org()
    schedule = planned(floor, org, catch_up="none")
    floor.pass_time(4.5 * HOUR_S)
    for _ in range(2):
        schedules.tick(floor.ledger)
    ((name, severity, data),) = events(floor, org)
    assert (name, severity, data["schedule"], data["name"], data["kind"], data["missed"], data["runs"]) == (
        "schedule.missed", "medium", str(schedule), "s", "tests.echo", 4, False,
    )  # fmt: skip
    assert data["first"] < data["last"]


def test_one_that_runs_late_is_told_as_information(floor: Floor) -> None:
    org = floor.org()
    planned(floor, org)
    floor.pass_time(4.5 * HOUR_S)
    assert schedules.tick(floor.ledger) == 1
    assert [(severity, data["missed"], data["runs"]) for _, severity, data in events(floor, org)] == [("info", 3, True)]


@pytest.mark.parametrize(("minutes", "more"), [(61, {}), (121, {"catch_up": "all"}), (5, {"every": timedelta(minutes=1)})])
def test_one_that_is_in_time_makes_up_or_lost_some_minutes_is_no_news(floor: Floor, minutes: int, more: dict[str, Any]) -> None:
    org = floor.org()
    planned(floor, org, **more)
    floor.pass_time(minutes * 60)
    assert schedules.tick(floor.ledger) >= 1
    assert events(floor, org) == []


def test_what_a_schedule_missed_starts_what_reacts_to_it(floor: Floor) -> None:
    org = floor.org()
    know(floor.ledger, [Reaction(event="schedule.missed", kind=told.name, with_events=True)])
    planned(floor, org, catch_up="none")
    floor.pass_time(4.5 * HOUR_S)
    schedules.tick(floor.ledger)
    assert floor.ask("select kind from event_due where org = %s", org) == [(told.name,)]
