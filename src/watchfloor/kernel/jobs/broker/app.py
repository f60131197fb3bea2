"""The Celery application with its settings frozen: Celery carries doorbells, the ledger decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from celery import Celery, Task
from celery.app.amqp import AMQP, Queues
from celery.app.control import Control
from kombu import Connection, Exchange
from kombu import Queue as KombuQueue
from kombu.serialization import register
from kombu.utils.url import maybe_sanitize_url

from watchfloor.kernel.contract import Catalog, Queue, queue_named
from watchfloor.kernel.jobs.broker import tickets, transport
from watchfloor.kernel.jobs.broker.address import Address, read_address
from watchfloor.kernel.jobs.broker.gate import Gate, Keys, NowMs, OnRejected, clock_ms, log_rejection, no_keys

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.jobs.broker.results import Read

OnTicket: TypeAlias = Callable[[str, Sequence[tuple[UUID, int]], str], object]
Enqueue: TypeAlias = Callable[[str, Sequence[object], Mapping[str, object], Mapping[str, object]], str]
Cancel: TypeAlias = Callable[[str], None]

SERIALIZER: Final = "wf-ticket"
_PACKAGE: Final = "watchfloor.kernel.jobs.broker"


class Profile(StrEnum):
    """How far the broker is trusted to carry anything but tickets."""

    EMBEDDED = "embedded"
    SINGLE_HOST = "single-host"
    HARDENED = "hardened"


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What the rest of the product lends to Celery; each is a plain callable.

    on_ticket: in a pool process, for a verified ticket: kind, [(job, sequence)], queue. A short string it returns shows in Flower.
    keys: the dispatchers' public keys, asked for every ticket; `Keyring(path)` is one.
    on_rejected: reason and a few printable facts about a message that was refused; called in the worker's parent.
    read, cancel, enqueue: the ledger for AsyncResult, its revoke(), and send_task; enqueue takes kind, arguments, options.
    now_ms: the clock that tickets' expiry is compared with.
    """

    on_ticket: OnTicket | None = None
    keys: Keys = no_keys
    on_rejected: OnRejected = log_rejection
    read: Read | None = None
    cancel: Cancel | None = None
    enqueue: Enqueue | None = None
    now_ms: NowMs = clock_ms


class DiscreetConnection(Connection):  # type: ignore[misc]  # kombu has no type hints
    """A connection that does not tell its password; stock kombu puts a unix socket's into `inspect stats`."""

    def info(self) -> dict[str, Any]:
        """Describe the connection for people."""
        found = dict(super().info())
        return {**found, "hostname": maybe_sanitize_url(found["hostname"]), "alternates": []}


class NamedQueues(Queues):  # type: ignore[misc]  # Celery has no type hints
    """The declared queues, found by their other names too: `celery worker -Q security`."""

    def __missing__(self, name: str) -> KombuQueue:
        """Return the queue that another name stands for; raises KeyError."""
        known = queue_named(name)
        return super().__missing__(name) if known == name else self[known]


class TicketAMQP(AMQP):  # type: ignore[misc]  # Celery has no type hints
    """Task consumers accept tickets and nothing else, whatever the application accepts for its mailbox."""

    Connection = DiscreetConnection
    queues_cls = NamedQueues

    def TaskConsumer(self, channel: Any, queues: Any = None, accept: Any = None, **options: Any) -> Any:  # noqa: ANN401, ARG002, N802 - Celery's
        """Consume the chosen queues."""
        return super().TaskConsumer(channel, queues, accept=[tickets.CONTENT_TYPE], **options)


class LedgerControl(Control):  # type: ignore[misc]  # Celery has no type hints
    """Remote control whose revoke cancels in the ledger, which forgets nothing and kills the right process."""

    def revoke(self, task_id: str | Iterable[str], *_args: object, **_kwargs: object) -> None:
        """Cancel one job or several; running ones end within seconds."""
        cancel = self.app.cancel
        if cancel is None:
            raise TypeError("This application cannot cancel. Use watchfloor jobs cancel JOB.")
        for job in [task_id] if isinstance(task_id, str) else task_id:
            cancel(str(job))

    def terminate(self, task_id: str | Iterable[str], *_args: object, **_kwargs: object) -> None:
        """Cancel; the processes of a running job are ended in any case."""
        self.revoke(task_id)


class LedgerApp(Celery):  # type: ignore[misc]  # Celery has no type hints
    """A Celery application that publishes nothing: sending a task enqueues a job."""

    amqp_cls = f"{__name__}:TicketAMQP"
    control_cls = f"{__name__}:LedgerControl"

    gate: Gate
    on_ticket: OnTicket | None = None
    read: Read | None = None
    cancel: Cancel | None = None
    enqueue: Enqueue | None = None
    hardened: bool = False
    catalog: Catalog = Catalog((), ())  # what beat plants and relays

    def send_task(
        self, name: str, args: Sequence[object] | None = None, kwargs: Mapping[str, object] | None = None, **options: object
    ) -> Any:  # noqa: ANN401 - Celery's AsyncResult
        """Enqueue a job of this kind; `options` are those of `JobKind.apply_async`."""
        if self.enqueue is None or self.hardened:
            raise TypeError(f"{name} cannot be sent here. Enqueue with the kind's delay(), the API or watchfloor jobs.")
        given = {key: value for key, value in options.items() if value is not None}
        return self.AsyncResult(self.enqueue(name, tuple(args or ()), dict(kwargs or {}), given))


