"""Facts about escalations: who is told when, until somebody acknowledges, and whose turn it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine.escalate import Run, acknowledge, advance, on_duty, start
from watchfloor.capabilities.notifications.schemas.rules import Escalation, Rotation, Step
from watchfloor.capabilities.notifications.schemas.times import Weekday

NOW = datetime(2026, 1, 12, 8, tzinfo=UTC)
PLAN = Escalation(
    steps=(
        Step(after=timedelta(0), users=("ana",)),
        Step(after=timedelta(minutes=15), users=("ben", "cleo"), page=True),
        Step(after=timedelta(minutes=30), users=("dora",), page=True),
    )
)


# Each line: minutes since the start | what happens. `told` lines name steps and users, after what is due by then was told.
TIMELINES = {
    "steps come when their time has come": """
        0 told 0:ana
        14 told nothing
        15 told 1:ben,cleo
        29 told nothing
        30 told 2:dora
        600 told nothing
        600 over
    """,
    "an acknowledgement cancels the rest": """
        0 told 0:ana
        10 acknowledge
        15 told nothing
        600 told nothing
        600 over
    """,
    "an acknowledgement in the minute of a step cancels it": """
        0 told 0:ana
        15 acknowledge
        15 told nothing
    """,
    "a step whose people are away makes the next one due at once": """
        0 away ana
        0 told 0: 1:ben,cleo
        15 told nothing
        30 told 2:dora
    """,
    "of several people those are told who can be reached": """
        0 told 0:ana
        1 away ben
        15 told 1:cleo
        29 told nothing
    """,
    "nobody at all is an alert for each step": """
        0 away ana ben cleo dora
        0 told 0: 1: 2:
        0 over
    """,
    "steps that were missed are told late, and in their order": """
        500 told 0:ana 1:ben,cleo 2:dora
        500 over
    """,
    "people who are away later do not bring a step forward before its own": """
        0 told 0:ana
        5 away ben cleo
        14 told nothing
        15 told 1: 2:dora
        30 told nothing
    """,
}


@pytest.mark.parametrize("name", TIMELINES)
def test_timeline(name: str) -> None:
    run = start(PLAN, NOW)
    away: set[str] = set()
    for line in TIMELINES[name].strip().splitlines():
        minutes, verb, *rest = line.split()
        at = NOW + timedelta(minutes=int(minutes))
        match verb:
            case "away":
                away.update(rest)
            case "acknowledge":
                run = acknowledge(run, "eve", at)
            case "told":
                told, run = advance(PLAN, run, lambda user: user not in away, at)
                assert [f"{one.step}:{','.join(one.users)}" for one in told] == ([] if rest == ["nothing"] else rest), line
                assert all(one.page == PLAN.steps[one.step].page for one in told)
            case _:
                assert run.due_at is None


def test_first_who_acknowledges_stays_named() -> None:
    run = acknowledge(acknowledge(start(PLAN, NOW), "eve", NOW), "finn", NOW + timedelta(minutes=1))
    assert run == Run(started_at=NOW, acknowledged_by="eve", acknowledged_at=NOW)


def test_first_step_may_wait_too() -> None:
    plan = Escalation(steps=(Step(after=timedelta(minutes=5), users=("ana",)),))
    run = start(plan, NOW)
    assert run.due_at == NOW + timedelta(minutes=5)
    assert advance(plan, run, lambda _: True, NOW + timedelta(minutes=4)) == ([], run)


def test_person_named_and_on_duty_is_told_once() -> None:
    plan = Escalation(steps=(Step(after=timedelta(0), users=("ana", "ben"), rotation=Rotation(users=("ben",), since=date(2026, 1, 1))),))
    told, _ = advance(plan, start(plan, NOW), lambda _: True, NOW)
    assert [one.users for one in told] == [("ana", "ben")]


# Ana has the week from Monday 5 January 2026, 09:00 in Berlin; then Ben, then Cleo.
@pytest.mark.parametrize(
    ("now", "who"),
    [
        ("2026-01-01 00:00", "ana"),
        ("2026-01-05 07:59", "ana"),
        ("2026-01-05 08:00", "ana"),
        ("2026-01-12 07:59", "ana"),
        ("2026-01-12 08:00", "ben"),
        ("2026-01-19 08:00", "cleo"),
        ("2026-01-26 07:59", "cleo"),
        ("2026-01-26 08:00", "ana"),
        ("2026-03-30 06:59", "cleo"),  # 12 weeks later clocks have been changed
        ("2026-03-30 07:00", "ana"),
        ("2026-10-26 07:59", "cleo"),
        ("2026-10-26 08:00", "ana"),
        ("2036-01-07 07:59", "cleo"),  # 522 weeks later
        ("2036-01-07 08:00", "ana"),
    ],
)
def test_turn_changes_at_the_hour_that_clocks_show(now: str, who: str) -> None:
    rotation = Rotation(
        users=("ana", "ben", "cleo"), since=date(2026, 1, 1), weekday=Weekday.MON, at_local="09:00", timezone="Europe/Berlin"
    )
    assert on_duty(rotation, datetime.fromisoformat(now).replace(tzinfo=UTC)) == who


@pytest.mark.parametrize(("now", "who"), [("2026-03-29 01:29", "ana"), ("2026-03-29 01:30", "ben")])
def test_hand_over_at_a_skipped_time_happens_once(now: str, who: str) -> None:
    rotation = Rotation(users=("ana", "ben"), since=date(2026, 3, 22), weekday=Weekday.SUN, at_local="02:30", timezone="Europe/Berlin")
    assert on_duty(rotation, datetime.fromisoformat(now).replace(tzinfo=UTC)) == who


def test_rotation_whose_zone_was_removed_goes_on_in_utc() -> None:
    rotation = Rotation(users=("ana", "ben"), since=date(2026, 1, 5), timezone="Mars/Phobos")
    assert [on_duty(rotation, datetime(2026, 1, 12, hour, tzinfo=UTC)) for hour in (8, 9)] == ["ana", "ben"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"steps": []}, "at least 1"),
        ({"steps": [{"after": "PT0S"}]}, "tells users"),
        ({"steps": [{"after": "-PT1S", "users": ["ana"]}]}, "greater than"),
        ({"steps": [{"after": "PT25H", "users": ["ana"]}]}, "less than"),
        ({"steps": [{"after": "PT5M", "users": ["ana"]}, {"after": "PT4M", "users": ["ben"]}]}, "never falls"),
        ({"steps": [{"after": "PT0S", "rotation": {"users": [], "since": "2026-01-01"}}]}, "at least 1"),
    ],
)
def test_escalation_that_cannot_be_is_refused(asked: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Escalation.model_validate(asked)
