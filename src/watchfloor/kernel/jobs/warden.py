"""The process beside each worker: it beats, watches the children, and ends what has to end."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.jobs.board import Board, Word
from watchfloor.kernel.jobs.broker.keyring import write_keyring
from watchfloor.kernel.jobs.broker.tickets import TicketKey
from watchfloor.kernel.jobs.claim import start_ticks
from watchfloor.kernel.jobs.rescue import BEAT_S, SELF_FENCE_S, SESSION_TTL_S, reap, ring_again
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from watchfloor.kernel.jobs.ledger import Ledger

LOOK_S = 0.2
CANCEL_GRACE_S = 1.0  # from the signal to SIGKILL; a box is gone after 0.3 s
HAND_BACK_GRACE_S = 5.0
LIMIT_DELAY_S = 5.0  # before a job that reached its time limit is tried again
DEAF_S = 8.0
DEAF_LOOKS = 3
KEYRING_S = 10.0
REJECTIONS = 1000  # kinds of refusal held at most between two beats

log = logging.getLogger("watchfloor.warden")


@dataclass(frozen=True)
class Post:
    """What a worker tells about itself."""

    queues: tuple[str, ...]
    slots: int
    pool: str
    kinds: tuple[str, ...]
    code: str
    keyring: Path
    drain_s: float
    may_kill: bool  # children are processes of their own and run one job each


@dataclass
class Running:
    """A job of this worker as of the last beat."""

    org: UUID
    id: UUID
    fence: int
    child: str
    kind: str
    ends_at: float
    soft_at: float | None
    cancelled: bool
    told_at: dict[Word, float] = field(default_factory=dict)


class Warden:
    """Owns the worker's session row; lives in a process of its own so that no job can keep it from beating."""

    def __init__(self, ledger: Ledger, board: Board, post: Post, parent: int, rejected: Callable[[], Counter[tuple[str, str]]]) -> None:
        """Bind to the worker whose parent process is `parent`; `rejected` hands over the refusals counted since it was last asked."""
        self._ledger, self._board, self._post, self._parent = ledger, board, post, parent
        self._parent_ticks = start_ticks(parent)
        self._rejected = rejected
        self._running: dict[tuple[UUID, int], Running] = {}
        self._beat_at = self._keyring_at = -1e9
        self._renewed = monotonic()
        self._stopping_since: float | None = None
        self._deaf_looks = 0
        self._pool: set[int] = set()
        self._listener: psycopg.Connection[Any] | None = None

    def run(self) -> None:
        """Beat until the worker is gone; then give its jobs free at once."""
        while start_ticks(self._parent) == self._parent_ticks:
            try:
                if not self._board.session.int:
                    self._open_session()
                self._look()
            except (psycopg.OperationalError, SetupError) as error:
                log.warning("the database does not answer: %s", str(error).strip())
                self._drop_listener()
                self._sleep(LOOK_S * 2)
            if monotonic() - self._renewed > SELF_FENCE_S:
                self._fence_self()
        self._close()

    def _look(self) -> None:
        if self._board.stopping and self._stopping_since is None:
            self._stopping_since = monotonic()
            self._beat_at = -1e9
        if monotonic() - self._keyring_at > KEYRING_S:
            self._refresh_keyring()
        pool = children_of(self._parent)
        if any(not self._board.left(gone) for gone in self._pool - pool):
            # A ticket may have been on its way to a child that died before it could claim.
            ring_again(self._ledger, self._post.queues)
        self._pool = pool
        if self._dead_children() or monotonic() - self._beat_at > BEAT_S:
            self._beat()
        self._enforce()
        for note in self._notes():
            if note.channel == "wf_signer":
                self._refresh_keyring()
            elif note.payload == str(self._board.session):
                self._beat()
                self._enforce()

    def _beat(self) -> None:
        wire = self._ledger.database.wire("wf_engine")
        rows: list[Any] = wire.execute(
            statement("beat"), {"session": self._board.session, "ttl_s": SESSION_TTL_S, "stopping": self._board.stopping}, prepare=True
        ).fetchall()
        self._beat_at = monotonic()
        if not rows[0][0]:
            log.error("this session was declared lost; its jobs belong to others now")
            self._fence_self()
            return
        self._renewed = self._beat_at
        self._remember([row[1:] for row in rows if row[2] is not None])
        dead = self._dead_children()
        if dead:
            reap(self._ledger, self._board.session, dead)
        self._report_rejections()
        self._watch_ears()

    def _remember(self, rows: list[Any]) -> None:
        now = monotonic()
        running = {}
        for org, job, fence, child, cancelled, ran_s, limit_s, soft_s, kind, _batch in rows:
            known = self._running.get((job, fence))
            running[job, fence] = Running(
                org,
                job,
                fence,
                child,
                kind,
                now - ran_s + limit_s,
                now - ran_s + soft_s if soft_s else None,
                cancelled,
                known.told_at if known else {},
            )
        self._running = running
        self._board.keep(set(running))

    def _enforce(self) -> None:
        """Tell each job what it has to know, and kill what does not listen."""
        now = monotonic()
        drained = self._stopping_since is not None and now - self._stopping_since > self._post.drain_s
        for job in list(self._running.values()):
            if job.cancelled:
                self._tell(job, Word.CANCEL, now)
            elif drained:
                self._tell(job, Word.HAND_BACK, now)
            elif job.soft_at is not None and now > job.soft_at:
                self._tell(job, Word.SOFT_LIMIT, now)
            if now > job.ends_at:
                self._end(job, "retry", "time_limit")
            elif now - job.told_at.get(Word.CANCEL, now) > CANCEL_GRACE_S:
                self._end(job, "cancelled", "cancelled")
            elif now - job.told_at.get(Word.HAND_BACK, now) > HAND_BACK_GRACE_S:
                self._end(job, "handed_back", "worker_stopped")

    def _tell(self, job: Running, word: Word, now: float) -> None:
        if word in job.told_at:
            return
        job.told_at[word] = now
        self._board.tell(job.id, job.fence, word)
        if self._post.may_kill:
            self._signal(job, signal.SIGUSR2)

    def _end(self, job: Running, outcome: str, reason: str) -> None:
        """Record the end on the child's behalf, then kill it; where jobs are threads they cannot be killed, only told.

        In this order: our list is up to a beat old, and a child that has moved on to another job must live. Only when the
        ledger confirms that the attempt still ran is its process the one to kill.
        """
        if not self._post.may_kill:
            self._tell(job, Word.CANCEL if outcome == "cancelled" else Word.SOFT_LIMIT, monotonic())
            return
        self._running.pop((job.id, job.fence), None)
        values = {
            "session": self._board.session, "orgs": [job.org], "jobs": [job.id], "fences": [job.fence], "outcomes": [outcome], "reasons": [reason],
            "fps": [reason], "delays": [LIMIT_DELAY_S], "parts": ["error"], "kids": [""], "blobs": [None], "in_force": [], "cpu_ms": [None],
        }  # fmt: skip
        if self._ledger.database.wire("wf_engine").execute(statement("finish"), values).fetchone() is None:
            return
        log.warning("job %s (%s): %s; its process is killed", job.id, job.kind, reason)
        if outcome == "cancelled":
            self._spare_neighbours(job)
        self._signal(job, signal.SIGKILL)
        self._ledger.doorbell.ring("wf_ready", "")
        self._ledger.doorbell.ring("wf_progress", f"{job.org}:{job.id}")

    def _spare_neighbours(self, job: Running) -> None:
        """Hand back what else the process to be killed holds: a bundle's other jobs have done nothing to be blamed for."""
        near = [other for other in self._running.values() if other.child == job.child]
        if not near:
            return
        n = len(near)
        values = {
            "session": self._board.session, "orgs": [one.org for one in near], "jobs": [one.id for one in near], "fences": [one.fence for one in near],
            "outcomes": ["handed_back"] * n, "reasons": ["neighbour_cancelled"] * n, "fps": [None] * n, "delays": [0.0] * n,
            "parts": ["error"] * n, "kids": [""] * n, "blobs": [None] * n, "in_force": [], "cpu_ms": [None] * n,
        }  # fmt: skip
        self._ledger.database.wire("wf_engine").execute(statement("finish"), values)
        for one in near:
            self._running.pop((one.id, one.fence), None)

    def _signal(self, job: Running, number: signal.Signals) -> None:
        pid, ticks = (int(part) for part in job.child.split(":")[:2])
        if ticks and start_ticks(pid) == ticks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _dead_children(self) -> list[str]:
        children = {job.child for job in self._running.values()}
        return [child for child in children if not _lives(child)]

    def _fence_self(self) -> None:
        """Nobody may write under the old session any more: kill what it runs, then start a new one."""
        for job in self._running.values():
            if self._post.may_kill:
                self._signal(job, signal.SIGKILL)
            else:
                self._board.tell(job.id, job.fence, Word.HAND_BACK)
        self._running = {}
        with contextlib.suppress(psycopg.Error, SetupError):
            self._open_session()
            # Tickets that children took under the lost session were refused.
            ring_again(self._ledger, self._post.queues)

    def _open_session(self) -> None:
        session = uuid4()
        post = self._post
        values = {
            "session": session, "host": socket.gethostname(), "pid": self._parent, "queues": list(post.queues), "slots": post.slots, "pool": post.pool,
            "kinds": list(post.kinds), "code": post.code, "ttl_s": SESSION_TTL_S,
        }  # fmt: skip
        self._ledger.database.wire("wf_engine").execute(statement("open_session"), values)
        self._board.session = session
        self._renewed = monotonic()
        self._keyring_at = -1e9
        for queue in post.queues:
            self._ledger.doorbell.ring("wf_ready", queue)

    def _close(self) -> None:
        """The parent is gone: kill what is left of it, then let others have its jobs."""
        for job in self._running.values():
            self._signal(job, signal.SIGKILL)
        farewell(self._ledger, self._board.session, self._post.queues)
        self._post.keyring.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._post.keyring.parent.rmdir()

    def _refresh_keyring(self) -> None:
        wire = self._ledger.database.wire("wf_engine")
        rows: list[Any] = wire.execute(
            "select kid, public, revoked, (extract(epoch from not_after) * 1000)::bigint, (extract(epoch from wf_now()) * 1000)::bigint from signer"
        ).fetchall()
        if rows:
            self._board.offset_ms = rows[0][4] - time.time_ns() // 1_000_000
        keys = {bytes.fromhex(kid): TicketKey(bytes(public), revoked, not_after) for kid, public, revoked, not_after, _now in rows}
        write_keyring(self._post.keyring, keys)
        known = ",".join(sorted(kid.hex() for kid in keys))
        wire.execute("update worker_session set keyring = %s where id = %s and keyring <> %s", (known, self._board.session, known))
        with contextlib.suppress(psycopg.OperationalError):  # a full notification queue must not keep anybody from beating
            wire.execute("select pg_notify('wf_keyring', '')")
        self._keyring_at = monotonic()

    def _report_rejections(self) -> None:
        wire = self._ledger.database.wire("wf_engine")
        for (reason, detail), n in self._rejected().items():
            log.warning("%d messages were refused: %s %s", n, reason, detail)
            wire.execute(statement("rejection"), {"reason": reason, "n": n, "detail": detail})

    def _watch_ears(self) -> None:
        """A consumer that hears nothing while its queues hold old tickets and it has room is deaf: drain and let a supervisor restart us.

        Tickets that another worker fetched and has no room for, or that a frozen one holds, grow old as well: it takes more of them than
        the others can have fetched.
        """
        if len(self._running) >= self._post.slots or monotonic() - self._board.received_at < DEAF_S or self._board.stopping:
            self._deaf_looks = 0
            return
        row: Any = self._ledger.database.wire("wf_engine").execute(
            "select (select count(*) from job where stage = 'dispatched' and queue = any (%(queues)s) and dispatched_at < wf_now() - interval '5 seconds') > "
            "(select coalesce(sum(slots), 0) from worker_session where id <> %(session)s and queues && %(queues)s and lost_at is null)",
            {"queues": list(self._post.queues), "session": self._board.session},
        ).fetchone()  # fmt: skip
        self._deaf_looks = self._deaf_looks + 1 if row[0] else 0
        if self._deaf_looks >= DEAF_LOOKS:
            log.error("this worker hears nothing although tickets wait; it restarts")
            self._deaf_looks = 0
            self._board.deaf = True
            os.kill(self._parent, signal.SIGTERM)

    def _notes(self) -> list[psycopg.Notify]:
        if self._listener is None or self._listener.closed:
            self._listener = self._ledger.database.connect("wf_engine")
            self._listener.execute("listen wf_ctl; listen wf_signer")
        return list(self._listener.notifies(timeout=LOOK_S, stop_after=1))

    def _drop_listener(self) -> None:
        if self._listener is not None:
            with contextlib.suppress(psycopg.Error):
                self._listener.close()
        self._listener = None

    @staticmethod
    def _sleep(seconds: float) -> None:
        signal.sigtimedwait((), seconds)


def farewell(ledger: Ledger, session: UUID, queues: Sequence[str]) -> None:
    """End a session whose jobs run no more: they are planned again at once, and what its worker had not begun is rung again."""
    with contextlib.suppress(psycopg.Error, SetupError):
        ledger.database.wire("wf_engine").execute(statement("lose_session"), {"session": session})
        reap(ledger)
        ring_again(ledger, queues)
        ledger.doorbell.flush()


def children_of(pid: int) -> set[int]:
    """Return the processes that a process started itself."""
    try:
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()}
    except OSError:
        return set()


def _lives(child: str) -> bool:
    pid, ticks = (int(part) for part in child.split(":")[:2])
    return not ticks or start_ticks(pid) == ticks
