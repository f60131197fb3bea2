"""The scheduler's loops: dispatch, promote, tick, reap, sweep, forget, relay; any number may run, none is the leader."""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.errors import SetupError, SourceUnavailable
from watchfloor.kernel.jobs import rescue, schedules
from watchfloor.kernel.jobs.broker.publish import Publisher
from watchfloor.kernel.jobs.dispatch import Dispatcher
from watchfloor.kernel.jobs.ledger import broker_url, ledger
from watchfloor.kernel.jobs.planting import PLANT_S, plant
from watchfloor.kernel.jobs.relay import Relay
from watchfloor.kernel.jobs.working import PRESENT
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from watchfloor.kernel.contract import Catalog
    from watchfloor.kernel.jobs.ledger import Ledger

POLL_S = 1.0
CANARY_S = 1.0
QUEUES_S = 30.0
RENEW_S = 3600.0
PING_S = (0.2, 2.0)

log = logging.getLogger("watchfloor.scheduler")


@dataclass
class Loop:
    """A function called again and again, with a pause that is never in step with other schedulers."""

    name: str
    every_s: float
    call: Callable[[], object]
    due: float = field(default_factory=monotonic)


class Timers:
    """Everything that happens by the clock rather than by the bell; one thread, one connection."""

    def __init__(self, here: Ledger, more: Sequence[Loop] = ()) -> None:
        """List the loops and whatever is added; the reaper waits until the database was in reach for a whole session's life."""
        self._ledger = here
        self._contact_since: float | None = None
        self._loops = [
            Loop("promote", 0.5, lambda: rescue.promote(here)),
            Loop("tick", 0.5, lambda: schedules.tick(here)),
            Loop("expire", 2.0, lambda: rescue.expire(here)),
            Loop("reap", 1.5, self._reap),
            Loop("seal", 5.0, lambda: rescue.seal_orphans(here)),
            Loop("forget", 5.0, lambda: rescue.forget(here), due=monotonic() + 30),
            Loop("forget_rest", 300.0, lambda: rescue.forget_rest(here), due=monotonic() + 60),
            *more,
        ]

    def run(self, stop: threading.Event) -> None:
        """Run until stopped."""
        while not stop.is_set():
            stop.wait(max(0.0, self.turn()))

    def turn(self) -> float:
        """Call what is due; return seconds until the next."""
        for loop in self._loops:
            if monotonic() < loop.due:
                continue
            loop.due = monotonic() + loop.every_s * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, protects nothing
            try:
                loop.call()
                self._contact_since = self._contact_since if self._contact_since is not None else monotonic()
            except psycopg.errors.QueryCanceled:
                log.exception("%s takes too long", loop.name)  # the database is there: leases may go on being judged
            except (psycopg.OperationalError, SetupError) as error:
                self._contact_since = None
                log.warning("%s waits for the database: %s", loop.name, str(error).strip())
            except psycopg.Error:
                log.exception("%s failed", loop.name)
        return min(loop.due for loop in self._loops) - monotonic()

    def _reap(self) -> None:
        """Reap what was declared lost at once; declare sessions lost only after a whole session's life of contact.

        Right after a restart of the database every session looks dead, although its worker is well.
        """
        if self._contact_since is not None and monotonic() - self._contact_since > rescue.SESSION_TTL_S:
            rescue.lose_sessions(self._ledger)
        rescue.reap(self._ledger)


