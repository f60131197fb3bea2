"""The scheduler door: run the loops of the ledger until told to stop; start as many as you like."""

from __future__ import annotations

import logging
import signal
import threading

from watchfloor.catalog import CATALOG
from watchfloor.kernel.jobs import loops

log = logging.getLogger("watchfloor.scheduler")


def main() -> None:
    """Run all loops until SIGINT or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    threads = loops.start(stop, CATALOG)
    while not stop.wait(0.5):
        if not all(thread.is_alive() for thread in threads):
            log.error("a loop of the scheduler ended; the scheduler stops so that what started it starts it again")
            raise SystemExit(75)
    for thread in threads:
        thread.join(timeout=10)
