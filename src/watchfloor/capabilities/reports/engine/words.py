"""What a report says in the reader's language: words, numbers and times. Pure.

A locale without a catalogue gets English words with its own formats of numbers and dates; `Words.foreign` says so, and the page does.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from watchfloor.capabilities.reports.engine.french import FRENCH
from watchfloor.capabilities.reports.engine.german import GERMAN
from watchfloor.capabilities.reports.engine.spanish import SPANISH

if TYPE_CHECKING:
    from collections.abc import Callable

CATALOGUES: Final = {"de": GERMAN, "es": SPANISH, "fr": FRENCH}
FOREIGN: Final = "This report is not translated into your language yet; numbers and dates are written as your country does."
SAFE: Final = 1e15
# Severities, states and changes: our words, even where they stand among text from outside.
OURS: Final = {one: one.replace("_", " ") for one in (
    "critical", "high", "medium", "low", "info", "open", "accepted", "false_positive", "fixed", "new", "returned", "unchanged", "unknown",
)}  # fmt: skip


class Words:
    """One reader's language and clock."""

    def __init__(self, locale: str = "en", time_zone: str = "UTC") -> None:
        """Speak to a reader; an unknown locale or zone counts as English and UTC, and `foreign` or `zone` says so."""
        self.locale = _locale(locale)
        self.zone = _zone(time_zone)
        self._catalogue = CATALOGUES.get(self.locale.language, {})
        self._spoken = self.locale if self._catalogue else Locale("en")
        self._day: Callable[[date], str] = lru_cache(maxsize=4096)(self._format_day)
        self._minute: Callable[[int], str] = lru_cache(maxsize=1440)(self._format_minute)
        self._number: Callable[[float], str] = lru_cache(maxsize=4096)(self._format_number)
        # The words are English although the reader asked for another language.
        self.foreign = locale.replace("_", "-").partition("-")[0].lower() not in {"", "en", *CATALOGUES}
        self._both = re.sub("[\u200e\u200f\u061c]", "", str(self.locale.datetime_formats["medium"]))

    @property
    def language(self) -> str:
        """Return the language of the words as a BCP 47 tag."""
        return str(self._spoken.language)

    @property
    def runs(self) -> str:
        """Return in which direction the words run; it is that of the reader's language where they are in it."""
        return str(self._spoken.text_direction)

    @property
    def note(self) -> str:
        """Return what a reader is told whose language has no words here; empty for all others."""
        return FOREIGN if self.foreign else ""

    @property
    def direction(self) -> str:
        """Return in which direction the reader's language runs: ltr or rtl."""
        return str(self.locale.text_direction)

    def __call__(self, english: str) -> str:
        """Return the word or sentence; what the catalogue lacks stays English."""
        return self._catalogue.get(english, english)

    def named(self, label: str, value: str = "") -> str:
        """Return a label and what it names; languages part them differently."""
        return self("{label}: {value}").format(label=label, value=value).rstrip()

    def severity(self, word: str) -> str:
        """Return a state, change or severity as people read it; any other text as it is."""
        return self(OURS[word]) if word in OURS else word

    def number(self, value: float) -> str:
        """Return a number with the reader's separators, at most two digits behind the point; huge ones in powers of ten."""
        return self._number(value)

    def counted(self, count: int, one: str, many: str) -> str:
        """Return one of two sentences with `{count}` in it; the caller writes both in English."""
        return self(one if self.single(count) else many).format(count=self.number(count))

    def single(self, count: int) -> bool:
        """Tell whether the words' language speaks of so many as of one: French does of none. Source: CLDR, plural rules."""
        return bool(self._spoken.plural_form(count) == "one")

    def percent(self, part: float) -> str:
        """Return a part of one as per cent; what is neither nothing nor all never reads so."""
        told = min(max(part, 0.01), 0.99) if 0 < part < 1 else part
        sign = "<" if 0 < part < 0.01 else ">" if 0.99 < part < 1 else ""  # noqa: PLR2004 - one per cent
        return sign + str(format_percent(told, locale=self.locale))

    def day(self, moment: datetime) -> str:
        """Return the day of a moment in the reader's time zone, such as 1 Jun 2026."""
        return self._day(moment.astimezone(self.zone).date())

    def moment(self, moment: datetime) -> str:
        """Return day, hour and minute, and the offset from UTC at that moment."""
        local = moment.astimezone(self.zone)
        offset = local.strftime("%z")
        zone = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
        told = self._both.replace("{1}", self._day(local.date())).replace("{0}", self._minute(local.hour * 60 + local.minute))
        return f"{told} {zone}"

    def _format_day(self, day: date) -> str:
        # Marks of direction would be shown as hidden characters; digits need none.
        return re.sub("[\u200e\u200f\u061c]", "", str(format_date(day, "medium", locale=self.locale)))

    def _format_minute(self, minute: int) -> str:
        return str(format_time(time(*divmod(minute, 60)), "short", locale=self.locale))

    def _format_number(self, value: float) -> str:
        if isinstance(value, int) and abs(value) >= SAFE:
            return str(value)
        if not math.isfinite(value):
            return self("unknown")
        if abs(value) >= SAFE or 0 < abs(value) < 0.005:  # noqa: PLR2004 - what two digits cannot say
            return f"{value:.2e}"
        return str(format_decimal(round(value, 2), locale=self.locale))


def _locale(tag: str) -> Locale:
    parts = tag.replace("_", "-").split("-")
    for count in range(len(parts), 0, -1):
        # English of no country: the day before the month and 24 hours, which nobody misreads.
        told = "-".join(parts[:count])
        with suppress(UnknownLocaleError, ValueError):
            return Locale.parse("en_GB" if told.lower() == "en" else told, sep="_" if told.lower() == "en" else "-")
    return Locale.parse("en_GB")


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # no file to look into
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


ENGLISH: Final = Words()
