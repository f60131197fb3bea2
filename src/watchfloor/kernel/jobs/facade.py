"""The face that Celery's users know: `delay`, `apply_async`, and a result readable from any process."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, JobFailed, JobRevoked
from watchfloor.kernel.jobs.enqueue import Options, bind, enqueue, submit
from watchfloor.kernel.jobs.ledger import Ledger, ledger, org_named
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import State
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind

KNOWN = {"priority", "countdown", "eta", "expires", "queue", "idempotency_key", "unique", "session", "org", "actor", "label"}
INSTEAD = {
    "link": "a batch with a callback (context.fan_out)", "link_error": "a batch with a callback (context.fan_out)", "chord": "context.fan_out", "chain": "context.fan_out",
    "group": "submit_many or context.fan_out", "retry": "the kind's attempts", "retry_policy": "the kind's attempts", "task_id": "idempotency_key",
    "serializer": "nothing: arguments are sealed JSON", "headers": "arguments", "routing_key": "queue", "exchange": "queue",
    "time_limit": "the kind's timeout", "soft_time_limit": "the kind's soft_timeout",
}  # fmt: skip
FROM_PYTHON = Options(actor="python")


class JobResult:
    """A job's state and result, read from the ledger whenever asked."""

    def __init__(self, job: UUID | str, org: UUID | None = None, *, on: Ledger | None = None) -> None:
        """Name the job; nothing is read yet."""
        self.id = str(job)
        self._job = job if isinstance(job, UUID) else UUID(job)
        self._ledger = on or ledger()
        self._org = org or org_named(kernel_settings().default_org)

    @property
    def state(self) -> str:
        """Return PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE or REVOKED; an unknown job is PENDING, see `exists`."""
        return str(self._read()["state"])

    status = state

    @property
    def info(self) -> Any:  # noqa: ANN401 - the type is the caller's
        """Return the result, the exception, or a dict of what is known so far."""
        return _info(self._read())

    result = info

    @property
    def traceback(self) -> str | None:
        """Return the scrubbed traceback of a failed job."""
        found: str | None = self._read()["traceback"]
        return found

    def exists(self) -> bool:
        """Tell a waiting job from an unknown one."""
        return read_job(self._ledger, self._org, self._job) is not None

    def ready(self) -> bool:
        """Tell whether the job is over."""
        return State(self.state).ended

    def successful(self) -> bool:
        """Tell whether it ended well."""
        return self.state == State.SUCCESS

    def failed(self) -> bool:
        """Tell whether it failed."""
        return self.state == State.FAILURE

    def get(self, timeout: float | None = None, *, propagate: bool = True) -> Any:  # noqa: ANN401 - the type is the caller's
        """Wait for the job's end and return its result.

        Raises:
            JobFailed: It failed. JobRevoked: it was cancelled or expired. TimeoutError: `timeout` seconds passed first.
        """
        deadline = None if timeout is None else monotonic() + timeout
        pause = 0.02
        while True:
            found = self._read()
            if State(found["state"]).ended:
                info = _info(found)
                if isinstance(info, Exception) and propagate:
                    raise info
                return info
            if deadline is not None and monotonic() >= deadline:
                message = f"job {self.id} is still {found['state']} after {timeout} s"
                raise TimeoutError(message)
            threading.Event().wait(pause if deadline is None else max(0.0, min(pause, deadline - monotonic())))
            pause = min(1.0, pause * 1.5)

    wait = get

    def revoke(self, *_: object, **__: object) -> None:
        """Cancel the job: at once when it waits, within two seconds when it runs."""
        from watchfloor.kernel.jobs.cancel import cancel  # noqa: PLC0415 - loaded only when needed

        cancel(self._ledger, self._org, [self._job], actor="python")

    def forget(self) -> None:
        """Refuse: what ran is on record until its retention ends."""
        message = "results are kept as long as their kind says (keep_result); they cannot be forgotten one by one"
        raise TypeError(message)

    def _read(self) -> dict[str, Any]:
        return read_job(self._ledger, self._org, self._job) or {"state": "PENDING", "info": None, "traceback": None}

    def __repr__(self) -> str:
        """Show the id, as Celery does."""
        return f"<JobResult: {self.id}>"


def apply_async(kind: JobKind[Any, Any], args: tuple[object, ...], kwargs: dict[str, object], options: dict[str, Any]) -> JobResult:
    """Enqueue; see `JobKind.apply_async`."""
    for name in options.keys() - KNOWN:
        message = f"{name} is not an option here; use {INSTEAD.get(name, 'one of ' + ', '.join(sorted(KNOWN)))}"
        raise TypeError(message)
    here = ledger()
    org = options.get("org") or org_named(kernel_settings().default_org)
    request = bind(kind, named(kind, args, kwargs) if args else kwargs)
    chosen = _options(options)
    session, key = options.get("session"), options.get("idempotency_key")
    if key is not None:
        return JobResult(_once(here, session, org, kind, request, chosen, str(key)), org, on=here)
    made = enqueue(here, session, org, kind, request, chosen) if session is not None else submit(here, org, kind, request, chosen)
    return JobResult(made.id, org, on=here)


