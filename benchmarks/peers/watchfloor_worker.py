"""Watchfloor's worker as `watchfloor worker` starts it; jobs.test leaves the mark that every peer's no-op leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.board import tick
from watchfloor.doors.worker import main
from watchfloor.kernel.jobs.selftest import Nothing, test_job

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


def marked(_context: JobContext, _request: Nothing) -> None:
    """Do nothing."""
    tick()


if __name__ == "__main__":
    object.__setattr__(test_job, "handler", marked)  # the kind is frozen
    main(queues=["default"], concurrency=2)
