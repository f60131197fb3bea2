"""How big a scan would be and about how long it would take, before anything is sent. Pure arithmetic."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.ranges import intersect
from watchfloor.capabilities.scans.engine.scope import NOT_PUBLIC
from watchfloor.capabilities.scans.schemas import ScanEstimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.scans.engine.plan import Plan

# Probes per second of one worker's slot: near hosts answer at once, most of the Internet stays silent.
NEAR_PACE, FAR_PACE = 20_000, 4_000


def estimate(parts: Sequence[Plan], *, names: int, max_rate: int | None, slots: int) -> ScanEstimate:
    """Return addresses, probes and about how long, for `slots` jobs at a time; a name counts as one far address."""
    ports = max((part.ports for part in parts), default=0)
    addresses = names + sum(one.size for part in parts for one in part.targets.spans)
    near = sum(one.size * part.ports for part in parts for one in intersect(part.targets.spans, NOT_PUBLIC))
    probes = names * ports + sum(one.size * part.ports for part in parts for one in part.targets.spans)
    # One host is not split among jobs, so it has one slot however many there are.
    at_once = max(1, min(slots, addresses))
    seconds = near / (NEAR_PACE * at_once) + (probes - near) / (FAR_PACE * at_once)
    if max_rate:
        seconds = max(seconds, probes / max_rate)
    return ScanEstimate(addresses=addresses, names=names, ports=ports, probes=probes, duration=timedelta(seconds=round(seconds, 1)))


def sentence(found: ScanEstimate) -> str:
    """Say it: about 6.5 million probes, 22 minutes."""
    return f"{found.addresses:,} addresses times {found.ports:,} ports are {found.probes:,} probes, about {_minutes(found.duration)}"


def _minutes(duration: timedelta) -> str:
    minutes = duration.total_seconds() / 60
    if minutes < 1:
        return "a minute"
    return f"{minutes:,.0f} minutes" if minutes < 120 else f"{minutes / 60:,.1f} hours"  # noqa: PLR2004 - two hours
