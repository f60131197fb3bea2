"""What callers send about jobs, queues and schedules, and what they get back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

BULK_MAX = 10_000
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
KindName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]


class Shape(BaseModel):
    """Unknown fields are refused: a typo never passes for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProgressView(Shape):
    """How far a job is."""

    phase: str | None
    done: int
    total: int
    note: str | None
    at: datetime


class JobView(Shape):
    """One job as people and programs read it."""

    id: UUID
    kind: str
    queue: str
    state: str = Field(description="PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE or REVOKED")
    stage: str
    priority: int = Field(description="0 to 9, larger is more urgent")
    attempt: int = Field(description="how often it was started")
    failures: int
    crash_count: int
    actor: str
    label: str | None
    reason: str | None
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    cancel_requested: bool
    progress: ProgressView | None
    owner: UUID | None = Field(description="the worker session that runs it")
    batch: UUID | None
    parent: UUID | None
    schedule: UUID | None
    replay_of: UUID | None


class AttemptView(Shape):
    """One try; the running one has no end yet."""

    attempt: int
    session: UUID | None
    child: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    reason: str | None
    error_fp: str | None = Field(description="equal for errors that arose in the same place")
    in_force: list[str] = Field(description="the sandbox layers that were really in force")
    cpu_ms: float | None


class EventView(Shape):
    """Something out of the ordinary in a job's life."""

    at: datetime
    type: str
    data: dict[str, Any]


class ActiveView(Shape):
    """A job that a worker runs now."""

    job: UUID
    kind: str
    since: datetime | None


class WorkerView(Shape):
    """One start of a worker process."""

    id: UUID
    host: str
    pid: int
    queues: list[str]
    slots: int
    pool: str
    kinds: list[str]
    started_at: datetime
    expires_at: datetime
    alive: bool
    stopping: bool
    active: list[ActiveView]


class QueueView(Shape):
    """One queue and how many jobs are where."""

    name: str
    paused: bool
    waiting: int
    scheduled: int
    blocked: int
    dispatched: int
    running: int


class ScheduleView(Shape):
    """A schedule and its next instants."""

    id: UUID
    name: str
    kind: str
    queue: str
    cron: str | None
    every: timedelta | None
    tz: str
    next_tick: datetime
    upcoming: list[datetime] = []
    enabled: bool
    catch_up: str
    overlap: str
    jitter: timedelta
    priority: int
    created_at: datetime
    actor: str


class KindView(Shape):
    """A kind of work this installation knows."""

    name: str
    description: str
    queue: str
    queues: list[str]
    timeout: timedelta
    attempts: int
    arguments: dict[str, Any] = Field(description="JSON Schema of the arguments")


class Choices(Shape):
    """When, how urgently and where a job runs."""

    priority: int = Field(5, ge=0, le=10, description="larger is more urgent; 10 means 9")
    queue: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        None, description="one of the kind's queues; its usual one by default"
    )
    delay: timedelta = Field(timedelta(0), ge=timedelta(0), le=timedelta(days=366), description="seconds or ISO 8601 duration")
    run_at: AwareDatetime | None = Field(None, description="not before this moment; instead of delay")
    expires_at: AwareDatetime | None = Field(None, description="not started after this moment")
    label: Name | None = None


class Submit(Choices):
    """Ask for one job."""

    kind: KindName
    arguments: dict[str, Any] = {}
    unique: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="while a job of this kind and key is unfinished, that one is returned instead of a new one"
    )


class SubmitMany(Choices):
    """Ask for many jobs of one kind, all or none."""

    kind: KindName
    arguments: list[dict[str, Any]] = Field(min_length=1, max_length=BULK_MAX)


class Accepted(Shape):
    """The job that stands for a request."""

    id: UUID
    created: bool = Field(description="false when an equal unfinished job stood for it already")


class AcceptedMany(Shape):
    """The jobs that stand for a bulk request, in its order."""

    jobs: list[Accepted]


class CancelMany(Shape):
    """Jobs to cancel."""

    ids: list[UUID] = Field(min_length=1, max_length=BULK_MAX)


class CancelledView(Shape):
    """A job that was told to end; `running` ones end within seconds."""

    id: UUID
    stage: str


