"""Stop jobs, empty queues, run ended jobs again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.jobs.queries import get_job, open_part
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.jobs.ledger import Ledger


@dataclass(frozen=True)
class Cancelled:
    """A job that was told to end: `cancelled` at once, `running` until its worker has killed it."""

    id: UUID
    stage: str


def cancel(ledger: Ledger, org: UUID, ids: Sequence[UUID], *, actor: str, batch: UUID | None = None) -> list[Cancelled]:
    """Cancel unfinished jobs of these ids or this batch; foreign, ended and already cancelled ones are left out."""
    told: list[Cancelled] = []
    owners: set[UUID] = set()
    values = {"org": org, "ids": list(ids), "batch": batch, "by": actor}
    for rows in _until_none(ledger, org, "cancel", values):
        told += [Cancelled(row[0], row[1]) for row in rows]
        owners |= {row[2] for row in rows if row[1] == "running"}
    for owner in owners:
        ledger.doorbell.ring("wf_ctl", str(owner))
    for one in told:
        ledger.doorbell.ring("wf_progress", f"{org}:{one.id}")
    return told


def purge(ledger: Ledger, org: UUID, *, actor: str, queue: str | None = None, kind: str | None = None) -> int:
    """Cancel everything that waits, on one queue or of one kind if named; what runs goes on. Returns how many."""
    values = {"org": org, "queue": queue, "kind": kind, "by": actor}
    return sum(len(rows) for rows in _until_none(ledger, org, "purge", values))


def _until_none(ledger: Ledger, org: UUID, name: str, values: dict[str, Any]) -> list[list[Any]]:
    """Run a statement of up to 500 rows until it finds none; each round is its own commit."""
    rounds: list[list[Any]] = []
    while True:
        with ledger.database.transaction(org) as session:
            rows = wire_of(session).execute(statement(name), values).fetchall()
        if not rows:
            return rounds
        rounds.append(rows)


def replay(ledger: Ledger, org: UUID, job: UUID, kinds: Mapping[str, JobKind[Any, Any]], *, actor: str) -> UUID:
    """Run an ended job again, as a new one with the same kind and arguments; returns its id.

    Raises:
        NotFound: There is no such job.
        Conflict: It has not ended, its kind is gone, or its arguments were removed or fit no more.
    """
    with ledger.database.transaction(org) as session:
        old = get_job(session, org, job)
        if old.finished_at is None:
            message = f"job {job} has not ended ({old.state}); cancel it first, or wait"
            raise Conflict(message)
        kind = kinds.get(old.kind)
        plain = open_part(ledger, session, org, job, "args")
        if kind is None or plain is None:
            message = (
                f"there is no kind {old.kind} any more"
                if kind is None
                else f"the arguments of job {job} were removed by retention; submit a new job"
            )
            raise Conflict(message)
        try:
            request = kind.arguments.model_validate_json(plain)
        except ValidationError as error:
            message = f"the arguments of job {job} do not fit {old.kind} any more; submit a new job"
            raise Conflict(message) from error
        options = Options(queue=old.queue, priority=old.priority, label=old.label, replay_of=job, actor=actor)
        new = enqueue(ledger, session, org, kind, request, options).id
        record(session, org, actor=actor, operation="job.replay", object=str(job), reason=f"as {new}")
    ledger.doorbell.ring("wf_ready", old.queue)
    return new
