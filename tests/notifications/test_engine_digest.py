"""Facts about digests: windows follow each other without a gap, also when clocks are changed, and nothing in them is left out silently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine.digest import DigestItem, DigestWindow, contents, digest_due, digest_window
from watchfloor.capabilities.notifications.schemas.times import DigestPlan, Mode, QuietWindow, Weekday
from watchfloor.kernel.contract import Severity

# zone | plan | now | start | end; all moments in UTC
TABLE = """
Europe/Berlin        | hourly          | 2026-01-12 10:20 | 2026-01-12 10:00 | 2026-01-12 11:00
Europe/Berlin        | hourly          | 2026-01-12 10:00 | 2026-01-12 10:00 | 2026-01-12 11:00
Europe/Berlin        | hourly          | 2026-03-29 00:59 | 2026-03-29 00:00 | 2026-03-29 01:00
Europe/Berlin        | hourly          | 2026-03-29 01:00 | 2026-03-29 01:00 | 2026-03-29 02:00
Europe/Berlin        | hourly          | 2026-10-25 00:30 | 2026-10-25 00:00 | 2026-10-25 01:00
Europe/Berlin        | hourly          | 2026-10-25 01:30 | 2026-10-25 01:00 | 2026-10-25 02:00
Asia/Kathmandu       | hourly          | 2026-01-12 10:20 | 2026-01-12 10:15 | 2026-01-12 11:15
Australia/Lord_Howe  | hourly          | 2026-04-04 15:10 | 2026-04-04 14:00 | 2026-04-04 15:30
Australia/Lord_Howe  | hourly          | 2026-10-03 15:40 | 2026-10-03 15:30 | 2026-10-03 16:00
Pacific/Apia         | hourly          | 2011-12-30 09:59 | 2011-12-30 09:00 | 2011-12-30 10:00
Europe/Berlin        | daily 08:00     | 2026-01-12 06:59 | 2026-01-11 07:00 | 2026-01-12 07:00
Europe/Berlin        | daily 08:00     | 2026-01-12 07:00 | 2026-01-12 07:00 | 2026-01-13 07:00
Europe/Berlin        | daily 08:00     | 2026-03-28 20:00 | 2026-03-28 07:00 | 2026-03-29 06:00
Europe/Berlin        | daily 08:00     | 2026-10-24 20:00 | 2026-10-24 06:00 | 2026-10-25 07:00
Europe/Berlin        | daily 02:30     | 2026-03-29 01:15 | 2026-03-28 01:30 | 2026-03-29 01:30
Europe/Berlin        | daily 02:30     | 2026-03-29 01:30 | 2026-03-29 01:30 | 2026-03-30 00:30
Europe/Berlin        | daily 02:30     | 2026-10-25 00:30 | 2026-10-25 00:30 | 2026-10-26 01:30
Europe/Berlin        | daily 02:30     | 2026-10-25 01:45 | 2026-10-25 00:30 | 2026-10-26 01:30
America/New_York     | daily 08:00     | 2026-03-07 20:00 | 2026-03-07 13:00 | 2026-03-08 12:00
America/New_York     | daily 00:00     | 2026-11-01 20:00 | 2026-11-01 04:00 | 2026-11-02 05:00
America/Havana       | daily 00:00     | 2026-03-08 04:59 | 2026-03-07 05:00 | 2026-03-08 05:00
Asia/Kathmandu       | daily 08:00     | 2026-01-12 02:14 | 2026-01-11 02:15 | 2026-01-12 02:15
Australia/Lord_Howe  | daily 01:45     | 2026-04-04 15:00 | 2026-04-04 14:45 | 2026-04-05 15:15
Pacific/Apia         | daily 08:00     | 2011-12-30 09:00 | 2011-12-29 18:00 | 2011-12-30 18:00
Pacific/Kiritimati   | daily 08:00     | 2026-01-12 17:59 | 2026-01-11 18:00 | 2026-01-12 18:00
Europe/Berlin        | weekly mon 08:00 | 2026-01-12 06:59 | 2026-01-05 07:00 | 2026-01-12 07:00
Europe/Berlin        | weekly mon 08:00 | 2026-03-25 12:00 | 2026-03-23 07:00 | 2026-03-30 06:00
Europe/Berlin        | weekly sun 02:30 | 2026-10-25 01:00 | 2026-10-25 00:30 | 2026-11-01 01:30
Pacific/Kiritimati   | weekly mon 08:00 | 2026-01-11 17:59 | 2026-01-04 18:00 | 2026-01-11 18:00
Pacific/Pago_Pago    | weekly mon 08:00 | 2026-01-12 18:59 | 2026-01-05 19:00 | 2026-01-12 19:00
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Havana", "UTC"]