class KindTask(Task):  # type: ignore[misc]  # Celery has no type hints
    """One job kind as Celery sees it: takes a verified ticket, hands it to the ledger."""

    abstract = True
    ignore_result = True
    typing = False

    def run(self, ticket: bytes) -> object:
        """Ring for every job on the ticket."""
        on_ticket = self.app.on_ticket
        if on_ticket is None:
            raise TypeError("This process runs no jobs: it was started without on_ticket.")
        return on_ticket(self.name, tickets.slice_(ticket), tickets.queue_of(ticket))

    def apply_async(
        self, args: Sequence[object] | None = None, kwargs: Mapping[str, object] | None = None, *_more: object, **options: object
    ) -> Any:  # noqa: ANN401 - Celery's AsyncResult
        """Enqueue a job of this kind."""
        return self.app.send_task(self.name, args, kwargs, **options)


def make_app(
    broker_url: str,
    kinds: Mapping[str, JobKind[Any, Any]],
    *,
    profile: Profile = Profile.EMBEDDED,
    wiring: Wiring | None = None,
    queues: Sequence[str] = tuple(Queue),
    drain_s: float = 60,
) -> LedgerApp:
    """Return the application, set as current so that `celery.result.AsyncResult(id)` reads the ledger."""
    wiring = wiring or Wiring()
    address = read_address(broker_url)
    register_ticket()
    if address.is_redis:
        transport.install()
    gate = Gate(frozenset(kinds), frozenset(queues), wiring.keys, wiring.on_rejected, wiring.now_ms)
    app = LedgerApp("watchfloor", set_as_current=True, changes=settings(address, profile, queues, gate, drain_s), fixups=[])
    app.gate, app.hardened = gate, profile is Profile.HARDENED
    app.on_ticket, app.read, app.cancel, app.enqueue = wiring.on_ticket, wiring.read, wiring.cancel, wiring.enqueue
    for kind in kinds.values():
        app.register_task(type("KindTask", (KindTask,), {"name": kind.name, "__doc__": kind.description, "abstract": False})())
    app.set_default()
    return app


def settings(address: Address, profile: Profile, queues: Sequence[str], gate: Gate, drain_s: float) -> dict[str, Any]:
    """Return the frozen settings; a test compares them with the design."""
    hardened = profile is Profile.HARDENED
    return {
        "broker_url": address.url,
        "broker_use_ssl": address.tls,
        "broker_transport_options": {**address.options, "gate": gate} if address.is_redis else address.options,
        "broker_connection_timeout": 5,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "broker_heartbeat": 30,
        "worker_consumer": f"{_PACKAGE}.consumer:TicketConsumer",
        "accept_content": [SERIALIZER] if hardened else [SERIALIZER, "json"],
        "task_serializer": "json",
        "result_backend": f"{_PACKAGE}.results:LedgerBackend",
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
        "task_retry_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_rate_limits": True,
        "task_publish_retry": False,
        "task_create_missing_queues": False,
        "task_queues": declared(queues, address),
        "task_default_queue": queues[0],
        "task_default_routing_key": queues[0],
        "task_default_exchange": "",
        "task_default_exchange_type": "direct",
        "worker_enable_remote_control": not hardened,
        # Three messages a job that nobody reads: Flower turns them on for as long as it looks (`enable_events`).
        "worker_send_task_events": False,
        "task_send_sent_event": False,
        "task_time_limit": None,
        "task_soft_time_limit": None,
        "worker_max_tasks_per_child": 10_000,  # a fresh child costs 0.2 s; leaks are bounded by the memory limit below
        "worker_max_memory_per_child": 400_000,
        "worker_pool": "prefork",
        "worker_pool_start_method": "fork",
        "worker_proc_alive_timeout": 30.0,
        "worker_soft_shutdown_timeout": float(drain_s),
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "enable_utc": True,
        "timezone": "UTC",
    }


def declared(queues: Sequence[str], address: Address) -> tuple[KombuQueue, ...]:
    """Return the queues as workers and dispatchers declare them; RabbitMQ keeps them on a quorum."""
    arguments = None if address.is_redis else {"x-queue-type": "quorum"}
    return tuple(KombuQueue(str(name), Exchange(""), routing_key=str(name), durable=True, queue_arguments=arguments) for name in queues)


def register_ticket() -> None:
    """Teach kombu the ticket's content type; its decoder looks at nothing, the gate has verified the bytes."""
    register(SERIALIZER, bytes, _decode, content_type=tickets.CONTENT_TYPE, content_encoding="binary")


def _decode(body: bytes) -> tuple[tuple[bytes], dict[str, object], dict[str, object]]:
    return (bytes(body),), {}, {}
