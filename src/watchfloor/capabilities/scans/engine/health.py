"""Judge how scanning is doing: what waits, who works, what is stuck, how full the disk is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from watchfloor.capabilities.scans.schemas import Shape
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S: Final = 300.0
LONG_WAIT_S: Final = 3600.0
DISK_SHARE: Final = 0.10
DISK_FULL_SHARE: Final = 0.03


class Figures(Shape):
    """What was counted; the disk is that of the worker who counted."""

    workers: int
    slots: int
    paused: bool
    waiting: int
    oldest_wait_s: float
    scans_running: int
    stuck: tuple[UUID, ...] = ()
    overdue: tuple[UUID, ...] = ()
    disk_free_bytes: int
    disk_size_bytes: int


class Trouble(Shape):
    """One thing wrong, and what to do about it."""

    check: str
    severity: Severity
    sentence: str


class Health(Shape):
    """The figures, and what is wrong with them."""

    status: str
    figures: Figures
    troubles: list[Trouble]


def examine(figures: Figures) -> Health:
    """Return what is wrong, nothing when all is well."""
    troubles = [*_queue(figures), *_scans(figures), *_disk(figures)]
    return Health(status="unhealthy" if troubles else "healthy", figures=figures, troubles=troubles)


def _queue(figures: Figures) -> Iterator[Trouble]:
    if figures.paused:
        yield Trouble(
            check="queue-paused",
            severity=Severity.MEDIUM,
            sentence="The queue of scans is paused; `watchfloor queues resume scans` lets it go on.",
        )
    if not figures.workers:
        yield Trouble(
            check="no-worker", severity=Severity.HIGH, sentence="No worker serves the queue of scans; start one with `watchfloor worker`."
        )
    if figures.oldest_wait_s > WAIT_S:
        severity = Severity.HIGH if figures.oldest_wait_s > LONG_WAIT_S else Severity.MEDIUM
        sentence = (
            f"{figures.waiting:,} jobs wait for a worker, the oldest for {figures.oldest_wait_s / 60:.0f} minutes; start more workers."
        )
        yield Trouble(check="queue-slow", severity=severity, sentence=sentence)


def _scans(figures: Figures) -> Iterator[Trouble]:
    if figures.stuck:
        sentence = f"{len(figures.stuck)} scans had no job left and were ended as incomplete: {_ids(figures.stuck)}. Start them again if they matter."
        yield Trouble(check="scans-stuck", severity=Severity.MEDIUM, sentence=sentence)
    if figures.overdue:
        sentence = (
            f"{len(figures.overdue)} scans run longer than their time limit: {_ids(figures.overdue)}. Cancel them, or look at their jobs."
        )
        yield Trouble(check="scans-overdue", severity=Severity.MEDIUM, sentence=sentence)


def _disk(figures: Figures) -> Iterator[Trouble]:
    share = figures.disk_free_bytes / max(1, figures.disk_size_bytes)
    if share < DISK_SHARE:
        severity = Severity.CRITICAL if share < DISK_FULL_SHARE else Severity.HIGH
        sentence = f"The disk of a worker's data directory has {share:.1%} left ({figures.disk_free_bytes / 2**30:.1f} GiB); make room."
        yield Trouble(check="disk-full", severity=severity, sentence=sentence)


def _ids(scans: tuple[UUID, ...]) -> str:
    return ", ".join(str(scan) for scan in scans[:3]) + (f" and {len(scans) - 3} more" if len(scans) > 3 else "")  # noqa: PLR2004 - a line has room for three
