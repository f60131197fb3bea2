"""The time of this process, for people and logs; leases, ticks and windows use the database's clock, `wf_now()`."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never goes back; for deadlines inside one process."""
    return time.monotonic()
