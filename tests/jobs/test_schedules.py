"""Planned instants: on the local clock, through nights that have an hour too many or too few, each with one job at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.kinds import Text, echo
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound
from watchfloor.kernel.jobs import schedules
from watchfloor.kernel.jobs.schedules import LATE, RECORDED, Rhythm, plan, preview

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "tz", "after", "expected"),
    [
        ("0 6 * * *", "UTC", "2026-03-01T00:00", ["2026-03-01T06:00", "2026-03-02T06:00"]),
        ("0 6 * * *", "Asia/Kolkata", "2026-03-01T00:00", ["2026-03-01T00:30", "2026-03-02T00:30"]),
        ("*/15 * * * *", "UTC", "2026-03-01T00:07", ["2026-03-01T00:15", "2026-03-01T00:30"]),
        ("0 9 * * 1-5", "UTC", "2026-11-20T12:00", ["2026-11-23T09:00", "2026-11-24T09:00"]),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 31 * *", "UTC", "2026-04-01T00:00", ["2026-05-31T00:00", "2026-07-31T00:00"]),
        # The night that has no 02:30: clocks go from 02:00 to 03:00 at 01:00 UTC.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("30 1 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T00:30", "2026-03-29T23:30"]),
        ("30 3 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29T01:30", "2026-03-30T01:30"]),
        # The night that has 02:30 twice: clocks go back from 03:00 to 02:00 at 01:00 UTC.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("0 12 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25T11:00", "2026-10-26T11:00"]),
    ],
)
def test_crontab_follows_the_local_clock(cron: str, tz: str, after: str, expected: list[str]) -> None:
    assert list(islice(Rhythm(cron, None, tz).after(utc(after)), 2)) == [utc(moment) for moment in expected]


@pytest.mark.parametrize(("start", "hours"), [("2026-03-28T22:00", 6), ("2026-10-24T21:00", 6)])
def test_every_minute_ticks_every_minute_through_both_nights(start: str, hours: int) -> None:
    ticks = list(islice(Rhythm("* * * * *", None, BERLIN).after(utc(start)), hours * 60))
    assert len(set(ticks)) == len(ticks)
    assert ticks == sorted(ticks)
    assert {later - earlier for earlier, later in pairwise(ticks)} == {timedelta(minutes=1)}


def test_interval_counts_from_its_first_tick() -> None:
    assert list(islice(Rhythm(None, timedelta(minutes=90)).after(utc("2026-03-29T00:00")), 2)) == [
        utc("2026-03-29T01:30"), utc("2026-03-29T03:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("catch_up", "first", "now", "runs", "skipped", "upcoming"),
    [
        ("latest", "10:00", "10:00", ["10:00"], 0, "11:00"),
        ("none", "10:00", "10:00", ["10:00"], 0, "11:00"),
        ("all", "10:00", "10:00", ["10:00"], 0, "11:00"),
        ("latest", "10:00", "13:30", ["13:00"], 3, "14:00"),
        ("none", "10:00", "13:30", [], 4, "14:00"),
        ("none", "10:00", "13:01", ["13:00"], 3, "14:00"),
        ("all", "10:00", "13:30", ["10:00", "11:00", "12:00", "13:00"], 0, "14:00"),
    ],
)
def test_missed_instants_follow_the_catch_up_rule(
    catch_up: Any, first: str, now: str, runs: list[str], skipped: int, upcoming: str
) -> None:  # fmt: skip
    day = "2026-03-01T"
    ticks, following = plan(Rhythm("0 * * * *", None), utc(day + first), utc(day + now), catch_up)
    assert [instant for instant, reason in ticks if reason is None] == [utc(day + moment) for moment in runs]
    assert [reason for _, reason in ticks if reason] == ["missed"] * skipped
    assert following == utc(day + upcoming)


def test_long_silence_is_made_up_for_in_portions() -> None:
    rhythm, now = Rhythm("* * * * *", None), utc("2026-03-03T00:00")
    first, seen = utc("2026-03-01T00:00"), []
    for _ in range(10):
        ticks, first = plan(rhythm, first, now, "all")
        assert len(ticks) <= RECORDED
        seen += [instant for instant, _ in ticks]
        if first > now:
            break
    assert seen == [utc("2026-03-01T00:00") + timedelta(minutes=n) for n in range(2 * 24 * 60 + 1)]


def test_years_of_silence_end_in_one_step() -> None:
    now = utc("2026-03-01T00:00")
    ticks, upcoming = plan(Rhythm("* * * * *", None), utc("2025-06-01T00:00"), now, "latest")
    assert len(ticks) == RECORDED
    assert sum(reason is None for _, reason in ticks) == 1
    assert upcoming > now


def test_preview_lies_ahead() -> None:
    moments = preview("0 6 * * *", BERLIN, 3)
    assert len(moments) == 3
    assert moments == sorted(moments)
    assert moments[0] > datetime.now(UTC)


@pytest.mark.parametrize(
    ("cron", "every", "tz", "says", "field"),
    [
        ("61 * * * *", None, "UTC", "not a crontab", "/cron"),
        ("* * *", None, "UTC", "Five fields", "/cron"),
        ("", None, "UTC", "not a crontab", "/cron"),
        ("x" * 5000, None, "UTC", "not a crontab", "/cron"),
        ("0 0 30 2 *", None, "UTC", "never comes|not a crontab", "/cron"),
        ("0 6 * * *", None, "Europe/Atlantis", "not a time zone", "/tz"),
        ("0 6 * * *", None, "../../etc/passwd", "not a time zone", "/tz"),
        ("0 6 * * *", None, "", "not a time zone", "/tz"),
        (None, None, "UTC", "either a crontab or an interval", "/cron"),
        ("0 6 * * *", timedelta(hours=1), "UTC", "either a crontab or an interval", "/cron"),
        (None, timedelta(milliseconds=10), "UTC", "too short", "/every"),
        (None, timedelta(0), "UTC", "too short", "/every"),
        (None, timedelta(days=-1), "UTC", "too short", "/every"),
    ],
)
def test_rhythm_that_cannot_be_is_refused(cron: str | None, every: timedelta | None, tz: str, says: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        Rhythm(cron, every, tz).check()
    assert caught.value.field == field


def create(floor: Floor, org: UUID, name: str = "hourly", **more: Any) -> UUID:
    with floor.ledger.database.transaction(org) as session:
        return schedules.create(
            floor.ledger, session, org, name=name, kind=echo, request=Text(text="planned"), **{"every": timedelta(hours=1)} | more
        )


def ticks(floor: Floor) -> list[tuple[bool, str | None]]:
    return floor.ask("select job is not null, skipped from schedule_tick order by tick_at")


def test_due_instant_makes_one_job_however_often_one_looks(floor: Floor) -> None:
    org = floor.org()
    schedule = create(floor, org, priority=8, actor="anna")
    assert schedules.tick(floor.ledger) == 0
    floor.pass_time(3601)
    assert schedules.tick(floor.ledger) == 1
    assert schedules.tick(floor.ledger) == 0
    assert floor.ask("select org, kind, queue, stage, priority, schedule, actor, label, max_failures, budgets from job") == [
        (org, "tests.echo", "default", "scheduled", 1, schedule, "schedule", "hourly", 3, ["kind:tests.echo"])
    ]
    assert ticks(floor) == [(True, None)]


def test_instant_that_was_ticked_is_never_ticked_again(floor: Floor) -> None:
    schedule = create(floor, floor.org(), overlap="queue")
    due = floor.one("select next_tick from schedule")
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    floor.ask("update schedule set next_tick = %s where id = %s", due, schedule)
    assert schedules.tick(floor.ledger) == 0
    assert floor.one("select count(*) from job") == 1


def test_two_schedulers_share_the_instants(floor: Floor) -> None:
    org = floor.org()
    for n in range(8):
        create(floor, org, f"s{n}")
    floor.pass_time(3601)
    made = floor.together(*[lambda: schedules.tick(floor.ledger)] * 4)
    assert sum(made) + schedules.tick(floor.ledger) == 8
    assert floor.one("select count(*) from job") == 8


def test_overlap_skip_writes_down_why(floor: Floor) -> None:
    create(floor, floor.org(), overlap="skip")
    for _ in range(2):
        floor.pass_time(3601)
        schedules.tick(floor.ledger)
    assert ticks(floor) == [(True, None), (False, "overlap")]


def test_overlap_skip_runs_again_once_the_job_ended(floor: Floor) -> None:
    org = floor.org()
    create(floor, org, overlap="skip")
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    session = floor.session()
    floor.end(session, floor.again(session, floor.one("select id from job")))
    floor.pass_time(3601)
    assert schedules.tick(floor.ledger) == 1


def test_overlap_queue_lets_them_line_up(floor: Floor) -> None:
    create(floor, floor.org(), overlap="queue")
    for _ in range(3):
        floor.pass_time(3601)
        assert schedules.tick(floor.ledger) == 1


def test_overlap_cancel_previous_ends_the_older_one(floor: Floor) -> None:
    create(floor, floor.org(), overlap="cancel_previous")
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    first = floor.one("select id from job")
    floor.pass_time(3601)
    assert schedules.tick(floor.ledger) == 1
    assert floor.job(first, "stage", "cancel_by") == ("cancelled", "schedule")


def test_missed_instants_are_on_record(floor: Floor) -> None:
    create(floor, floor.org(), catch_up="latest")
    floor.pass_time(3600 * 4 + 60)
    assert schedules.tick(floor.ledger) == 1
    assert ticks(floor) == [(False, "missed")] * 3 + [(True, None)]


def test_arguments_are_sealed_for_the_schedule(floor: Floor) -> None:
    org = floor.org()
    schedule = create(floor, org)
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    ((kid, version, blob),) = floor.ask("select kid, v, blob from job_payload")
    assert version == 2
    assert b"planned" not in bytes(blob)
    assert floor.ledger.vault.open(org, kid, f"schedule|args|{schedule}", bytes(blob)) == b'{"text":"planned"}'


def test_paused_schedule_is_silent_and_makes_up_for_nothing(floor: Floor) -> None:
    org = floor.org()
    schedule = create(floor, org, catch_up="all")
    with floor.ledger.database.transaction(org) as session:
        schedules.pause(session, org, schedule)
    floor.pass_time(3600 * 5)
    assert schedules.tick(floor.ledger) == 0
    with floor.ledger.database.transaction(org) as session:
        schedules.resume(session, org, schedule)
    assert schedules.tick(floor.ledger) == 0
    floor.pass_time(3601)
    assert schedules.tick(floor.ledger) == 1


def test_removed_schedule_leaves_its_jobs(floor: Floor) -> None:
    org = floor.org()
    schedule = create(floor, org)
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    with floor.ledger.database.transaction(org) as session:
        schedules.remove(session, org, schedule)
    floor.pass_time(3601)
    assert schedules.tick(floor.ledger) == 0
    assert floor.one("select stage from job") == "scheduled"


def test_run_now_is_beside_the_rhythm(floor: Floor) -> None:
    org = floor.org()
    schedule = create(floor, org)
    before = floor.one("select next_tick from schedule")
    with floor.ledger.database.transaction(org) as session:
        job = schedules.run_now(floor.ledger, session, org, schedule, {"tests.echo": echo}, "anna")
    assert floor.job(job, "stage", "actor", "label") == ("queued", "anna", "hourly")
    assert floor.one("select next_tick from schedule") == before


def test_schedule_of_another_organisation_is_not_there(floor: Floor) -> None:
    schedule, stranger = create(floor, floor.org()), floor.org()
    with floor.ledger.database.transaction(stranger) as session:
        for change in (schedules.pause, schedules.resume, schedules.remove):
            with pytest.raises(NotFound):
                change(session, stranger, schedule)
        with pytest.raises(NotFound):
            schedules.run_now(floor.ledger, session, stranger, schedule, {"tests.echo": echo}, "eve")
    assert floor.one("select enabled from schedule")


def test_name_is_taken_once(floor: Floor) -> None:
    org = floor.org()
    create(floor, org)
    with pytest.raises(Conflict, match="named 'hourly' already"):
        create(floor, org)
    create(floor, floor.org())


def test_schedule_that_can_tick_no_more_stops_nobody_else(floor: Floor) -> None:
    org = floor.org()
    broken, sound = create(floor, org, "broken"), create(floor, org, "sound")
    floor.ask("update schedule set cron = '0 6 * * *', every_s = null, tz = 'Europe/Atlantis', next_tick = now() where id = %s", broken)
    floor.pass_time(3601)
    assert schedules.tick(floor.ledger) == 1
    assert floor.ask("select id, enabled from schedule order by id") == sorted([(broken, False), (sound, True)])
    assert floor.one("select schedule from job") == sound


def test_jitter_spreads_without_moving_the_grid(floor: Floor) -> None:
    org = floor.org()
    for n in range(5):
        create(floor, org, f"s{n}", jitter=timedelta(minutes=10))
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    spread = [
        row[0]
        for row in floor.ask("select extract(epoch from j.run_at - t.tick_at)::float8 from job j join schedule_tick t on t.job = j.id")
    ]
    assert all(0 <= seconds <= 600 for seconds in spread)
    assert len(set(spread)) > 1


def test_late_is_judged_in_seconds() -> None:
    assert timedelta(seconds=30) < LATE < timedelta(minutes=5)
