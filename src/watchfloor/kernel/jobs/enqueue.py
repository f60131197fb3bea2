"""Put requests into the ledger: in the caller's transaction, or as one durable statement of their own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg.errors import CheckViolation, OperationalError, UniqueViolation

from watchfloor.kernel.contract import Priority, queue_named
from watchfloor.kernel.db import libpq
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, TooLarge, WatchfloorError
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import stored_priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg import Cursor
    from psycopg.rows import TupleRow
    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.db.session import Wire
    from watchfloor.kernel.jobs.ledger import Ledger

TYPES = {
    **dict.fromkeys(("org", "id", "batch", "parent", "replay_of"), "uuid"), **dict.fromkeys(("unique_key", "blob"), "bytea"),
    **dict.fromkeys(("kind", "queue", "waits_for", "mutex", "actor", "label", "kid"), "text"),
    **dict.fromkeys(("priority", "max_failures"), "int4"), **dict.fromkeys(("delay_s", "limit_s", "soft_s", "keep_s"), "float8"),
    **dict.fromkeys(("run_at", "expires_at"), "timestamptz"), "budgets": "text[]", "short": "bool",
}  # fmt: skip
CHUNK = 1000
BUDGETS = 4
TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Options:
    """When, how urgently and for whom a job runs."""

    priority: int = Priority.DEFAULT
    run_at: datetime | None = None
    delay: timedelta = timedelta(0)
    expires_at: datetime | None = None
    queue: str | None = None
    unique: str | None = None
    mutex: str | None = None
    budgets: tuple[str, ...] = ()
    actor: str = ""
    label: str | None = None
    batch: UUID | None = None
    parent: UUID | None = None
    replay_of: UUID | None = None
    waits_for: str | None = None
    id: UUID | None = field(default=None)

    def __post_init__(self) -> None:
        """Put a queue's name in the place of its alias."""
        if self.queue is not None:
            object.__setattr__(self, "queue", queue_named(self.queue))

    @property
    def plain(self) -> bool:
        """Tell whether nothing in here is this one request's own, and nothing can be in its way."""
        moments, keys = (self.run_at, self.expires_at), (self.unique, self.mutex, self.batch, self.parent, self.replay_of, self.id)
        return moments == (None, None) and not any(keys)


DEFAULTS = Options()


@dataclass(frozen=True)
class Enqueued:
    """The job that stands for a request; `created` is False when an equal one was already waiting or running."""

    id: UUID
    created: bool


def enqueue(
    ledger: Ledger, session: Session, org: UUID, kind: JobKind[Any, Any], request: BaseModel, options: Options = DEFAULTS
) -> Enqueued:
    """Enqueue in the caller's transaction: work that is rolled back never runs."""
    return _enqueue(ledger, wire_of(session), org, kind, request, options)


def submit(ledger: Ledger, org: UUID, kind: JobKind[Any, Any], request: BaseModel, options: Options = DEFAULTS) -> Enqueued:
    """Enqueue durably in one round trip and ring the doorbell; returned means accepted."""
    wire = ledger.database.wire("wf_app")
    job = options.id or new_id()
    try:
        made = _enqueue(ledger, wire, org, kind, request, options, job)
    except OperationalError:
        if not wire.closed:
            raise
        made = _submit_again(ledger, org, kind, request, options, job)
    ledger.doorbell.ring("wf_ready", options.queue or kind.queue)
    return made


def submit_many(
    ledger: Ledger,
    org: UUID,
    kind: JobKind[Any, Any],
    requests: Iterable[BaseModel],
    options: Options = DEFAULTS,
    uniques: Sequence[str] | None = None,
) -> list[Enqueued]:
    """Enqueue many of one kind, all or none, 1,000 rows a statement; uniques, where given, go with requests one by one."""
    if uniques:
        with ledger.database.transaction(org) as session:
            made = enqueue_many(ledger, session, org, kind, requests, options, uniques)
    else:
        wire = ledger.database.wire("wf_app")
        with wire.transaction():
            made = _insert_all(ledger, wire, org, _columns(ledger, org, kind, options), _numbered(requests), kind.argument_bytes)
    ledger.doorbell.ring("wf_ready", options.queue or kind.queue)
    return made