def plan_of(text: str) -> DigestPlan:
    match text.split():
        case [mode]:
            return DigestPlan(mode=Mode(mode))
        case [mode, at]:
            return DigestPlan(mode=Mode(mode), at_local=at)
        case [mode, day, at]:
            return DigestPlan(mode=Mode(mode), weekday=Weekday(day), at_local=at)
    raise AssertionError(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "plan", "now", "start", "end"), ROWS, ids=[" ".join(row[:3]) for row in ROWS])
def test_window_of_a_moment(zone: str, plan: str, now: str, start: str, end: str) -> None:
    assert digest_window(plan_of(plan), ZoneInfo(zone), utc(now)) == DigestWindow(utc(start), utc(end))


@given(
    st.sampled_from(ZONES),
    st.sampled_from(list(Mode)[1:]),
    st.sampled_from(["00:00", "00:30", "01:45", "02:00", "02:30", "08:00", "23:59"]),
    st.sampled_from(list(Weekday)),
    st.datetimes(datetime(2011, 1, 1), datetime(2027, 12, 1)),  # noqa: DTZ001 - made aware below
)
def test_windows_follow_each_other_without_gap_or_overlap(zone: str, mode: Mode, at: str, day: Weekday, moment: datetime) -> None:
    plan, place, now = DigestPlan(mode=mode, at_local=at, weekday=day), ZoneInfo(zone), moment.replace(tzinfo=UTC)
    window = digest_window(plan, place, now)
    assert window.start <= now < window.end
    assert digest_window(plan, place, window.start) == digest_window(plan, place, window.end - timedelta(microseconds=1)) == window
    assert digest_window(plan, place, window.end).start == window.end
    longest = {Mode.HOURLY: timedelta(minutes=90), Mode.DAILY: timedelta(hours=25), Mode.WEEKLY: timedelta(days=7, hours=1)}[mode]
    assert window.end - window.start <= longest


def test_digest_waits_for_the_end_of_quiet_hours() -> None:
    berlin, night = ZoneInfo("Europe/Berlin"), [QuietWindow(start="22:00", end="07:00")]
    window = digest_window(DigestPlan(mode=Mode.HOURLY), berlin, utc("2026-03-29 00:30"))
    assert digest_due(window, night, berlin) == utc("2026-03-29 05:00")
    assert digest_due(window, [], berlin) == utc("2026-03-29 01:00")


def test_digest_is_never_immediate() -> None:
    with pytest.raises(ValidationError, match="hourly, daily or weekly"):
        DigestPlan(mode=Mode.IMMEDIATE)


def item(number: int, severity: Severity = Severity.LOW, *, minute: int = 0, resolved: bool = False) -> DigestItem:
    at = datetime(2026, 1, 12, 8, minute, tzinfo=UTC)
    return DigestItem(notification=UUID(int=number), severity=severity, occurred_at=at, resolved=resolved)


def test_weightiest_items_come_first_and_resolved_ones_last() -> None:
    told = contents(
        [
            item(1),
            item(2, Severity.CRITICAL, resolved=True),
            item(3, Severity.HIGH, minute=5),
            item(4, Severity.HIGH, minute=1),
            item(4, Severity.HIGH),
        ]
    )
    assert told is not None
    assert [one.notification.int for one in told.shown] == [4, 3, 1, 2]
    assert (dict(told.open), told.resolved, told.left) == ({Severity.HIGH: 2, Severity.LOW: 1}, 1, 0)


def test_digest_shows_fifty_and_counts_all() -> None:
    told = contents(item(n, resolved=n % 10 == 0) for n in range(1, 1001))
    assert told is not None
    assert (len(told.shown), told.left, told.open[Severity.LOW], told.resolved) == (50, 950, 900, 100)


def test_empty_digest_is_not_sent() -> None:
    assert contents([]) is None