def named(kind: JobKind[Any, Any], args: Sequence[object], given: Mapping[str, object]) -> dict[str, object]:
    """Name positional arguments after the request's fields, in the order they are declared.

    Raises:
        TypeError: More arguments than fields, or one that is given by name too.
    """
    fields = list(kind.arguments.model_fields)
    if len(args) > len(fields):
        message = f"{kind.name} takes at most {len(fields)} arguments ({', '.join(fields)}), {len(args)} were given"
        raise TypeError(message)
    placed = dict(zip(fields, args, strict=False))
    if twice := sorted(placed.keys() & given.keys()):
        message = f"{kind.name} was given {twice[0]} twice"
        raise TypeError(message)
    return placed | dict(given)


def _once(on: Ledger, session: Session | None, org: UUID, kind: JobKind[Any, Any], request: BaseModel, options: Options, key: str) -> UUID:
    """Enqueue under an idempotency key: for 24 hours the same key gives the same job, whatever became of it."""
    if session is None:
        with on.database.transaction(org) as own:
            job = _once(on, own, org, kind, request, options, key)
        on.doorbell.ring("wf_ready", options.queue or kind.queue)
        return job
    digest = hashlib.sha256(f"{kind.name}\0{request.model_dump_json()}".encode()).digest()
    job = new_id()
    values = {"org": org, "actor": options.actor, "key": key, "sha": digest, "job": job.bytes}
    row: Any = wire_of(session).execute(statement("once"), values).fetchone()
    if row is None:  # a rival holds the key; its row is there once its transaction has ended
        row = wire_of(session).execute(statement("once"), values).fetchone()
    if bytes(row[0]) != digest:
        message = f"idempotency key {key!r} was used for another request; choose a new key"
        raise Conflict(message)
    if bytes(row[1]) == job.bytes:
        enqueue(on, session, org, kind, request, replace(options, id=job))
    return UUID(bytes=bytes(row[1]))


def _info(found: dict[str, Any]) -> Any:  # noqa: ANN401 - the type is the caller's
    match found["state"]:
        case State.SUCCESS:
            return found["result"]
        case State.FAILURE:
            return JobFailed(str(found["reason"]), found["error"])
        case State.REVOKED:
            return JobRevoked(str(found["reason"]))
    return found["info"]


def read_job(on: Ledger, org: UUID, job: UUID) -> dict[str, Any] | None:
    """Return a job's state and all that a result object shows, or None when this organisation has no such job."""
    row: Any = on.database.wire("wf_engine").execute(statement("meta"), {"org": org, "id": job}).fetchone()
    if row is None:
        return None
    state, stage, reason, attempt, progress, result_kid, result, error_kid, error, finished_at, kind, host, started_at, run_at = row
    text = on.vault.open(org, error_kid, f"job_payload|error|{job}", bytes(error)).decode() if error is not None else ""
    running = {"attempt": attempt, "worker": host, "started_at": started_at, **(progress or {})}
    planned = {"reason": reason, "run_at": run_at, "attempt": attempt}
    return {
        "state": state, "name": kind, "worker": host, "date_done": finished_at, "retries": max(0, attempt - 1),
        "result": json.loads(on.vault.open(org, result_kid, f"job_payload|result|{job}", bytes(result))) if result is not None else None,
        "info": running if state in {State.STARTED, State.PROGRESS} else planned if state == State.RETRY else None,
        "reason": reason or stage, "error": text.partition("\n")[0], "traceback": text if text and state != State.SUCCESS else None,
    }  # fmt: skip


def _options(options: dict[str, Any]) -> Options:
    if not options:
        return FROM_PYTHON
    eta, expires = options.get("eta"), options.get("expires")
    now = datetime.now(UTC)
    return Options(
        priority=options.get("priority", 5),
        delay=timedelta(seconds=options.get("countdown") or 0),
        run_at=_aware(eta) if eta else None,
        expires_at=_aware(expires) if isinstance(expires, datetime) else now + timedelta(seconds=expires) if expires is not None else None,
        queue=options.get("queue"), unique=options.get("unique"), actor=options.get("actor", "python"), label=options.get("label"),
    )  # fmt: skip


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        message = f"{moment.isoformat()} has no time zone; pass an aware datetime such as datetime.now(UTC)"
        raise InvalidInput(message)
    return moment
