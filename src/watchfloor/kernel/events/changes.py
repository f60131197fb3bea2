"""Wake whoever follows live changes: one LISTEN connection a process, shared by all streams, told apart by organisation."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.db.session import Database

CHANNEL = "wf_progress"
LOOK_S = 1.0
REMEMBERED = 1000
log = logging.getLogger("watchfloor.stream")


@dataclass(eq=False)
class Follower:
    """One stream: its organisation, the jobs named since it last looked, and what wakes it."""

    org: UUID
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    rung: set[UUID] = field(default_factory=set)

    async def wait(self, seconds: float) -> None:
        """Return at the next notification for this organisation, or after this time."""
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return

    def take(self) -> list[UUID]:
        """Return and forget the jobs named so far; the event loop's thread alone touches them."""
        self.woken.clear()
        taken, self.rung = self.rung, set()
        return list(taken)

    def ring(self, job: UUID) -> None:
        """Remember a job and wake up; beyond 1,000 the poll finds what changed."""
        if len(self.rung) < REMEMBERED:
            self.rung.add(job)
        self.woken.set()


class Listener:
    """Listens while somebody follows. Losing the connection costs two seconds of delay, never a change: followers poll too."""

    def __init__(self, database: Database) -> None:
        """Connect to nothing yet; setting `stopping` asks every follower to end within two seconds."""
        self.stopping = False
        self._database = database
        self._followers: set[Follower] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def follow(self, org: UUID) -> Iterator[Follower]:
        """Be woken for one organisation's jobs inside the block; call it in the event loop."""
        follower = Follower(org, asyncio.get_running_loop())
        with self._lock:
            self._followers.add(follower)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
                self._thread.start()
        try:
            yield follower
        finally:
            with self._lock:
                self._followers.discard(follower)

    def _run(self) -> None:
        while self._needed():
            try:
                with self._database.connect("wf_app") as wire:
                    wire.execute(f"listen {CHANNEL}")
                    while self._needed():
                        for notification in wire.notifies(timeout=LOOK_S):
                            self._pass_on(notification.payload)
            except (psycopg.OperationalError, SetupError) as error:
                log.warning("live changes are polled only, listening failed: %s", str(error).strip()[:256])
                threading.Event().wait(LOOK_S)

    def _needed(self) -> bool:
        with self._lock:
            if not self._followers:
                self._thread = None
            return bool(self._followers)

    def _pass_on(self, payload: str) -> None:
        org, _, job = payload.partition(":")
        try:
            named, about = UUID(org), UUID(job)
        except ValueError:
            return
        with self._lock:
            told = [follower for follower in self._followers if follower.org == named]
        for follower in told:
            if not follower.loop.is_closed():
                follower.loop.call_soon_threadsafe(follower.ring, about)