class Purge(Shape):
    """What waits and shall go; without a field, everything that waits."""

    queue: Annotated[str, StringConstraints(max_length=32)] | None = None
    kind: KindName | None = None


class Purged(Shape):
    """How many waiting jobs were cancelled."""

    cancelled: int


class ResultView(Shape):
    """What came of a job; `result` only on SUCCESS, `error` only where an attempt failed."""

    id: UUID
    state: str
    result: dict[str, Any] | None
    reason: str | None
    error: str | None


class ScheduleCreate(Shape):
    """Ask for a schedule: a crontab or an interval."""

    name: Name
    kind: KindName
    arguments: dict[str, Any] = {}
    cron: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(None, description="minute hour day month weekday")
    every: timedelta | None = Field(None, gt=timedelta(0), le=timedelta(days=366))
    tz: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
    catch_up: Literal["none", "latest", "all"] = Field("latest", description="what happens to instants missed while nothing ran")
    overlap: Literal["skip", "queue", "cancel_previous"] = Field("skip", description="what happens while the job before still runs")
    jitter: timedelta = Field(timedelta(0), ge=timedelta(0), le=timedelta(hours=24))
    queue: Annotated[str, StringConstraints(max_length=32)] | None = None
    priority: int = Field(5, ge=0, le=10)


class TaskProgress(Shape):
    """How far a task is; `unit` says what is counted, null where the kind does not say."""

    done: int
    total: int
    stage: str | None
    unit: str | None


class ChildView(Shape):
    """A task that another one started."""

    id: UUID
    kind: str
    state: str


class TaskView(Shape):
    """A job in the seven words Celery's users know, and again under the names of `AsyncResult`."""

    id: UUID
    kind: str
    state: str = Field(description="PENDING, STARTED, PROGRESS, RETRY, SUCCESS, FAILURE or REVOKED")
    progress: TaskProgress | None
    attempt: int
    created: datetime
    started: datetime | None
    finished: datetime | None
    result: dict[str, Any] | None
    error: str | None
    children: list[ChildView] = Field(description="the first 200")
    links: dict[str, str]
    name: str
    status: str
    ready: bool
    successful: bool
    info: dict[str, Any] | None
    date_done: datetime | None


class TaskStarted(TaskView):
    """The task that stands for a request."""

    coalesced: bool = Field(description="true when a task of the same arguments was under way and stands for this request")


class ScheduledTaskView(Shape):
    """A schedule, its next instant, and what came of the last ones."""

    id: UUID
    name: str
    kind: str
    every: timedelta | None
    cron: str | None
    timezone: str
    enabled: bool
    next_at: datetime | None
    last_tick: datetime | None
    last_skipped: str | None = Field(description="why the last tick started nothing: overlap or missed; null when it did")
    last_task: UUID | None
    last_state: str | None


class WorkerStatus(Shape):
    """A living worker; `active` are those of your jobs it runs, `active_tasks` how many."""

    name: str
    active_tasks: int
    registered_tasks: int
    stats: dict[str, Any]
    active: list[ActiveView]
    kinds: list[str]
    session: UUID
    host: str
    pid: int
    queues: list[str]
    slots: int
    heartbeat_age: float = Field(description="seconds since it was last heard of")
    isolation: list[str] | None = Field(
        description="the layers that were in force when it last ran a job of yours in a sandbox; null: not known"
    )


class QueueStatus(Shape):
    """One queue with your organisation's jobs; `oldest` is for how many seconds the oldest queued one has been due."""

    name: str
    queued: int
    running: int
    oldest: float | None
    paused: bool


class WorkersStatus(Shape):
    """Whether work gets done, and if not, why."""

    status: Literal["healthy", "degraded", "down"]
    total_workers: int
    problems: list[str]
    workers: list[WorkerStatus]
    queues: list[QueueStatus]
    dispatchers: int
    broker: Literal["ok", "silent", "unknown"]


class JobEnded(Shape):
    """What `job.failed` and `job.quarantined` say."""

    job: UUID
    kind: str
    attempts: int
    reason: str = Field(description="Empty where nobody could say why.")


class ScheduleMissed(Shape):
    """What `schedule.missed` says."""

    schedule: UUID
    name: str
    kind: str
    missed: int = Field(description="How many instants were missed.")
    first: datetime
    last: datetime
    runs: bool = Field(description="Whether the newest of them runs late at least.")
