"""`celery beat`: the scheduler's loops under Celery's name; schedules live in the ledger, not in a file."""

from __future__ import annotations

import threading

from celery.beat import Scheduler

from watchfloor.kernel.jobs import loops


class LedgerBeat(Scheduler):  # type: ignore[misc] # Celery has no type hints
    """Keeps the loops alive; any number may run beside it."""

    def setup_schedule(self) -> None:
        """Start the loops."""
        self._stop = threading.Event()
        self._threads = loops.start(self._stop, self.app.catalog)

    def tick(self, *_: object, **__: object) -> float:
        """Return how long beat may sleep; the loops work by themselves."""
        if not all(thread.is_alive() for thread in self._threads):
            raise SystemExit(75)
        return 1.0

    def close(self) -> None:
        """Stop the loops."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)
