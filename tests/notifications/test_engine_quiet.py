"""Facts about quiet hours: one table of windows and moments, worked out by hand, in zones that change their clocks in every way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine.quiet import check_quiet, covers_week, quiet_until
from watchfloor.capabilities.notifications.engine.zones import known_zone
from watchfloor.capabilities.notifications.schemas.times import QuietWindow, Weekday
from watchfloor.kernel.errors import InvalidInput

# zone | windows | now, UTC | until when it is quiet, UTC; a dash when it is not
TABLE = """
Europe/Berlin        | 22:00-07:00                              | 2026-01-12 20:59 | -
Europe/Berlin        | 22:00-07:00                              | 2026-01-12 21:00 | 2026-01-13 06:00
Europe/Berlin        | 22:00-07:00                              | 2026-01-12 23:30 | 2026-01-13 06:00
Europe/Berlin        | 22:00-07:00                              | 2026-01-13 05:59 | 2026-01-13 06:00
Europe/Berlin        | 22:00-07:00                              | 2026-01-13 06:00 | -
Europe/Berlin        | 22:00-07:00                              | 2026-07-13 20:00 | 2026-07-14 05:00
Europe/Berlin        | 12:00-13:00                              | 2026-01-12 11:30 | 2026-01-12 12:00
Europe/Berlin        | 12:00-13:00                              | 2026-01-12 12:00 | -
Europe/Berlin        | mon 00:00-00:00                          | 2026-01-11 22:59 | -
Europe/Berlin        | mon 00:00-00:00                          | 2026-01-11 23:00 | 2026-01-12 23:00
Europe/Berlin        | mon 00:00-00:00                          | 2026-01-12 22:59 | 2026-01-12 23:00
Europe/Berlin        | mon 00:00-00:00                          | 2026-01-12 23:00 | -
Europe/Berlin        | mon 22:00-22:00                          | 2026-01-13 20:59 | 2026-01-13 21:00
Europe/Berlin        | fri 22:00-07:00                          | 2026-01-17 02:00 | 2026-01-17 06:00
Europe/Berlin        | fri 22:00-07:00                          | 2026-01-17 22:00 | -
Europe/Berlin        | fri 22:00-07:00                          | 2026-01-16 02:00 | -
Europe/Berlin        | sat,sun 00:00-24:00                      | 2026-01-16 23:00 | 2026-01-18 23:00
Europe/Berlin        | fri 18:00-08:00; sat,sun 00:00-00:00     | 2026-01-16 17:30 | 2026-01-18 23:00
Europe/Berlin        | 22:00-00:00; 00:00-06:00                 | 2026-01-12 22:30 | 2026-01-13 05:00
Europe/Berlin        | 20:00-23:00; 22:00-01:00                 | 2026-01-12 19:30 | 2026-01-13 00:00
Europe/Berlin        | 22:00-23:59; 00:00-06:00                 | 2026-01-12 22:30 | 2026-01-12 22:59
Europe/Berlin        | 22:00-07:00                              | 2026-03-28 23:30 | 2026-03-29 05:00
Europe/Berlin        | 22:00-07:00                              | 2026-10-24 23:30 | 2026-10-25 06:00
Europe/Berlin        | 02:30-06:00                              | 2026-03-29 00:29 | -
Europe/Berlin        | 02:30-06:00                              | 2026-03-29 00:30 | 2026-03-29 04:00
Europe/Berlin        | 22:00-02:30                              | 2026-03-29 01:29 | 2026-03-29 01:30
Europe/Berlin        | 22:00-02:30                              | 2026-03-29 01:30 | -
Europe/Berlin        | 02:00-03:00                              | 2026-03-29 00:30 | 2026-03-29 01:00
Europe/Berlin        | 02:30-06:00                              | 2026-10-25 00:29 | -
Europe/Berlin        | 02:30-06:00                              | 2026-10-25 00:30 | 2026-10-25 05:00
Europe/Berlin        | 02:30-06:00                              | 2026-10-25 01:10 | 2026-10-25 05:00
Europe/Berlin        | 22:00-02:30                              | 2026-10-25 00:45 | 2026-10-25 01:30
Europe/Berlin        | 22:00-02:30                              | 2026-10-25 01:30 | -
Europe/Berlin        | 02:10-02:20                              | 2026-10-25 00:30 | 2026-10-25 01:20
America/New_York     | 22:00-07:00                              | 2026-03-08 04:00 | 2026-03-08 11:00
America/New_York     | 22:00-07:00                              | 2026-11-01 03:00 | 2026-11-01 12:00
America/New_York     | 01:30-06:00                              | 2026-11-01 05:29 | -
America/New_York     | 01:30-06:00                              | 2026-11-01 05:30 | 2026-11-01 11:00
America/New_York     | 22:00-02:30                              | 2026-03-08 07:29 | 2026-03-08 07:30
America/New_York     | 22:00-02:30                              | 2026-03-08 07:30 | -
Australia/Lord_Howe  | 22:00-07:00                              | 2026-04-04 12:00 | 2026-04-04 20:30
Australia/Lord_Howe  | 22:00-01:45                              | 2026-04-04 15:00 | 2026-04-04 15:15
Australia/Lord_Howe  | 22:00-01:45                              | 2026-04-04 15:15 | -
Australia/Lord_Howe  | 01:45-06:00                              | 2026-04-04 14:44 | -
Australia/Lord_Howe  | 01:45-06:00                              | 2026-04-04 14:45 | 2026-04-04 19:30
Australia/Lord_Howe  | 22:00-07:00                              | 2026-10-03 12:00 | 2026-10-03 20:00
Australia/Lord_Howe  | 22:00-02:15                              | 2026-10-03 15:40 | 2026-10-03 15:45
Australia/Lord_Howe  | 22:00-02:15                              | 2026-10-03 15:45 | -
Asia/Kathmandu       | 22:00-07:00                              | 2026-01-12 16:14 | -
Asia/Kathmandu       | 22:00-07:00                              | 2026-01-12 16:15 | 2026-01-13 01:15
Pacific/Kiritimati   | fri 22:00-07:00                          | 2026-01-16 08:00 | 2026-01-16 17:00
Pacific/Kiritimati   | fri 22:00-07:00                          | 2026-01-15 08:00 | -
Pacific/Pago_Pago    | fri 22:00-07:00                          | 2026-01-17 08:59 | -
Pacific/Pago_Pago    | fri 22:00-07:00                          | 2026-01-17 09:00 | 2026-01-17 18:00
Pacific/Apia         | thu 22:00-07:00                          | 2011-12-30 12:00 | 2011-12-30 17:00
Pacific/Apia         | 22:00-07:00                              | 2011-12-30 09:00 | 2011-12-30 17:00
America/Havana       | 00:00-06:00                              | 2026-03-08 04:30 | -
America/Havana       | 00:00-06:00                              | 2026-03-08 05:00 | 2026-03-08 10:00
America/St_Johns     | fri 23:30-23:20                          | 2010-11-07 02:30 | 2010-11-07 02:50
UTC                  |                                          | 2026-01-12 02:00 | -
"""


def windows_of(text: str) -> list[QuietWindow]:
    made = []
    for one in filter(None, (part.strip() for part in text.split(";"))):
        *days, hours = one.split()
        start, end = hours.split("-")
        made.append(QuietWindow(days=tuple(Weekday(day) for day in days[0].split(",")) if days else tuple(Weekday), start=start, end=end))
    return made


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ROWS = [[cell.strip() for cell in line.split("|")] for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("zone", "windows", "now", "until"), ROWS, ids=[" ".join(row) for row in ROWS])
def test_quiet_hours_hold_until(zone: str, windows: str, now: str, until: str) -> None:
    assert quiet_until(windows_of(windows), ZoneInfo(zone), utc(now)) == (None if until == "-" else utc(until))


def test_windows_in_a_row_are_followed_fifteen_times_and_then_asked_again() -> None:
    hours = windows_of(";".join(f"{hour:02}:00-{hour + 1:02}:00" for hour in range(20)))
    first = quiet_until(hours, UTC, utc("2026-01-12 00:30"))
    assert first == utc("2026-01-12 15:00")
    assert quiet_until(hours, UTC, first) == utc("2026-01-12 20:00")


@given(
    st.lists(st.tuples(st.sets(st.sampled_from(list(Weekday)), min_size=1), st.integers(0, 95), st.integers(0, 95)), max_size=4),
    st.integers(0, 2 * 7 * 96),
)
def test_in_a_zone_that_never_changes_it_is_quiet_exactly_in_the_hours_that_clocks_show(
    wished: list[tuple[set[Weekday], int, int]], quarter: int
) -> None:
    windows = [QuietWindow(days=tuple(days), start=clock(start), end=clock(end)) for days, start, end in wished]
    now = utc("2026-01-11 18:15") + quarter * timedelta(minutes=15)  # midnight of a Monday in Kathmandu
    covered = {
        (day.number * 96 + start + n) % (7 * 96) for days, start, end in wished for day in days for n in range((end - start) % 96 or 96)
    }
    until = quiet_until(windows, ZoneInfo("Asia/Kathmandu"), now)
    assert (until is not None) == (quarter % (7 * 96) in covered)
    if until is not None and len(covered) < 7 * 96:
        steps = (until - now) // timedelta(minutes=15)
        assert all((quarter + n) % (7 * 96) in covered for n in range(steps))


def clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


@pytest.mark.parametrize(
    ("windows", "whole"),
    [
        ("00:00-00:00", True),
        ("09:00-09:00", True),
        ("08:00-20:00; 20:00-08:00", True),
        ("mon 00:00-12:00; mon 12:00-00:00; tue,wed,thu,fri,sat,sun 00:00-24:00", True),
        ("sun 12:00-12:00; mon,tue,wed,thu,fri,sat 12:00-12:00", True),
        ("08:00-20:00; 20:00-07:59", False),
        ("mon,tue,wed,thu,fri,sat 00:00-00:00", False),
        ("sun 12:00-11:59; mon,tue,wed,thu,fri,sat 12:00-12:00", False),
        ("00:01-00:00", False),
        ("22:00-07:00", False),
        ("", False),
    ],
)
def test_windows_that_leave_no_minute_are_refused(windows: str, *, whole: bool) -> None:
    assert covers_week(windows_of(windows)) == whole
    if whole:
        with pytest.raises(InvalidInput, match="whole week") as error:
            check_quiet(windows_of(windows), "Europe/Berlin")
        assert (error.value.status, error.value.field) == (422, "/quiet")
    else:
        check_quiet(windows_of(windows), "Europe/Berlin")


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "../../etc/passwd", "/etc/passwd", "Europe", "europe/berlin\n", "\x00", "x" * 5000])
def test_unknown_zone_is_refused_when_wished_and_utc_when_it_was_known_once(name: str) -> None:
    with pytest.raises(InvalidInput, match="no time zone") as error:
        check_quiet([], name)
    assert (error.value.status, error.value.field) == (422, "/timezone")
    assert known_zone(name) == (UTC, False)


def test_zone_that_exists_is_known() -> None:
    assert known_zone("Asia/Kathmandu") == (ZoneInfo("Asia/Kathmandu"), True)


@pytest.mark.parametrize(
    "wish",
    [
        {"start": "24:00", "end": "07:00"},
        {"start": "22:00", "end": "7:00"},
        {"start": "22:60", "end": "07:00"},
        {"start": "22:00\n", "end": "07:00"},
        {"start": "22:00", "end": "07:00", "days": []},
        {"start": "22:00", "end": "07:00", "days": ["monday"]},
        {"start": "22:00"},
    ],
)
def test_window_that_is_none_is_refused(wish: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        QuietWindow.model_validate(wish)
