"""What the timing profiles mean in numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from watchfloor.capabilities.scans.schemas import Profile


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Bounds of one shard: connections in flight in all and to one host, tries for a silent port, attempts per second, open ports looked at."""

    max_concurrent: int
    window_max: int
    tries: int
    max_rate: int | None
    looks_at_once: int


TIMINGS = {
    # Old printers, controllers and links that others need: few at a time, and slow enough for a log to be read.
    Profile.POLITE: Timing(max_concurrent=64, window_max=8, tries=2, max_rate=200, looks_at_once=4),
    # As fast as the targets show that they can.
    Profile.NORMAL: Timing(max_concurrent=2000, window_max=1000, tries=2, max_rate=None, looks_at_once=32),
    # Own networks with room to spare. Tries stay: no open port is missed for speed.
    Profile.FAST: Timing(max_concurrent=6000, window_max=4000, tries=2, max_rate=None, looks_at_once=96),
}
