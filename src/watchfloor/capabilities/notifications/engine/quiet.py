"""Quiet hours: whether somebody wants to be left alone now, and until when. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.zones import local_of, moments, parse_zone
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import time, tzinfo

    from watchfloor.capabilities.notifications.schemas.times import QuietWindow

REPEATS: Final = 14
DAY: Final = 24 * 60
WEEK: Final = 7 * DAY
ONE_DAY: Final = timedelta(days=1)


def quiet_until(windows: Sequence[QuietWindow], zone: tzinfo, now: datetime) -> datetime | None:
    """Return when a message of now may be told, in UTC; None when it may be told now.

    On days when clocks are changed quiet hours are longer rather than shorter. The answer is the end of up to 15 windows in a row:
    ask again at that moment, as wishes may have changed by then anyway.
    """
    return _until(tuple(windows), zone, now)


@lru_cache(maxsize=4096)  # one message for ten thousand people is one moment, and few of them wish something of their own
def _until(windows: tuple[QuietWindow, ...], zone: tzinfo, now: datetime) -> datetime | None:
    until, at = None, now
    for _ in range(1 + REPEATS):
        ends = list(_ends(windows, zone, at))
        if not ends:
            break
        until = at = max(ends)
    return until


def check_quiet(windows: Sequence[QuietWindow], timezone: str) -> None:
    """Raise InvalidInput for a zone nobody knows, and for windows that leave no minute of the week in which anything could be told."""
    parse_zone(timezone)
    if covers_week(windows):
        raise InvalidInput(
            "These quiet hours cover the whole week, so nothing would ever be told. Leave a gap, or disable the channel.", field="/quiet"
        )


def covers_week(windows: Sequence[QuietWindow]) -> bool:
    """Tell whether windows leave no minute of an ordinary week."""
    reached = 0
    for start, end in sorted(_minutes(windows)):
        if start > reached:
            return False
        reached = max(reached, end)
    return reached >= WEEK


def _ends(windows: Sequence[QuietWindow], zone: tzinfo, at: datetime) -> Iterator[datetime]:
    """Yield the ends of the windows that hold at this moment."""
    today = local_of(at, zone).date()
    # Yesterday's windows can end today. So can those of the day before, where a zone skipped a day or set its clocks back at midnight.
    for back in range(3):
        day = today - back * ONE_DAY
        for window in windows:
            if day.weekday() not in window.numbers:
                continue
            ends_on = day if window.ends > window.starts else day + ONE_DAY
            end = moments(datetime.combine(ends_on, window.ends), zone)[1]
            if at < end and moments(datetime.combine(day, window.starts), zone)[0] <= at:
                yield end


def _minutes(windows: Sequence[QuietWindow]) -> Iterator[tuple[int, int]]:
    for window in windows:
        length = (_minute(window.ends) - _minute(window.starts)) % DAY or DAY
        for number in window.numbers:
            start = number * DAY + _minute(window.starts)
            yield start, min(start + length, WEEK)
            if start + length > WEEK:
                yield 0, start + length - WEEK


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