def enqueue_many(
    ledger: Ledger, session: Session, org: UUID, kind: JobKind[Any, Any], requests: Iterable[BaseModel],
    options: Options = DEFAULTS, uniques: Sequence[str] | None = None,
) -> list[Enqueued]:  # fmt: skip
    """Enqueue many of one kind in the caller's transaction."""
    wire = wire_of(session)
    shared = _columns(ledger, org, kind, options)
    jobs = _numbered(requests)
    if not uniques:
        return _insert_all(ledger, wire, org, shared, jobs, kind.argument_bytes)
    keys = [ledger.vault.blind(org, unique) for unique in uniques]
    made: list[Enqueued] = []
    for start in range(0, len(jobs), CHUNK):
        part = jobs[start : start + CHUNK]
        sealed = [_sealed(ledger, org, job, request, kind.argument_bytes) for job, request in part]
        values = shared | {
            "ids": [job for job, _ in part], "uniq": keys[start : start + CHUNK],
            "blob": [blob for _, blob in sealed], "kid": sealed[0][0],
        }  # fmt: skip
        for at, (_n, job, created) in enumerate(_insert(wire, statement("bulk"), values).fetchall(), start):
            if job is not None:
                made.append(Enqueued(UUID(str(job)), bool(created)))
            else:  # a rival committed while the statement ran; the next one sees its job
                made.append(_enqueue(ledger, wire, org, kind, jobs[at][1], replace(options, unique=uniques[at])))
    return made


def bind(kind: JobKind[Any, Any], arguments: dict[str, Any]) -> BaseModel:
    """Turn plain arguments into the kind's request, as strictly as the API does.

    Raises:
        InvalidInput: An argument is missing, unknown or of the wrong shape; the first one is named.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - loaded only when needed

    try:
        request: BaseModel = kind.arguments.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = "/".join(str(part) for part in first["loc"])
        message = f"{kind.name}: {path or 'arguments'}: {first['msg']}"
        raise InvalidInput(message, field=f"/{path}") from error
    return request


def _submit_again(ledger: Ledger, org: UUID, kind: JobKind[Any, Any], request: BaseModel, options: Options, job: UUID) -> Enqueued:
    """Submit once more under the same id: the connection broke, as it does when the database was restarted since its last use."""
    try:
        return _enqueue(ledger, ledger.database.wire("wf_app"), org, kind, request, options, job)
    except UniqueViolation as error:
        if error.diag.constraint_name != "job_pkey":
            raise
        return Enqueued(job, created=True)  # the first try counted, only its answer was lost


def _enqueue(
    ledger: Ledger, wire: Wire, org: UUID, kind: JobKind[Any, Any], request: BaseModel, options: Options, job: UUID | None = None
) -> Enqueued:
    job = job or options.id or new_id()
    kid, blob = _sealed(ledger, org, job, request, kind.argument_bytes)
    if wire.autocommit and options.plain:
        return _insert_plain(wire, _fixed(org, kind, options), job, kid, blob)
    values = _columns(ledger, org, kind, options) | {"id": job, "kid": kid, "blob": blob}
    for _ in range(TRIES):
        row = _insert(wire, statement("enqueue"), values).fetchone()
        if row:
            return Enqueued(row[0], bool(row[1]))
    message = f"{kind.name}: rivals with the same unique key came and went {TRIES} times; try again"
    raise WatchfloorError(message)


def _numbered(requests: Iterable[BaseModel]) -> list[tuple[UUID, BaseModel]]:
    """Give each request its job's id. Ids of one millisecond are random: sorted, they keep the order that the caller gave."""
    wanted = list(requests)
    return list(zip(sorted(new_id() for _ in wanted), wanted, strict=True))


@lru_cache(maxsize=256)
def _fixed(org: UUID, kind: JobKind[Any, Any], options: Options) -> libpq.Fixed:
    """Encode what all plain requests of a kind have in common, which is nearly all: a program submits the same kinds again and again."""
    return libpq.Fixed(_row(org, kind, options))


