"""Facts about how notifications fare."""

from __future__ import annotations

from datetime import timedelta

import pytest

from watchfloor.capabilities.notifications.engine.health import Figures, Status, health

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HEALTHY, DEGRADED, UNHEALTHY = Status


@pytest.mark.parametrize(
    ("figures", "status", "failing"),
    [
        (Figures(), HEALTHY, []),
        (Figures(oldest_due=2 * MINUTE, since_attempt=SECOND), HEALTHY, []),
        (Figures(oldest_due=2 * MINUTE + SECOND, since_attempt=SECOND), DEGRADED, ["oldest_due_s"]),
        (Figures(oldest_due=15 * MINUTE, since_attempt=SECOND), DEGRADED, ["oldest_due_s"]),
        (Figures(oldest_due=15 * MINUTE + SECOND, since_attempt=SECOND), UNHEALTHY, ["oldest_due_s"]),
        (Figures(oldest_due=11 * MINUTE, since_attempt=11 * MINUTE), UNHEALTHY, ["oldest_due_s", "idle_while_due_s"]),
        (Figures(oldest_due=11 * MINUTE), UNHEALTHY, ["oldest_due_s", "idle_while_due_s"]),
        (Figures(oldest_due=SECOND, since_attempt=600 * MINUTE), HEALTHY, []),
        (Figures(since_attempt=600 * MINUTE), HEALTHY, []),
        (Figures(ended=100, dead=5), HEALTHY, []),
        (Figures(ended=100, dead=6), DEGRADED, ["dead_share"]),
        (Figures(ended=20, dead=11), UNHEALTHY, ["dead_share"]),
        (Figures(ended=20, dead=10), DEGRADED, ["dead_share"]),
        (Figures(ended=19, dead=19), DEGRADED, ["dead_share"]),
        (Figures(longest_open=30 * MINUTE), HEALTHY, []),
        (Figures(longest_open=31 * MINUTE), DEGRADED, ["breaker_open_s"]),
        (Figures(digest_late=10 * MINUTE), HEALTHY, []),
        (Figures(digest_late=11 * MINUTE), DEGRADED, ["digest_late_s"]),
        (Figures(mandatory_disabled=1), DEGRADED, ["mandatory_disabled"]),
        (Figures(mandatory_unheard=1), UNHEALTHY, ["mandatory_unheard"]),
        (Figures(mandatory_disabled=1, ended=20, dead=20), UNHEALTHY, ["dead_share", "mandatory_disabled"]),
    ],
)
def test_it_fares_as_well_as_its_worst_figure(figures: Figures, status: Status, failing: list[str]) -> None:
    told, checks = health(figures)
    assert told is status
    assert [one.name for one in checks if not one.ok] == failing


@pytest.mark.parametrize(("minutes", "limit"), [(1, 120), (3, 120), (16, 900)])
def test_limit_that_is_shown_is_the_one_that_is_crossed(minutes: int, limit: float) -> None:
    _, checks = health(Figures(oldest_due=minutes * MINUTE, since_attempt=SECOND))
    shown = {one.name: (one.value, one.limit) for one in checks}
    assert shown["oldest_due_s"] == (minutes * 60, limit)
