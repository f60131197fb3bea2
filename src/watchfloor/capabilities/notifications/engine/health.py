"""How notifications fare: figures against their limits. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

SHARE_OF_AT_LEAST: Final = 20  # what one of two messages shows is no reason to wake anybody


class Status(StrEnum):
    """How notifications fare, best first."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What is counted now.

    `oldest_due` is how long the oldest row has been due, None without due rows; `since_attempt` how long ago the last attempt was, None
    when there was none; `ended` and `dead` count deliveries of the last hour that are over, and those of them that failed;
    `longest_open` is how long a breaker has been open, `digest_late` how long a digest is overdue; `mandatory_disabled` counts disabled
    channels of mandatory routes, `mandatory_unheard` mandatory notifications that no channel could carry.
    """

    oldest_due: timedelta | None = None
    since_attempt: timedelta | None = None
    ended: int = 0
    dead: int = 0
    longest_open: timedelta = timedelta()
    digest_late: timedelta = timedelta()
    mandatory_disabled: int = 0
    mandatory_unheard: int = 0


@dataclass(frozen=True)
class Check:
    """One figure, in seconds, shares or counts, and the limit that it is over or should stay within."""

    name: str
    value: float
    limit: float
    status: Status

    @property
    def ok(self) -> bool:
        """Tell whether it is within its limit."""
        return self.status is Status.HEALTHY


def health(figures: Figures) -> tuple[Status, list[Check]]:
    """Return how notifications fare, which is as well as the worst of the checks, and the checks."""
    waiting = figures.oldest_due or timedelta()
    # Nothing was tried for long when nothing was due: what counts is how long something due has met no attempt.
    idle = waiting if figures.since_attempt is None else min(waiting, figures.since_attempt)
    share = figures.dead / figures.ended if figures.ended else 0.0
    checks = [
        _check("oldest_due_s", waiting.total_seconds(), degraded=120, unhealthy=900),
        _check("idle_while_due_s", idle.total_seconds(), unhealthy=600),
        _check("dead_share", share, degraded=0.05, unhealthy=0.5 if figures.ended >= SHARE_OF_AT_LEAST else None),
        _check("breaker_open_s", figures.longest_open.total_seconds(), degraded=1800),
        _check("digest_late_s", figures.digest_late.total_seconds(), degraded=600),
        _check("mandatory_disabled", figures.mandatory_disabled, degraded=0),
        _check("mandatory_unheard", figures.mandatory_unheard, unhealthy=0),
    ]
    return max((one.status for one in checks), key=list(Status).index), checks


def _check(name: str, value: float, *, degraded: float | None = None, unhealthy: float | None = None) -> Check:
    """Return a check; the limit shown is the one that is crossed, or the first that would be."""
    if unhealthy is not None and value > unhealthy:
        return Check(name, value, unhealthy, Status.UNHEALTHY)
    if degraded is not None and value > degraded:
        return Check(name, value, degraded, Status.DEGRADED)
    limits = [limit for limit in (degraded, unhealthy) if limit is not None]
    return Check(name, value, min(limits), Status.HEALTHY)
