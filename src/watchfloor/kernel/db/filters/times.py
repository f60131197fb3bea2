"""Times in the search language: days, months and years as they are written, and ages such as 90d. Pure.

A date compares as a date: `published>2024-03` is after March 2024. A span of time compares as an age: `published>90d` is older than
90 days, `published<90d` and `published:90d` not older. Where a field lies ahead (`due`), a span is the time that is left.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from watchfloor.kernel.db.filters.grammar import Value, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.db.filters.language import Given

SPAN = re.compile(r"(\d{1,6})(min|mo|h|d|w|y)", re.ASCII | re.IGNORECASE)
DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII | re.IGNORECASE)
UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
MONTHS = {"mo": 1, "y": 12}
DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
HELP = "write a day (2026-03-31), month (2026-03), year (2026), or an age such as 12h, 90d, 6w, 3mo, 1y"
DECEMBER = 12
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
REVERSED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass(frozen=True)
class Stretch:
    """From a moment until before another; an age is one moment and has `span`."""

    begins: datetime
    ends: datetime
    span: bool = False


@dataclass(frozen=True)
class Time:
    """A column of times. `ahead`: its times are to come, so a span counts forward from now."""

    column: str
    ahead: bool = False

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        return " or ".join(f"({self._one(name, value, given)})" for value in values)

    def _one(self, name: str, value: Value, given: Given) -> str:
        if value.word in {"any", "none"}:
            return f"{self.column} is {'not ' if value.word == 'any' else ''}null"
        low, dots, high = value.text.partition("..")
        if dots and not value.comparison:
            return self._between(name, value, (low, high), given)
        found = self._read(name, value, value.text, given)
        comparison = value.comparison
        if found.span:
            # What is older lies before; what is due later lies after.
            comparison = (comparison or "<=") if self.ahead else REVERSED[comparison or "<="]
        return {
            "": lambda: f"{self._at('>=', found.begins, given)} and {self._at('<', found.ends, given)}",
            ">": lambda: self._at(">" if found.span else ">=", found.ends, given),
            ">=": lambda: self._at(">=", found.begins, given),
            "<": lambda: self._at("<", found.begins, given),
            "<=": lambda: self._at("<=" if found.span else "<", found.ends, given),
        }[comparison]() + self._window(found, value, given)

    def _window(self, found: Stretch, value: Value, given: Given) -> str:
        """Keep `published:7d` to what has been: a time to come is no age, nor one that has passed time left."""
        if not found.span or value.comparison:
            return ""
        return f" and {self._at('>=' if self.ahead else '<=', given.now, given)}"

    def _between(self, name: str, value: Value, ends: tuple[str, str], given: Given) -> str:
        read = [self._read(name, value, one, given) if one else None for one in ends]
        known = [one for one in read if one is not None]
        if not known:
            raise wrong(f"{name}: a range needs one end at least; {HELP}", value.start, len(value.raw))
        if len({one.span for one in known}) > 1:
            raise wrong(f"{name}: a range goes from a date to a date, or from an age to an age", value.start, len(value.raw))
        if known[0].span and not self.ahead:
            read.reverse()  # from 30 to 90 days old begins 90 days ago
        low, high = read
        if low is not None and high is not None and low.begins > high.ends:
            raise wrong(f"{name}: the range ends before it begins", value.start, len(value.raw))
        conditions = [self._at(">=", low.begins, given)] if low is not None else []
        conditions += [self._at("<=" if high.span else "<", high.ends, given)] if high is not None else []
        return " and ".join(conditions)

    def _at(self, comparison: str, moment: datetime, given: Given) -> str:
        return f"{self.column} {comparison} {given.add(moment)}::timestamptz"

    def _read(self, name: str, value: Value, text: str, given: Given) -> Stretch:
        try:
            found = self._span(text, given) or _date(text, given)
        except (ValueError, OverflowError) as error:
            raise wrong(f"{name}: there is no such time as {text[:40]!r}; {HELP}", value.start, len(value.raw)) from error
        if found is None or value.prefix:
            raise wrong(f"{name}: {text[:40]!r} is no time; {HELP}", value.start, len(value.raw))
        return found

    def _span(self, text: str, given: Given) -> Stretch | None:
        found = SPAN.fullmatch(text)
        if found is None:
            return None
        count, unit = int(found[1]), found[2].lower()
        sign = 1 if self.ahead else -1
        try:
            moment = given.now + sign * count * UNITS[unit] if unit in UNITS else _months(given.now, sign * count * MONTHS[unit])
        except (OverflowError, ValueError):
            moment = LAST if self.ahead else FIRST
        return Stretch(moment, moment, span=True)


def _months(moment: datetime, count: int) -> datetime:
    """Move by calendar months; 31 March less one month is the last of February."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    last = (datetime(year + (month == DECEMBER - 1), (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _date(text: str, given: Given) -> Stretch | None:
    if text.lower() in DAYS:
        moment = given.now.astimezone(given.zone) + timedelta(days=DAYS[text.lower()])
        return _stretch(moment.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1))
    if MOMENT.fullmatch(text):
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=given.zone)
        return _stretch(moment, timedelta(seconds=1))
    found = DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    begins = datetime(year, month, day, tzinfo=given.zone)
    if found[3]:
        return _stretch(begins, timedelta(days=1))
    year, month = (year, month + 1) if found[2] and month < DECEMBER else (year + 1, 1)
    return Stretch(begins.astimezone(UTC), datetime(year, month, 1, tzinfo=given.zone).astimezone(UTC))


def _stretch(begins: datetime, length: timedelta) -> Stretch:
    return Stretch(begins.astimezone(UTC), (begins + length).astimezone(UTC))
