"""One attempt's dealings with the ledger: claim it, hold it, end it; every write proves that the job is still ours."""

from __future__ import annotations

import os
import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Fenced, SetupError
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.jobs.states import Outcome

_local = threading.local()
PATIENCE_S = 12.0  # a session lives 15 s: trying longer than this to write would be refused anyway


class Claim(NamedTuple):
    """A job this process owns until its fence is raised."""

    org: UUID
    id: UUID
    kind: str
    attempt: int
    fence: int
    failures: int
    max_failures: int
    crash_count: int
    batch: UUID | None
    schedule: UUID | None
    actor: str
    trace: str | None
    limit_s: float
    soft_s: float | None
    kid: str | None
    v: int | None
    blob: bytes | None


@dataclass(frozen=True, kw_only=True)
class End:
    """How an attempt ends: outcome, the word people read, and the sealed result or error."""

    outcome: Outcome
    reason: str | None = None
    fingerprint: str | None = None
    delay_s: float = 0.0
    part: str = "result"
    kid: str = ""
    blob: bytes | None = None
    in_force: list[str] = field(default_factory=list)
    cpu_ms: float | None = None


def child_name() -> str:
    """Name this process (or thread, outside the main one) so that its death can be told from a re-used pid."""
    name = f"{os.getpid()}:{start_ticks(os.getpid())}"
    thread = threading.current_thread()
    return name if thread is threading.main_thread() else f"{name}:{thread.ident}"


def start_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot, or 0 where it cannot be told or is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - twice as fast, on the hot path
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in {b"Z", b"X"} else int(fields[19])


def claim(ledger: Ledger, session: UUID, queue: str, job: UUID, seq: int) -> Claim | None:
    """Claim a job by its ticket; None means that the ticket is a duplicate, or was cancelled or swept meanwhile.

    When the answer is lost on the way nobody knows whether the claim counts; what was claimed is then handed back.
    """
    values = {"session": session, "child": held_child(), "queue": queue, "id": job, "seq": seq}
    try:
        return _claimed(ledger, "claim", values)
    except psycopg.errors.UniqueViolation:
        ledger.database.wire("wf_engine").execute(statement("park"), values)
        return None
    except psycopg.OperationalError:
        hand_back_unknown(ledger, session)
        return None


def finish(ledger: Ledger, session: UUID, held: Claim, end: End) -> str | None:
    """End the attempt; return the job's new stage, or None when it was not ours any more (nothing is written then)."""
    name = "finish" if held.batch else "finish_single"
    row = patiently(ledger, name, _ending(session, held, end))
    return str(row[0]) if row else None


def finish_and_claim(ledger: Ledger, session: UUID, held: Claim, end: End, queue: str, job: UUID, seq: int) -> tuple[str | None, Claim | None]:
    """End one job of a bundle and claim the next in the same commit; only for jobs outside batches."""
    values = _ending(session, held, end) | {"session": session, "child": held_child(), "queue": queue, "id": job, "seq": seq}
    try:
        cursor = ledger.database.wire("wf_engine").cursor(row_factory=namedtuple_row)
        row: Any = cursor.execute(statement("finish_claim"), values, prepare=True).fetchone()
    except psycopg.OperationalError:
        ended = finish(ledger, session, held, end)
        hand_back_unknown(ledger, session)
        return ended, None
    except psycopg.errors.UniqueViolation:
        # The next job's mutex is taken, and the pair failed as one: end this one by itself, let the claim park the next.
        return finish(ledger, session, held, end), claim(ledger, session, queue, job, seq)
    return row.ended, (Claim(*row[1:]) if row.id else None)


def held_child() -> str:
    """Return this thread's child name, computed once a thread."""
    name: str | None = getattr(_local, "child", None)
    if name is None or not name.startswith(f"{os.getpid()}:"):
        name = child_name()
        _local.child = name
    return name


@contextmanager
def owned_transaction(ledger: Ledger, session_id: UUID, held: Claim) -> Iterator[Session]:
    """Open the organisation's transaction, locked on the job's row.

    Raises:
        Fenced: The job was reaped, cancelled by force or finished elsewhere; nothing is written.
    """
    with ledger.database.transaction(held.org) as session:
        hold = {"org": held.org, "id": held.id, "fence": held.fence, "session": session_id}
        if wire_of(session).execute(statement("hold"), hold).fetchone() is None:
            message = f"job {held.id} is no longer owned by attempt {held.attempt}"
            raise Fenced(message)
        yield session


def back_off(first: timedelta, cap: timedelta, failures: int) -> float:
    """Return seconds until the next attempt: exponential, with full jitter, so that many failures do not return as one."""
    ceiling = min(cap.total_seconds(), first.total_seconds() * 2.0 ** min(failures, 30))
    return random.uniform(0, ceiling)  # noqa: S311 - spreads load, protects nothing


def hand_back_unknown(ledger: Ledger, session: UUID) -> None:
    """After a lost answer, return whatever this child owns without knowing it."""
    patiently(ledger, "disown", {"session": session, "child": held_child()})


def patiently(ledger: Ledger, name: str, values: dict[str, Any]) -> Any:  # noqa: ANN401 - a row of any shape
    """Run a statement that may safely run twice, through a restart of the database if need be."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return ledger.database.wire("wf_engine").execute(statement(name), values, prepare=True).fetchone()
        except (psycopg.OperationalError, SetupError):
            if monotonic() > deadline:
                raise
            threading.Event().wait(0.2)


def _claimed(ledger: Ledger, name: str, values: dict[str, Any]) -> Claim | None:
    row = ledger.database.wire("wf_engine").execute(statement(name), values, prepare=True).fetchone()
    return Claim(*row) if row else None


def _ending(session: UUID, held: Claim, end: End) -> dict[str, Any]:
    return {
        "session": session, "org": held.org, "job": held.id, "fence": held.fence, "outcome": str(end.outcome), "reason": end.reason,
        "fp": end.fingerprint, "delay_s": end.delay_s, "part": end.part, "kid": end.kid, "blob": end.blob, "in_force": end.in_force,
        "cpu_ms": end.cpu_ms,
    }  # fmt: skip