class Bell:
    """The dispatcher's loop: woken by the doorbell, by the clock, and by what it finds."""

    def __init__(self, here: Ledger, publisher: Publisher) -> None:
        """Bind ledger and broker."""
        self._ledger = here
        self._publisher = publisher
        self._dispatcher = Dispatcher(here, publisher)
        self._enlisted = False
        self._queues: list[str] = []
        self._due: dict[str, float] = {}
        self._canary: str | None = None
        self._canary_at = self._queues_at = self._renew_at = self._sweep_at = -1e9
        self._broker_since: datetime | None = None
        self._errors = 0
        self._doubt = True  # whoever ran before us may have died between commit and publication
        self._listener: psycopg.Connection[Any] | None = None

    def run(self, stop: threading.Event) -> None:
        """Run until stopped; an outage of database or broker is waited out."""
        while not stop.is_set():
            try:
                self.turn()
                self._errors = 0
            except SourceUnavailable as error:
                self._pause(stop, "the broker", error)
            except (psycopg.OperationalError, SetupError) as error:
                self._listener = None
                self._doubt = True  # a commit whose answer was lost may have counted
                self._pause(stop, "the database", error)

    def turn(self) -> None:
        """Wait for a reason, then look at each queue that has one."""
        self._upkeep()
        wait = min(self._due.values(), default=monotonic() + POLL_S) - monotonic()
        for queue in self._rung(max(0.0, min(wait, POLL_S))):
            self._due[queue] = 0.0
        for queue in [queue for queue, due in self._due.items() if due <= monotonic()]:
            found = self._dispatcher.round(queue)
            self._due[queue] = monotonic() + (found.pause_s if found.eager else POLL_S * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, protects nothing

    def _upkeep(self) -> None:
        now = monotonic()
        if not self._enlisted:
            self._dispatcher.enlist()
            self._enlisted, self._renew_at = True, now
        if now - self._renew_at > RENEW_S:
            self._dispatcher.renew()
            self._renew_at = now
        if now - self._queues_at > QUEUES_S:
            self._queues, self._queues_at = self._dispatcher.queues(), now
            self._due = {queue: self._due.get(queue, 0.0) for queue in self._queues}
        if now - self._canary_at > CANARY_S:
            self._listen_to_canary()
            self._canary_at = now
        if self._doubt:
            rescue.ring_again(self._ledger)
            self._doubt = False
        if now - self._sweep_at > rescue.SWEEP_AGE_S / 6:
            rescue.sweep(self._ledger)
            self._sweep_at = now

    def _listen_to_canary(self) -> None:
        """A broker without our canary has lost its data: every ticket under way is rung again at once."""
        found = self._publisher.canary()
        first, known = self._canary is None, found is not None
        if known and (first or found == self._canary):
            self._canary = found
            return
        self._canary = found or str(uuid4())
        if not known:
            self._publisher.set_canary(self._canary)
        swept = rescue.ring_again(self._ledger)
        if swept:
            log.warning("the broker lost its data; %d tickets are rung again", swept)
            self._due = dict.fromkeys(self._queues, 0.0)

    def _rung(self, wait_s: float) -> set[str]:
        if self._listener is None or self._listener.closed:
            self._listener = self._ledger.database.connect("wf_engine")
            self._listener.execute("listen wf_ready")
            self._listener.execute("select pg_advisory_lock_shared(%s, %s)", PRESENT)  # so that it can be told how many we are
        rung = {note.payload for note in self._listener.notifies(timeout=wait_s, stop_after=1)}
        return set(self._queues) if "" in rung else rung & set(self._queues)

    def _pause(self, stop: threading.Event, who: str, error: Exception) -> None:
        self._errors += 1
        if self._errors in {1, 10} or self._errors % 100 == 0:
            log.warning("%s does not answer; accepted work waits: %s", who, str(error).strip())
        stop.wait(min(PING_S[1], PING_S[0] * self._errors))


def start(stop: threading.Event, catalog: Catalog) -> list[threading.Thread]:
    """Start the loops as threads of this process; `catalog` says which schedules organisations are given and what events start."""
    here = ledger()
    planting = Loop("plant", PLANT_S, lambda: plant(here, catalog.schedules(), catalog.kinds))
    loops = {
        "dispatcher": Bell(here, Publisher(broker_url(kernel_settings()), tuple(Queue))).run,
        "timers": Timers(here, [planting]).run,
        "relay": Relay(here, catalog.reactions(), catalog.kinds).run,
    }
    threads = [threading.Thread(target=run, args=(stop,), name=name, daemon=True) for name, run in loops.items()]
    for thread in threads:
        thread.start()
    return threads
