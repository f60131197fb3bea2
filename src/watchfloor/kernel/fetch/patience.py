"""How often and how long: tries, pauses between them, and the pace a source asks for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import TypeAlias

from watchfloor.kernel.clock import monotonic

Sleep: TypeAlias = Callable[[float], None]
_RANDOM = SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Limits of one request. Seconds, and bytes per second."""

    tries: int = 5
    first_s: float = 2.0  # doubled with each try, give or take `jitter`
    longest_s: float = 120.0
    jitter: float = 0.3
    asked_s: float = 900.0  # the longest that a source's Retry-After is followed
    connect_s: float = 10.0
    read_s: float = 60.0
    slow_after_s: float = 60.0  # a body slower than `slowest` over such a time is given up
    slowest: int = 1024
    random: Callable[[], float] = _RANDOM.random

    def pause(self, tried: int, asked: float | None = None) -> float:
        """Return seconds to wait after so many tries; what the source asked for wins when it asked for a second or more."""
        if asked is not None and asked >= 1:
            return min(asked, self.asked_s)
        plain = min(self.longest_s, self.first_s * 2.0 ** (tried - 1))
        return plain * (1 + self.jitter * (2 * self.random() - 1))


@dataclass
class Pace:
    """The least time between two requests, whatever became of the first."""

    interval_s: float
    sleep: Sleep = time.sleep
    _next: float = field(default=0.0)

    def wait(self) -> None:
        """Return when the next request may start."""
        if (left := self._next - monotonic()) > 0:
            self.sleep(left)
        self._next = monotonic() + self.interval_s


def asked_for(header: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After asks for, as a number or as a date; None when it says nothing usable."""
    text = header.strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return float(text)
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
