"""Ids that sort by the time they were made."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from datetime import datetime


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): sorts by the millisecond it was made, 74 random bits."""
    return UUID(int=(time.time_ns() // 1_000_000 << 80) | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62))


def first_id(moment: datetime) -> UUID:
    """Return the least id that could have been made at a moment: all from then on are at least this."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
