"""Who takes part: how each peer's worker is started and what it needs; two jobs at a time, each in a process of its own."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from typing import Final, Protocol

BROKERS: Final = ("valkey", "rabbitmq")
PYTHON: Final = sys.executable


class Face(Protocol):
    """What each peer's module offers the measuring client."""

    def install(self) -> None:
        """Make the tables in a new database."""

    def delay(self) -> None:
        """Enqueue one no-op job the way the peer's documentation does."""

    def bulk(self, count: int) -> None:
        """Enqueue many in the fastest documented way; a loop where there is none."""

    def unfinished(self) -> int:
        """Return how many jobs have not ended."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One contestant."""

    name: str
    title: str
    module: str
    needs: tuple[str, ...]
    brokers: tuple[str, ...] = BROKERS  # "" for those that use none
    database: bool = False
    commands: tuple[tuple[str, ...], ...]
    environment: dict[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()  # what each command is called in the figures; "worker" where nothing is said
    pauses: tuple[int, ...] | None = None  # which commands are frozen to hold work back; None: all

    @property
    def broker(self) -> bool:
        """Tell whether it uses the broker."""
        return self.brokers != ("",)

    def part(self, command: int) -> str:
        """Return under which name a command's cost is counted."""
        return self.parts[command] if self.parts else "worker"

    def missing(self) -> str | None:
        """Return the first module it needs that is not installed, or None."""
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), None)


_CELERY: Final = (
    PYTHON, "-m", "celery", "-A", "benchmarks.peers.celery_app", "worker", "-P", "prefork", "-c", "2", "-Q", "benchmark",
    "-l", "WARNING", "--without-gossip", "--without-mingle",
)  # fmt: skip
_PROCRASTINATE: Final = (
    PYTHON,
    "-m",
    "procrastinate",
    "-a",
    "benchmarks.peers.procrastinate_app.app",
    "--log-level",
    "warning",
    "worker",
    "-c",
    "1",
)
_PGQUEUER: Final = (PYTHON, "-m", "benchmarks.peers.pgqueuer_app")
_DRAMATIQ: Final = (PYTHON, "-m", "dramatiq", "benchmarks.peers.dramatiq_app", "--processes", "2", "--threads", "1")
_WATCHFLOOR: Final = (
    (PYTHON, "-m", "benchmarks.peers.watchfloor_worker"),
    (PYTHON, "-c", "from watchfloor.doors.scheduler import main; main()"),
)

PEERS: Final = (
    Peer(
        name="celery", title="Celery: early acknowledgement, no results, prefork 2", module="benchmarks.peers.celery_app",
        needs=("celery",), commands=(_CELERY,),
    ),
    Peer(
        name="celery-results", title="Celery with the Redis result backend, prefork 2", module="benchmarks.peers.celery_app",
        needs=("celery",), brokers=("valkey",), commands=(_CELERY,), environment={"BENCHMARK_RESULTS": "1"},
    ),
    Peer(
        name="watchfloor", title="Watchfloor: jobs.test, a short kind, whose jobs share tickets; worker 2, scheduler",
        module="benchmarks.peers.watchfloor_app", needs=("watchfloor",), database=True, commands=_WATCHFLOOR, parts=("worker", "scheduler"), pauses=(1,),
    ),
    Peer(
        name="watchfloor-unbundled", title="Watchfloor: the same kind not declared short, one ticket a job",
        module="benchmarks.peers.watchfloor_app", needs=("watchfloor",), database=True, commands=_WATCHFLOOR, parts=("worker", "scheduler"), pauses=(1,),
        environment={"BENCHMARK_UNBUNDLED": "1"},
    ),
    Peer(
        name="dramatiq", title="Dramatiq: 2 processes of 1 thread", module="benchmarks.peers.dramatiq_app",
        needs=("dramatiq",), commands=(_DRAMATIQ,),
    ),
    Peer(
        name="procrastinate", title="Procrastinate: 2 processes of 1 job", module="benchmarks.peers.procrastinate_app",
        needs=("procrastinate",), brokers=("",), database=True, commands=(_PROCRASTINATE, _PROCRASTINATE),
    ),
    Peer(
        name="pgqueuer", title="PgQueuer: 2 processes, batches of 10", module="benchmarks.peers.pgqueuer_app",
        needs=("pgqueuer",), brokers=("",), database=True, commands=(_PGQUEUER, _PGQUEUER),
    ),
)  # fmt: skip
