"""Decide who runs next, and ring: one short transaction per queue, then signed tickets; never the other way round."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import SourceUnavailable
from watchfloor.kernel.jobs.broker.tickets import MAX_JOBS, sign
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.security import Signer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.kernel.db.session import Wire
    from watchfloor.kernel.jobs.broker.publish import Publisher
    from watchfloor.kernel.jobs.ledger import Ledger

ROUND = 256  # jobs per queue and transaction
TICKET_S = 900  # longer than the longest sweep age
KEY_S = 86_400
PATIENCE_S = 3.0
GATE_S = 0.002
SHORTEST_S, LONGEST_S = 0.002, 0.05
WORTH = 16  # jobs per slot that make a look worth its cost

log = logging.getLogger("watchfloor.dispatcher")


@dataclass(frozen=True)
class Picked:
    """A job whose ticket is due."""

    id: UUID
    seq: int
    kind: str
    short: bool


@dataclass
class Round:
    """What one look at a queue did: `eager` asks for another look soon, after `pause_s`."""

    sent: int = 0
    eager: bool = False
    pause_s: float = 0.0


class Dispatcher:
    """Publishes tickets for queued jobs; any number may run, the gate lets one decide at a time."""

    def __init__(self, ledger: Ledger, publisher: Publisher) -> None:
        """Make a signing key that never leaves this process; `enlist` makes it known."""
        self._ledger = ledger
        self._publisher = publisher
        self._signer = Signer()
        self._pause: dict[str, float] = defaultdict(float)

    def enlist(self) -> None:
        """Publish the public half and wait until every live worker knows it, a few seconds at most."""
        wire = self._wire()
        wire.execute(
            "insert into signer (kid, public, not_after) values (%s, %s, wf_now() + make_interval(secs => %s)) "
            "on conflict (kid) do update set not_after = excluded.not_after",
            (self._signer.kid.hex(), self._signer.public, KEY_S),
        )
        wire.execute("select pg_notify('wf_signer', %s)", (self._signer.kid.hex(),))
        deadline = monotonic() + PATIENCE_S
        unaware = "select count(*) from worker_session where lost_at is null and expires_at > wf_now() and position(%s in keyring) = 0"
        listener = self._ledger.database.connect("wf_engine")
        try:
            listener.execute("listen wf_keyring")
            while monotonic() < deadline and wire.execute(unaware, (self._signer.kid.hex(),)).fetchone() != (0,):
                for _note in listener.notifies(timeout=0.1, stop_after=1):
                    pass
        finally:
            listener.close()

    def renew(self) -> None:
        """Extend the key's life; forget keys that nobody can have signed with for a day."""
        wire = self._wire()
        wire.execute("update signer set not_after = wf_now() + make_interval(secs => %s) where kid = %s", (KEY_S, self._signer.kid.hex()))
        wire.execute("delete from signer where not_after < wf_now() - interval '1 day'")

    def queues(self) -> list[str]:
        """Return the declared queues."""
        return [str(row[0]) for row in self._wire().execute("select name from queue order by name").fetchall()]

    def round(self, queue: str) -> Round:
        """Pick what has room now and publish it.

        Raises:
            SourceUnavailable: The broker refused; the jobs are back in line.
        """
        wire = self._wire()
        picked: list[Picked] = []
        expires_ms = 0
        with wire.transaction():
            if wire.execute(statement("gate")).fetchone() != (True,):
                return Round(eager=True, pause_s=GATE_S)
            wire.execute(statement("unpark"), {"queue": queue}, prepare=True)
            row: Any = wire.execute(statement("credit"), {"queue": queue}, prepare=True).fetchone()
            credit, slots, backlog = (int(row[0]), int(row[1]), bool(row[2])) if row else (0, 0, False)
            if credit > 0 and backlog:
                rows = wire.execute(statement("dispatch"), {"queue": queue, "credit": min(credit, ROUND)}, prepare=True).fetchall()
                expires_ms = self._now_ms() + TICKET_S * 1000  # asked before the commit: after it nothing may stop the publication
                picked = [Picked(UUID(str(job)), int(seq), str(kind), bool(short)) for job, seq, kind, short in rows]
        if picked:
            self._publish(queue, picked, slots, expires_ms)
        return self._judged(queue, len(picked), slots, backlog=backlog and slots > 0)

    def _publish(self, queue: str, picked: list[Picked], slots: int, expires_ms: int) -> None:
        messages = []
        for kind, jobs in bundles(picked, slots):
            message_id = str(jobs[0][0]) if len(jobs) == 1 else str(uuid4())
            messages.append((kind, queue, sign(self._signer, kind, message_id, queue, jobs, expires_ms), message_id))
        try:
            self._publisher.publish(messages)
        except SourceUnavailable:
            undo = {"ids": [job.id for job in picked], "seqs": [job.seq for job in picked]}
            self._wire().execute(statement("undo_dispatch"), undo)
            raise

    def _now_ms(self) -> int:
        row: Any = self._wire().execute("select (extract(epoch from wf_now()) * 1000)::bigint", prepare=True).fetchone()
        return int(row[0])

    def _judged(self, queue: str, sent: int, slots: int, *, backlog: bool) -> Round:
        """While jobs wait for room look again soon, but not so often that looks return little for their cost."""
        if not backlog:
            self._pause[queue] = SHORTEST_S
            return Round(sent)
        pause = self._pause[queue] * (0.7 if sent > WORTH * slots else 1.5)
        self._pause[queue] = min(LONGEST_S, max(SHORTEST_S, pause))
        return Round(sent, eager=True, pause_s=self._pause[queue])

    def _wire(self) -> Wire:
        return self._ledger.database.wire("wf_engine")


def bundles(picked: Iterable[Picked], slots: int) -> Iterator[tuple[str, list[tuple[UUID, int]]]]:
    """Group jobs into tickets: one each, except that short ones of a kind share, spread over the free slots."""
    short: dict[str, list[tuple[UUID, int]]] = defaultdict(list)
    for job in picked:
        if job.short:
            short[job.kind].append((job.id, job.seq))
        else:
            yield job.kind, [(job.id, job.seq)]
    for kind, jobs in short.items():
        size = min(MAX_JOBS, math.ceil(len(jobs) / max(1, slots)))
        for start in range(0, len(jobs), size):
            yield kind, jobs[start : start + size]
