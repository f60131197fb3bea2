"""Start the work that events ask for: one job of each reaction's kind for events of one organisation, whoever relays and whatever dies."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any, Final

import psycopg

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, SetupError, WatchfloorError
from watchfloor.kernel.events.outbox import WAKE, heard_as
from watchfloor.kernel.jobs.enqueue import Options, bind, enqueue
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from watchfloor.kernel.contract import JobKind, Reaction
    from watchfloor.kernel.db.session import Wire
    from watchfloor.kernel.jobs.ledger import Ledger

    Kinds = Mapping[str, JobKind[Any, Any]]

ACTOR: Final = "reaction"
EVENTS_MAX: Final = 500
POLL_S: Final = 1.0  # the bell is a courtesy: what waits is found without it
KNOW_S: Final = 3600.0
SULK_S: Final = 30.0  # how long one organisation's reaction that cannot be started is left alone
OUTAGE_S: Final = 1.0

log = logging.getLogger("watchfloor.relay")


class Relay:
    """The loop of one scheduler: woken by the bell, by the clock, and by what it finds."""

    def __init__(self, here: Ledger, reactions: Sequence[Reaction], kinds: Callable[[], Kinds]) -> None:
        """Bind the ledger and what the catalog says; `kinds` is called when the first event waits, because it loads every capability."""
        self._ledger, self._reactions, self._kinds = here, reactions, kinds
        self._by_kind = {reaction.kind: reaction for reaction in reactions}
        self._known: Kinds = {}
        self._know_at = -1e9
        self._sulking: dict[tuple[UUID, str], float] = {}
        self._listener: Wire | None = None

    def run(self, stop: threading.Event) -> None:
        """Run until stopped; an outage of the database is waited out."""
        while not stop.is_set():
            try:
                self._listen()
                if self.turn() == 0:
                    self._wait()
            except (psycopg.OperationalError, SetupError) as error:
                self._deafen()
                log.warning("the relay waits for the database: %s", str(error).strip())
                stop.wait(OUTAGE_S)
        self._deafen()

    def turn(self) -> int:
        """Relay what is due now, 500 events of each organisation and kind, and return how many events that were."""
        self._know()
        wanted = [kind for kind in self._by_kind if kind in self._known or not self._known]
        found = self._ledger.database.wire("wf_engine").execute(statement("due_reactions"), {"kinds": wanted}).fetchall()
        self._known = self._known or (self._kinds() if found else {})
        return sum(self._relay(org, kind) for org, kind in found)

    def _relay(self, org: UUID, kind: str) -> int:
        """Relay for one organisation and kind; its trouble is its own."""
        if kind not in self._known or self._sulking.get((org, kind), 0.0) > monotonic():
            return 0
        try:
            return relay(self._ledger, org, self._by_kind[kind], self._known[kind])
        except SetupError:
            raise
        except (WatchfloorError, psycopg.errors.IntegrityError, psycopg.errors.DataError):
            log.exception("events of %s cannot start %s; they wait", org, kind)
            self._sulking[org, kind] = monotonic() + SULK_S
            return 0

    def _know(self) -> None:
        """Install our reactions, from now on, and forget those that nobody knows."""
        if monotonic() - self._know_at < KNOW_S:
            return
        know(self._ledger, self._reactions)
        self._know_at = monotonic()

    def _listen(self) -> None:
        if self._listener is None or self._listener.closed:
            self._listener = self._ledger.database.connect("wf_engine")
            self._listener.execute(f"listen {WAKE}")  # before the look, so that no event falls between look and wait

    def _deafen(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = None

    def _wait(self) -> None:
        assert self._listener is not None  # noqa: S101 - opened in the same round
        for _ in self._listener.notifies(timeout=POLL_S * random.uniform(0.8, 1.2), stop_after=1):  # noqa: S311 - spreads load, protects nothing
            return


def know(ledger: Ledger, reactions: Sequence[Reaction]) -> None:
    """Install these reactions: events emitted from now on start them. Safe to repeat and to race."""
    wire = ledger.database.wire("wf_engine")
    values = {
        "events": [one.event for one in reactions], "kinds": [one.kind for one in reactions],
        "delays_s": [one.delay.total_seconds() for one in reactions],
    }  # fmt: skip
    wire.execute(statement("know_reactions"), values)
    wire.execute(statement("forget_reactions"))


def relay(ledger: Ledger, org: UUID, reaction: Reaction, kind: JobKind[Any, Any]) -> int:
    """Put an organisation's oldest due events into one job, theirs alone or one that waits already, and return how many they were.

    Events leave with the job's row or not at all. 0: nothing is due, or another relay is at it.
    """
    key = {"org": org, "kind": kind.name}
    made = False
    with ledger.database.transaction(org) as session:
        wire = wire_of(session)
        wire.execute(statement("reaction_seen"), key)
        turn = wire.execute(statement("reaction_turn"), key).fetchone()
        events = [row[0] for row in wire.execute(statement("take_due"), {**key, "limit": EVENTS_MAX}).fetchall()] if turn else []
        if events and not (turn and not reaction.with_events and _still_waits(wire, org, turn[0])):
            request = bind(kind, {"event_ids": [str(event) for event in events]} if reaction.with_events else {})
            mutex = None if reaction.with_events else f"reaction|{kind.name}"
            job = enqueue(ledger, session, org, kind, request, Options(actor=ACTOR, label=reaction.event, mutex=mutex)).id
            wire.execute(statement("reaction_ran"), {**key, "job": job})
            made = True
    if made:
        ledger.doorbell.ring("wf_ready", str(kind.queue))
    return len(events)


def faults(reactions: Iterable[Reaction], kinds: Kinds, events: Iterable[str]) -> list[str]:
    """Return what is wrong with reactions, one sentence each: what a catalog must not be built with."""
    found, names = [], {heard for event in events for heard in heard_as(event)}
    terms: dict[str, tuple[Any, ...]] = {}
    for one in reactions:
        where = f"{one.event} to {one.kind}"
        if one.event not in names:
            found.append(f"{where}: no capability declares an event {one.event!r}")
        if one.kind not in kinds:
            found.append(f"{where}: there is no job kind {one.kind!r}")
        elif fault := _misfit(one, kinds[one.kind]):
            found.append(f"{where}: {fault}")
        if terms.setdefault(one.kind, (one.delay, one.with_events)) != (one.delay, one.with_events):
            found.append(f"{where}: another reaction of this kind has another delay or other arguments")
    return found


def _misfit(reaction: Reaction, kind: JobKind[Any, Any]) -> str | None:
    sample = "00000000-0000-0000-0000-000000000000"
    try:
        bind(kind, {"event_ids": [sample] * EVENTS_MAX} if reaction.with_events else {})
    except InvalidInput as error:
        return str(error)
    return None


def _still_waits(wire: Wire, org: UUID, job: UUID | None) -> bool:
    return job is not None and wire.execute(statement("still_waits"), {"org": org, "job": job}).fetchone() == (True,)
