"""Bounds per key and per address, kept in this process: several API processes each allow their own share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import TooMuch

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS_A_MINUTE = 600
FAILURES_A_MINUTE = 30
STREAMS = 20
REMEMBERED = 10_000


class Rate:
    """A token bucket for each caller; the longest silent callers are forgotten beyond 10,000."""

    def __init__(self, per_minute: int) -> None:
        """Allow a burst of one minute's worth."""
        self._per_minute = per_minute
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, caller: Hashable, cost: float = 1.0) -> bool:
        """Take one token; False when none is left. A cost of 0 only looks."""
        now = monotonic()
        with self._lock:
            left, since = self._left.pop(caller, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
            enough = left >= max(cost, 1.0)
            self._left[caller] = (left - cost if enough else left, now)
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return enough


class Limits:
    """What one API process allows each key and each address."""

    def __init__(
        self, *, requests_a_minute: int = REQUESTS_A_MINUTE, failures_a_minute: int = FAILURES_A_MINUTE, streams: int = STREAMS
    ) -> None:
        """Start with everything unspent."""
        self._requests, self._failures = Rate(requests_a_minute), Rate(failures_a_minute)
        self._streams, self._open, self._lock = streams, dict[Hashable, int](), threading.Lock()

    def request(self, key: Hashable) -> None:
        """Count one request of a key; raises TooMuch."""
        if not self._requests.spend(key):
            message = "This key has sent more than 600 requests in a minute. Wait a few seconds; submit many jobs at once with POST /api/v1/jobs/bulk."
            raise TooMuch(message)

    def guess(self, address: str, cost: float) -> None:
        """Look at (cost 0) or count (cost 1) an address's failed keys; raises TooMuch after 30 a minute."""
        if not self._failures.spend(address, cost):
            message = "Too many wrong keys came from this address. Wait a minute, then use a valid key."
            raise TooMuch(message)

    @contextmanager
    def stream(self, key: Hashable) -> Iterator[None]:
        """Hold one of a key's 20 streams; raises TooMuch."""
        with self._lock:
            held = self._open.get(key, 0)
            if held >= self._streams:
                message = f"This key holds {held} streams already, the most there may be. Close one first."
                raise TooMuch(message)
            self._open[key] = held + 1
        try:
            yield
        finally:
            with self._lock:
                self._open[key] -= 1
                if not self._open[key]:
                    del self._open[key]
