"""Tell the dispatcher that a queue has work: a wake-up after the commit, never needed for correctness."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

import psycopg

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Database

QUIET_S = 0.02  # the first ring goes out at once, those within this time after it as one


class Doorbell:
    """Sends NOTIFY from a thread of its own, so that no caller waits for it and no transaction carries it."""

    def __init__(self, database: Database) -> None:
        """Start nothing yet; the thread starts with the first ring, in whichever process rings."""
        self._database = database
        database.bell = self.ring
        self._waiting: set[tuple[str, str]] = set()
        self._signal = threading.Condition()
        self._pid = 0

    def ring(self, channel: str, payload: str) -> None:
        """Ring soon; equal rings within 20 ms are sent once."""
        with self._signal:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._run, name="doorbell", daemon=True).start()
            fresh = not self._waiting
            self._waiting.add((channel, payload))
            if fresh:
                self._signal.notify()

    def flush(self) -> None:
        """Ring now, in this thread; for a process that is about to end."""
        with self._signal:
            rings, self._waiting = self._waiting, set()
        self._send(rings)

    def _send(self, rings: set[tuple[str, str]]) -> None:
        # Twice, because a connection that broke while nobody rang is known only when it is used. Whoever listens polls as well: a
        # notification that cannot be sent delays a job by a second, no more.
        for _ in range(2):
            with contextlib.suppress(psycopg.Error, SetupError):
                wire = self._database.wire("wf_app")
                for channel, payload in sorted(rings):
                    wire.execute("select pg_notify(%s, %s)", (channel, payload))
                return

    def _run(self) -> None:
        last = 0.0
        while True:
            with self._signal:
                self._signal.wait_for(lambda: self._waiting)
                quiet = last + QUIET_S - monotonic()
            if quiet > 0:
                threading.Event().wait(quiet)
            with self._signal:
                rings, self._waiting = self._waiting, set()
            last = monotonic()
            self._send(rings)
