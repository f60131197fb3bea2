"""What a capability and the kernel promise each other: read this first.

A capability declares itself (`Capability`), writes job kinds (`@job`) and is given a `JobContext` to work with.
Faces are named, not imported, so that each door loads only what it needs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, Generic, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

if TYPE_CHECKING:
    import logging
    from contextlib import AbstractContextManager
    from uuid import UUID

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.sections import ReportSection

Arguments = TypeVar("Arguments", bound="BaseModel")
Result = TypeVar("Result", bound="BaseModel | None")
Answer = TypeVar("Answer", bound="BaseModel")
Request = TypeVar("Request", bound="BaseModel")
ARGUMENT_BYTES: Final = 64 * 1024


class Queue(StrEnum):
    """The declared queues; a queue that is not listed here does not exist.

    `Queue("security")` and `Queue("network")` are the queue of scans: names that existing clients and workers route scans by.
    """

    DEFAULT = "default"
    SCANS = "scans"
    ADVISORIES = "advisories"
    COOKIES = "cookies"
    REPORTS = "reports"
    NOTIFICATIONS = "notifications"
    SYSTEM = "system"

    @classmethod
    def _missing_(cls, value: object) -> Queue | None:
        return cls.SCANS if value in {"security", "network"} else None


def queue_named(name: str) -> str:
    """Return the queue that a name or alias stands for; a name that is neither is returned as it is, for the caller to refuse."""
    try:
        return Queue(name)
    except ValueError:
        return name


class Priority:
    """Public scale 0 to 9, larger is more urgent; 10 is accepted and means 9."""

    HIGH = 9
    DEFAULT = 5
    LOW = 1


class Report(Protocol):
    """How code in the sandbox tells how far it is."""

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report progress; called as often as you like, recorded once a second."""


@dataclass(frozen=True, kw_only=True)
class Want:
    """A limit that all running jobs keep together, whatever organisation they work for.

    `per_second` is for all who use the key (`worker` stands for the worker that runs the job); `members`, numbers from 0 to 255, are what this job must have for itself. None: only the members matter.
    """

    key: str
    per_second: float | None
    members: frozenset[int] = frozenset()


@runtime_checkable
class KeepingReport(Report, Protocol):
    """A report that can also hand over parts of the answer before the end, where the handler keeps them."""

    @property
    def reply(self) -> dict[str, Any]:
        """Return what the handler said last when it had kept a part."""

    def keep(self, answer: BaseModel) -> bool:
        """Hand over a part of the answer, of the answer's own shape; False while the part before it is still being kept."""


@runtime_checkable
class StreamingReport(Report, Protocol):
    """A report that can also hand over frames of bytes before the end, and open files that the handler passed in."""

    def send(self, body: bytes | bytearray) -> None:
        """Hand over one frame of at most 8 MiB; waits while the handler is busy with those before."""

    def file(self, name: str) -> BinaryIO:
        """Open a file that the handler passed in, from its beginning; as the handler opened it, as a rule for reading."""


class BoxReport(KeepingReport, StreamingReport, Protocol):
    """All that code in the sandbox is given; a function takes whichever part of it that it needs."""