def _insert_plain(wire: Wire, fixed: libpq.Fixed, job: UUID, kid: str, blob: bytes) -> Enqueued:
    """Insert one job that nothing can be in the way of."""
    libpq.run(wire, "enqueue_plain", statement("enqueue_plain"), TYPES, fixed, id=job, kid=kid, blob=blob)
    return Enqueued(job, created=True)


def _insert_all(
    ledger: Ledger, wire: Wire, org: UUID, shared: dict[str, Any], jobs: list[tuple[UUID, BaseModel]], most: int
) -> list[Enqueued]:  # fmt: skip
    """Insert jobs without unique keys; the database works on one chunk while the next is sealed."""
    try:
        with wire.pipeline():
            for start in range(0, len(jobs), CHUNK):
                part = jobs[start : start + CHUNK]
                sealed = [_sealed(ledger, org, job, request, most) for job, request in part]
                values = shared | {"ids": [job for job, _ in part], "blob": [blob for _, blob in sealed], "kid": sealed[0][0]}
                wire.execute(statement("bulk_plain"), values, prepare=True)
    except CheckViolation as error:
        raise _explained(error, shared) from error
    return [Enqueued(job, created=True) for job, _request in jobs]


def _insert(wire: Wire, sql: LiteralString, values: dict[str, Any]) -> Cursor[TupleRow]:
    try:
        return wire.execute(sql, values, prepare=True)
    except CheckViolation as error:
        raise _explained(error, values) from error


def _explained(error: CheckViolation, values: dict[str, Any]) -> Exception:
    if error.diag.table_name != "job_batch":
        return error
    return Conflict(f"batch {values['batch']} is sealed and takes no more jobs; add them before it is sealed, or open another")


def _sealed(ledger: Ledger, org: UUID, job: UUID, request: BaseModel, most: int) -> tuple[str, bytes]:
    plain = request.model_dump_json(exclude_defaults=True).encode()
    if len(plain) > most:
        message = f"the arguments are {len(plain)} bytes, more than {most}; store large things as an artifact and pass its id"
        raise TooLarge(message)
    return ledger.vault.seal(org, f"job_payload|args|{job}", plain)


def _columns(ledger: Ledger, org: UUID, kind: JobKind[Any, Any], options: Options) -> dict[str, Any]:
    unique = ledger.vault.blind(org, options.unique) if options.unique else None
    mutex = ledger.vault.blind(org, f"mutex|{options.mutex}").hex()[:32] if options.mutex else None
    return _row(org, kind, options, unique, mutex)


def _row(org: UUID, kind: JobKind[Any, Any], options: Options, unique: bytes | None = None, mutex: str | None = None) -> dict[str, Any]:
    queue = options.queue or kind.queue
    if queue != kind.queue and queue not in kind.queues:
        allowed = ", ".join(sorted({kind.queue, *kind.queues}))
        message = f"{kind.name} does not run on queue {queue!r}; it runs on {allowed}"
        raise InvalidInput(message, field="/queue")
    # While one holds the mutex, the budget of the same name keeps the others out of the broker.
    budgets = [f"kind:{kind.name}", *options.budgets, *([f"mutex:{mutex}"] if mutex else [])]
    if len(budgets) > BUDGETS:
        message = f"a job meets {BUDGETS} budgets at most, its kind's and its mutex's included; these are {len(budgets)}"
        raise InvalidInput(message, field="/budgets")
    return {
        "org": org, "kind": kind.name, "queue": str(queue), "priority": stored_priority(options.priority),
        "run_at": options.run_at, "delay_s": options.delay.total_seconds(), "expires_at": options.expires_at, "waits_for": options.waits_for,
        "max_failures": kind.attempts, "unique_key": unique,
        "mutex": mutex, "budgets": budgets, "batch": options.batch, "parent": options.parent,
        "replay_of": options.replay_of, "actor": options.actor, "label": options.label, "limit_s": kind.timeout.total_seconds(),
        "soft_s": kind.soft_timeout.total_seconds() if kind.soft_timeout else None, "keep_s": kind.keep_result.total_seconds(),
        "short": kind.short,
    }  # fmt: skip
