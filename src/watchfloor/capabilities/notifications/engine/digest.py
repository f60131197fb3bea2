"""Digests: windows of time in which messages are gathered, and what of them is shown. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.quiet import quiet_until
from watchfloor.capabilities.notifications.engine.zones import local_of, moment, moments
from watchfloor.capabilities.notifications.schemas.times import DigestPlan, Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo
    from uuid import UUID

    from watchfloor.capabilities.notifications.schemas.times import QuietWindow
    from watchfloor.kernel.contract import Severity

DIGEST: Final = "notifications.digest"
SHOWN: Final = 50
OVERFLOW: Final = DigestPlan(mode=Mode.HOURLY)  # where messages go for which there is no room in an hour


@dataclass(frozen=True)
class DigestWindow:
    """From `start` until just before `end`, both in UTC; the next window starts where this one ends."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class DigestItem:
    """One message of a digest, as far as its place in it depends on it."""

    notification: UUID
    severity: Severity
    occurred_at: datetime
    resolved: bool = False


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a digest shows: the weightiest open items, then resolved ones; counts of all, and how many are behind the link."""

    shown: tuple[DigestItem, ...]
    left: int
    open: Mapping[Severity, int]
    resolved: int


def digest_window(plan: DigestPlan, zone: tzinfo, now: datetime) -> DigestWindow:
    """Return the window that a message of now belongs to.

    Daily and weekly windows begin once a day or week, also when clocks are changed: at the first of two equal local times, and at a
    skipped one as if clocks had not been changed yet. Hourly windows begin whenever clocks show a full hour.
    """
    return _window(plan, zone, now)


@lru_cache(maxsize=4096)  # one message for ten thousand people is one moment, and most of them wish the same
def _window(plan: DigestPlan, zone: tzinfo, now: datetime) -> DigestWindow:
    edges = _edges(plan, zone, local_of(now, zone))
    return DigestWindow(start=max(one for one in edges if one <= now), end=min(one for one in edges if one > now))


def digest_due(window: DigestWindow, quiet: Sequence[QuietWindow], zone: tzinfo) -> datetime:
    """Return when a window's digest is sent: at its end, later when its reader wants to be left alone then."""
    return quiet_until(quiet, zone, window.end) or window.end


def contents(items: Iterable[DigestItem], *, most: int = SHOWN) -> Contents | None:
    """Return what a digest of these shows, or None: an empty digest is not sent. The same message twice is one."""
    every = {item.notification: item for item in items}
    ordered = sorted(every.values(), key=lambda item: (item.resolved, -item.severity.rank, item.occurred_at, item.notification))
    if not ordered:
        return None
    standing = Counter(item.severity for item in ordered if not item.resolved)
    return Contents(
        shown=tuple(ordered[:most]),
        left=max(0, len(ordered) - most),
        open=dict(sorted(standing.items(), key=lambda pair: -pair[0].rank)),
        resolved=sum(item.resolved for item in ordered),
    )


def _edges(plan: DigestPlan, zone: tzinfo, local: datetime) -> set[datetime]:
    if plan.mode is Mode.HOURLY:
        hour = local.replace(minute=0, second=0, microsecond=0)
        return {edge for n in range(-3, 4) for edge in _hour_edges(hour + timedelta(hours=n), zone)}
    near = 2 if plan.mode is Mode.DAILY else 9
    days = [local.date() + timedelta(days=n) for n in range(-near, near + 1)]
    if plan.mode is Mode.WEEKLY:
        days = [day for day in days if day.weekday() == plan.weekday.number]
    return {moment(datetime.combine(day, plan.at), zone) for day in days}


def _hour_edges(hour: datetime, zone: tzinfo) -> set[datetime]:
    """Return both moments of an hour that comes twice; of a skipped one only that at which clocks pass it."""
    first, second = moments(hour, zone)
    return {first, second} if first == moment(hour, zone) else {second}