class JobContext(Protocol):
    """All that a handler is given."""

    job_id: UUID
    org: UUID
    actor: str
    attempt: int
    log: logging.Logger

    def transaction(self) -> AbstractContextManager[Session]:
        """Open one short transaction that commits only while this attempt owns its job; else raises Fenced."""

    def reading(self) -> AbstractContextManager[Session]:
        """Open a transaction that sees everything as it was when it began, may read for minutes, and can write nothing."""

    def sandbox(
        self,
        function: Callable[[Request, BoxReport], Answer],
        request: Request,
        *,
        keep: Callable[[Answer], dict[str, Any]] | None = None,
        stream: Callable[[bytes], None] | None = None,
        files: Mapping[str, int | IO[bytes]] | None = None,
        programs: Sequence[str] = (),
    ) -> Answer:
        """Run a top-level `function(request, report)` in a process without database, keys or our memory.

        `keep` is called with each part of the answer that the function hands over before its end (`KeepingReport`); save it there,
        and return what the function should know, a few plain values. `stream` is called with each frame of bytes that the function sends
        (`StreamingReport`), in their order and all of them before the answer; it may take seconds, the function waits meanwhile. `files`
        are open files that the function may use under these names. `programs` are files it may execute; without them it can execute none.

        Raises what the function raised when that is a WatchfloorError, `GiveUp("sandbox", …)` for anything else,
        and Cancelled or SoftTimeLimit after its processes are gone.
        """

    def progress(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report progress; throttled to one write a second, the last value always goes out."""

    def cancelled(self) -> bool:
        """Tell whether somebody asked this job to stop."""

    def stopping(self) -> bool:
        """Tell whether this worker wants to hand its jobs back."""

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than the attempt: a cancel, soft limit or shutdown ends the wait by its exception."""

    def lease(self, wants: Sequence[Want]) -> dict[str, float] | None:
        """Take or renew this job's share of limits until 15 s from now, by key; None while another job has one of the members.

        Shares never add up to more than a limit: a newcomer may get 0 until the others renew theirs. What is not renewed ends, and the
        end of the attempt gives all back. Whom a job waits for is never told.
        """

    def advanced(self, session: Session) -> None:
        """Say, in a transaction that saves a resume point, that this job gets on: lost workers until now do not count as its crashes."""

    def fan_out(
        self,
        name: str,
        children: Sequence[tuple[JobKind[Any, Any], BaseModel]],
        *,
        callback: tuple[JobKind[Any, Any], BaseModel] | None = None,
    ) -> UUID:
        """Enqueue children and one completion job, once: a repeated attempt finds the batch and adds nothing."""

    def cancel(self, jobs: Sequence[UUID], *, batch: UUID | None = None) -> None:
        """Cancel unfinished jobs of this organisation by id or batch, as its actor; ended and unknown ones are left out."""

    def effect(self, name: str) -> AbstractContextManager[bool]:
        """Guard one outside consequence: yields True when it is yours to do, False when it was already done."""

    def sections(self) -> dict[str, ReportSection]:
        """Return each capability's report section by its name."""

    def holds(self, session: Session) -> frozenset[str]:
        """Return what somebody holds, as `noun:id`: whoever cleans up keeps what tells of it until it is released."""


Handler = Callable[[JobContext, Arguments], Result]
Holds: TypeAlias = "Callable[[Session, UUID], Iterable[str]]"


@dataclass(frozen=True, kw_only=True)
class JobKind(Generic[Arguments, Result]):
    """A named kind of work: its arguments, its limits, and the handler that does it."""

    name: str
    arguments: type[Arguments]
    handler: Handler[Arguments, Result]
    queue: Queue
    queues: tuple[Queue, ...] = ()
    timeout: timedelta = timedelta(hours=1)
    soft_timeout: timedelta | None = None
    attempts: int = 5
    first_delay: timedelta = timedelta(seconds=5)
    max_delay: timedelta = timedelta(hours=1)
    keep_result: timedelta = timedelta(hours=24)
    argument_bytes: int = ARGUMENT_BYTES  # of its arguments as JSON; what is larger is stored as an artifact and passed by id
    short: bool = False  # ends within milliseconds and may be repeated: many share one ticket, one claim and one commit
    description: str = ""
    unit: str = ""  # what its progress counts, such as records
    permission: str = ""  # what whoever starts it through the API must hold beside job.run:NAME, for work that not every operator may start

    def __call__(self, context: JobContext, request: Arguments) -> Result:
        """Run the handler; for tests and for the runner, never from another handler."""
        return self.handler(context, request)

    def delay(self, *args: object, **arguments: object) -> Any:  # noqa: ANN401 - the type is the caller's
        """Enqueue with these arguments and return a JobResult, as Celery's `delay` does; positional ones are the request's first fields."""
        return self.apply_async(args, arguments)

    def apply_async(self, args: Sequence[object] = (), kwargs: dict[str, object] | None = None, **options: object) -> Any:  # noqa: ANN401 - the type is the caller's
        """Enqueue as Celery's `apply_async` does.

        Options: `priority` 0-10, `countdown` seconds or `eta` datetime, `expires` seconds or datetime, `queue`,
        `idempotency_key`, `unique`, `session` (commit with the caller's work), `org`. Anything else is a TypeError that names the
        ledger's feature for it.
        """
        facade = importlib.import_module("watchfloor.kernel.jobs.facade")
        return facade.apply_async(self, tuple(args), kwargs or {}, options)


def job(
    name: str,
    arguments: type[Arguments],
    *,
    queue: Queue = Queue.DEFAULT,
    **limits: Any,  # noqa: ANN401 - the type is the caller's
) -> Callable[[Handler[Arguments, Result]], JobKind[Arguments, Result]]:
    """Declare a handler as a job kind; `limits` are JobKind's fields."""

    def declare(handler: Handler[Arguments, Result]) -> JobKind[Arguments, Result]:
        description = (handler.__doc__ or "").strip().partition("\n")[0]
        return JobKind(name=name, arguments=arguments, handler=handler, queue=queue, description=description, **limits)

    return declare


class Severity(StrEnum):
    """How much something matters, least first."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return 0 for info up to 4 for critical."""
        return list(Severity).index(self)


@dataclass(frozen=True, kw_only=True)
class EventType:
    """Something that can happen, for subscribers and the reference; who lacks its `permission` is not told of it.

    `data` names the shape of what it says, `module:attribute` inside the folder: a pydantic model that knows every field.
    """

    name: str
    severity: Severity = Severity.INFO
    description: str = ""
    permission: str = ""  # what whoever reads its subject must hold, such as finding.read
    data: str = ""


@dataclass(frozen=True, kw_only=True)
class DefaultSchedule:
    """A schedule that every organisation is given once.

    It is an ordinary schedule from then on: what an operator changed, paused or removed is never set back or made again.
    Exactly one of `cron` (in UTC) and `every` is set; `arguments` are those of the kind.
    """

    name: str
    kind: str
    cron: str | None = None
    every: timedelta | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """Work that an event starts, in the organisation it happened in, as soon as it is committed; what rolls back starts nothing.

    Kinds are named, not imported: a capability reacts to what another one tells. Reactions of one kind share everything but `event`.
    Only events emitted after the reaction was installed start anything.

    `event` is a name such as scans.finished, `scans.*`, or `*` for all. Without `with_events` the job has no arguments and stands for
    every event until somebody claims it, and none runs beside another. With it, its argument `event_ids` lists up to 500 events, each
    of them in exactly one job. With a `delay` no job starts sooner than that after an event, and at most one each `delay`.
    """

    event: str
    kind: str
    delay: timedelta = timedelta(0)
    with_events: bool = False


@dataclass(frozen=True, kw_only=True)
class Capability:
    """What one folder adds to the product. Faces are `module:attribute` inside the folder."""

    name: str
    summary: str = ""
    jobs: str | None = None  # "jobs": every job kind in that file
    routes: str | None = None  # "api:routes", mounted at /api/v1/<name>
    faces: str | None = None  # "api.faces:routes", mounted at the root: addresses that clients of other platforms know
    webhooks: str | None = None  # "api.webhooks:webhooks", what we post to others: a function of every event and the shape of what it says
    open_routes: str | None = None  # "api:open_routes", mounted beside routes and open to who has no key; permission "public"
    commands: str | None = None  # "cli:commands", wf <name> …
    section: str | None = None  # "report:section", its part of a report
    sections: tuple[str, ...] = ()  # "report:written", further parts; each is called after capability and attribute
    holds: str | None = (
        None  # "queries.ending:list_held", what must not be deleted, as `noun:id`; a function of a session and an organisation
    )
    settings: str | None = None  # "settings:ScanSettings"
    models: str | None = None  # "models": tables
    boxes: tuple[str, ...] = ()  # modules that its boxes import: loaded beforehand by workers of its queues, when they have time
    events: tuple[EventType, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    schedules: tuple[DefaultSchedule, ...] = ()
    package: str = field(default="", compare=False)

    def load(self, face: str) -> Any:  # noqa: ANN401 - the type is the caller's
        """Import `module:attribute`, or a module alone, of this capability's folder."""
        module, _, attribute = face.partition(":")
        loaded = importlib.import_module(f"{self.package}.{module}")
        return getattr(loaded, attribute) if attribute else loaded

    def kinds(self) -> Iterator[JobKind[Any, Any]]:
        """Yield the job kinds this capability declares."""
        if self.jobs:
            yield from (found for found in vars(self.load(self.jobs)).values() if isinstance(found, JobKind))


@dataclass(frozen=True)
class Catalog:
    """The product as a list: kernel nouns that have faces, then capabilities."""

    nouns: tuple[str, ...]
    capabilities: tuple[str, ...]

    def __iter__(self) -> Iterator[Capability]:
        """Load every declaration; a declaration imports no library."""
        for floor, names in (("kernel", self.nouns), ("capabilities", self.capabilities)):
            for name in names:
                package = f"watchfloor.{floor}.{name}"
                declared = cast("Capability", getattr(importlib.import_module(f"{package}.capability"), name))
                object.__setattr__(declared, "package", package)
                yield declared

    def kinds(self) -> dict[str, JobKind[Any, Any]]:
        """Return every job kind by its name."""
        return {kind.name: kind for capability in self for kind in capability.kinds()}

    def events(self) -> dict[str, tuple[EventType, Any]]:
        """Return every event by its name, with the model of what it says."""
        return {one.name: (one, capability.load(one.data)) for capability in self for one in capability.events}

    def schedules(self) -> tuple[DefaultSchedule, ...]:
        """Return what every organisation is given to begin with."""
        return tuple(schedule for capability in self for schedule in capability.schedules)

    def boxes(self, queues: Sequence[str]) -> list[str]:
        """Return the modules that boxes of these queues' jobs import."""
        return [
            f"{one.package}.{module}"
            for one in self
            if one.boxes and any(str(kind.queue) in queues for kind in one.kinds())
            for module in one.boxes
        ]

    def reactions(self) -> tuple[Reaction, ...]:
        """Return what events start."""
        return tuple(reaction for capability in self for reaction in capability.reactions)

    def holds(self) -> tuple[Holds, ...]:
        """Return what tells what is held."""
        return tuple(capability.load(capability.holds) for capability in self if capability.holds)

    def sections(self) -> dict[str, Any]:
        """Return every report section: a capability's own by its name, further ones by its name and theirs."""
        own = {capability.name: capability.load(capability.section) for capability in self if capability.section}
        further = ((capability, place) for capability in self for place in capability.sections)
        return own | {f"{capability.name}_{place.partition(':')[2]}": capability.load(place) for capability, place in further}
