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

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Fenced, SetupError
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger

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
    """Name this process (or thread, outside the main one) so that its death can be told from a recycled pid."""
    name = f"{os.getpid()}:{start_ticks(os.getpid())}"
    thread = threading.current_thread()
    return name if thread is threading.main_thread() else f"{name}:{thread.ident}"


def start_ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot, or 0 where it cannot be told or is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - on the hot path, twice as fast
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in {b"Z", b"X"} else int(fields[19])


def claim(ledger: Ledger, session: UUID, queue: str, jobs: Sequence[tuple[UUID, int]]) -> list[Claim] | None:
    """Claim the jobs of a ticket; one that is missing was claimed, cancelled or swept meanwhile, its ticket is a duplicate.

    A database that is away for a few seconds is waited for: the ticket would be lost, and its jobs wait for the sweeper. When the
    answer is lost on the way nobody knows whether the claim counts; what was claimed is handed back, and what was not is claimed.
    None: nothing was claimed, and that says nothing about the ticket.
    """
    values = {"session": session, "child": held_child(), "queue": queue, "ids": [job for job, _ in jobs], "seqs": [seq for _, seq in jobs]}
    deadline = monotonic() + PATIENCE_S
    while monotonic() < deadline:
        try:
            rows = ledger.database.wire("wf_engine").execute(statement("claim"), values, prepare=True).fetchall()
        except psycopg.errors.UniqueViolation:
            # A mutex was taken between dispatch and claim; jobs with a mutex travel alone.
            ledger.database.wire("wf_engine").execute(statement("park"), {"id": jobs[0][0], "seq": jobs[0][1]})
            return None
        except psycopg.OperationalError:
            hand_back_unknown(ledger, session)
        except SetupError:
            threading.Event().wait(0.2)
        else:
            order = {job: place for place, (job, _seq) in enumerate(jobs)}
            return sorted((Claim(*row) for row in rows), key=lambda held: order[held.id])
    return None


def finish(ledger: Ledger, session: UUID, ends: Sequence[tuple[Claim, End]]) -> dict[UUID, str]:
    """End attempts in one commit; return each job's new stage. One that is missing was not ours any more, nothing was written."""
    name = "finish_failing" if any(map(_may_fail, ends)) else "finish" if any(held.batch for held, _end in ends) else "finish_single"
    values: dict[str, Any] = {
        "session": session, "orgs": [held.org for held, _ in ends], "jobs": [held.id for held, _ in ends], "fences": [held.fence for held, _ in ends],
        "outcomes": [str(end.outcome) for _, end in ends], "reasons": [end.reason for _, end in ends], "fps": [end.fingerprint for _, end in ends],
        "delays": [end.delay_s for _, end in ends], "parts": [end.part for _, end in ends], "kids": [end.kid for _, end in ends],
        "blobs": [end.blob for _, end in ends], "cpu_ms": [end.cpu_ms for _, end in ends], "in_force": ends[0][1].in_force,
    }  # fmt: skip
    return {UUID(str(job)): str(stage) for job, stage in patiently(ledger, name, values)}


def _may_fail(ended: tuple[Claim, End]) -> bool:
    """Tell whether this attempt may be the end of its job, in failure."""
    held, end = ended
    return end.outcome is Outcome.FAILED or (end.outcome is Outcome.RETRY and held.failures + 1 >= held.max_failures)


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


def patiently(ledger: Ledger, name: str, values: dict[str, Any]) -> list[Any]:
    """Run a statement that may safely run twice, through a restart of the database if need be."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return ledger.database.wire("wf_engine").execute(statement(name), values, prepare=True).fetchall()
        except (psycopg.OperationalError, SetupError):
            if monotonic() > deadline:
                raise
            threading.Event().wait(0.2)
