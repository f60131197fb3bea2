"""A private floor: PostgreSQL that cares for power cuts, a broker, schedulers and workers as processes that may be killed."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from tests.servers import postgres_server, rabbitmq_server, valkey_server
from tests.servers.server import Server, folder
from watchfloor.kernel.db.schema import upgrade
from watchfloor.kernel.embedded import process
from watchfloor.kernel.jobs.enqueue import submit_many
from watchfloor.kernel.jobs.ledger import Ledger, make_ledger
from watchfloor.kernel.jobs.selftest import Wait, wait_job
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

ROOT = Path(__file__).parents[2]
MARK = "WATCHFLOOR_DATA_DIR"  # every process of a floor carries its directory in its environment
READY_S = 30.0
SLOTS = 8


@dataclass
class Door:
    """A worker or scheduler."""

    name: str
    child: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Return its process id; of a worker, the parent's."""
        return self.child.pid

    def tree(self) -> list[psutil.Process]:
        """Return it and everything below it."""
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.pid)
            return [top, *top.children(recursive=True)]
        return []

    def lives(self) -> bool:
        """Tell whether it runs."""
        return self.child.poll() is None

    def kill(self) -> None:
        """End this one process with SIGKILL."""
        self.child.kill()
        self.child.wait()

    def kill_group(self) -> None:
        """End it and everything below it with SIGKILL, all at once as far as a sender of signals can."""
        members = self.tree()
        for member in members:
            member.suspend()  # so that none can act on another's death
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self.child.wait()
        gone(members, 10)


@dataclass
class Floor:
    """Servers, doors and the ledger of one test module."""

    folder: Path
    postgres: Server
    broker: Server
    kek: str = field(default_factory=lambda: secrets.token_hex(32))
    doors: list[Door] = field(default_factory=list)
    ledger: Ledger = field(init=False)
    org: UUID = field(init=False)
    _line: psycopg.Connection[Any] | None = None
    _doors_made: int = 0

    def __post_init__(self) -> None:
        """Make the schema and the organisation."""
        upgrade(self.postgres.url)
        self.ledger = make_ledger(self.login_url, bytes.fromhex(self.kek))
        self.org = ensure_org(self.ledger.database, self.ledger.vault, "default")

    @property
    def login_url(self) -> str:
        """Return the database's URL as the product logs in."""
        return self.postgres.url.replace("//wf_owner:", "//wf_login:", 1)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement as the owner, over a new connection when the old one broke; return the rows, if it has any."""
        for attempt in range(2):
            try:
                if self._line is None or self._line.closed:
                    self._line = psycopg.connect(self.postgres.url, autocommit=True)
                found = self._line.execute(sql, values)
                return found.fetchall() if found.description else []
            except psycopg.OperationalError:
                if attempt:
                    raise
                self._line = None
        raise AssertionError

    def one(self, sql: str, *values: object) -> Any:
        """Return the only value of the only row."""
        return self.ask(sql, *values)[0][0]

    def wait(self, fact: Callable[[], object], what: str, seconds: float = READY_S) -> float:
        """Wait until something is true and return the seconds it took; fails with the ends of all logs."""
        began = time.monotonic()
        while True:
            with suppress(psycopg.OperationalError):
                if fact():
                    return time.monotonic() - began
            if time.monotonic() - began > seconds:
                raise AssertionError(f"{what}: not within {seconds} s\n{self.logs()}")
            time.sleep(0.05)

    def logs(self) -> str:
        """Return the ends of what the doors wrote."""
        return "\n".join(f"--- {door.log.name}\n{door.log.read_text(errors='replace')[-3000:]}" for door in self.doors[-5:])

    def scheduler(self) -> Door:
        """Start a scheduler; ready when its key is known."""
        before = self.one("select count(*) from signer")
        door = self._open("scheduler")
        self.wait(lambda: self.one("select count(*) from signer") > before or not door.lives(), "a scheduler's start")
        return door

    def worker(self, *queues: str, slots: int = SLOTS, drain_s: float = 1, **more: str) -> Door:
        """Start a worker; ready when its session is open and it answers to a dispatcher."""
        door = self._open("worker", str(slots), *queues, WATCHFLOOR_WORKER_DRAIN=f"{drain_s}s", **more)
        self.wait(lambda: self.session(door) or not door.lives(), "a worker's start")
        return door

    def session(self, door: Door) -> Any:
        """Return the living session of a worker, or None."""
        rows = self.ask("select id from worker_session where pid = %s and lost_at is null and expires_at > wf_now()", door.pid)
        return rows[0][0] if rows else None

    def staff(self, *, workers: int, schedulers: int) -> None:
        """Bring the floor to exactly so many living doors; those of longest standing stay."""
        for name, wanted, start in (("scheduler", schedulers, self.scheduler), ("worker", workers, self.worker)):
            living = [door for door in self.doors if door.name == name and door.lives()]
            for door in living[wanted:]:
                self.close(door)
            for _ in range(wanted - len(living)):
                start()
        self.doors = [door for door in self.doors if door.lives()]

    def workers(self) -> list[Door]:
        """Return the living workers."""
        return [door for door in self.doors if door.name == "worker" and door.lives()]

    def schedulers(self) -> list[Door]:
        """Return the living schedulers."""
        return [door for door in self.doors if door.name == "scheduler" and door.lives()]

    def close(self, door: Door) -> None:
        """Stop a door in order, and by force when it does not listen."""
        members = door.tree()
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.resume()
        with suppress(ProcessLookupError):
            door.child.send_signal(signal.SIGTERM)
        try:
            door.child.wait(20)
        except subprocess.TimeoutExpired:
            door.kill_group()
        gone(members, 5)

    def wake(self) -> None:
        """Let go on what a test made stand still, should it have failed before it did."""
        for door in self.doors:
            for member in door.tree():
                with suppress(psutil.NoSuchProcess):
                    member.resume()

    def strays(self) -> list[str]:
        """Return the processes of this floor that belong to no living door."""
        known = {member.pid for door in self.doors if door.lives() for member in door.tree()}
        return [
            f"{found.pid} {' '.join(found.info['cmdline'] or [])}"
            for found in psutil.process_iter(["environ", "cmdline", "status"])
            if found.pid not in known
            and found.info["status"] != psutil.STATUS_ZOMBIE
            and (found.info["environ"] or {}).get(MARK) == str(self.folder)
        ]

    def submit(self, count: int = 50, shortest_s: float = 0.2, longest_s: float = 1.0) -> list[UUID]:
        """Enqueue waits of mixed length."""
        step = (longest_s - shortest_s) / max(1, count - 1)
        waits = [Wait(seconds=round(shortest_s + step * ((at * 7) % count), 3)) for at in range(count)]
        return [made.id for made in submit_many(self.ledger, self.org, wait_job, waits)]

    def counts(self, jobs: list[UUID]) -> dict[str, int]:
        """Return how many of these jobs are in which stage."""
        return {row[0]: row[1] for row in self.ask("select stage, count(*)::int from job where id = any (%s) group by stage", jobs)}

    def stage(self, job: UUID) -> str:
        """Return one job's stage."""
        return str(self.one("select stage from job where id = %s", job))

    def _open(self, name: str, *words: str, **more: str) -> Door:
        self._doors_made += 1
        environment = {key: value for key, value in os.environ.items() if not key.startswith("WATCHFLOOR_")} | {
            MARK: str(self.folder),
            "WATCHFLOOR_DATABASE_URL": self.login_url,
            "WATCHFLOOR_BROKER_URL": self.broker.url,
            "WATCHFLOOR_KEK": self.kek,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            **more,
        }
        log = self.folder / f"{name}-{self._doors_made}.log"
        with log.open("wb") as sink:
            child = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.door", name, *words],
                env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=process.death_signal(signal.SIGKILL),  # noqa: PLW1509 - one prctl call
            )  # fmt: skip
        door = Door(name, child, log)
        self.doors.append(door)
        return door


def warden_of(door: Door) -> psutil.Process:
    """Return the warden: the worker's child that ignores SIGTERM."""
    for child in psutil.Process(door.pid).children():
        status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
        ignored = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
        if ignored >> (signal.SIGTERM - 1) & 1 and ignored >> (signal.SIGHUP - 1) & 1:
            return child
    raise AssertionError("this worker has no warden")


def pool_of(door: Door) -> list[psutil.Process]:
    """Return the pool processes of a worker: its children but for warden, zygote and those that nobody has buried yet."""
    warden, found = warden_of(door).pid, []
    for child in psutil.Process(door.pid).children():
        with suppress(psutil.NoSuchProcess):
            found += [child] if child.pid != warden and "watchfloor.kernel.sandbox" not in child.cmdline() else []
    return found


def gone(members: list[psutil.Process], seconds: float) -> None:
    """Wait until these processes are gone; one that only waits for its parent's look is."""

    def left() -> list[str]:
        found = []
        for member in members:
            with suppress(psutil.NoSuchProcess):
                found += [repr(member)] if member.is_running() and member.status() != psutil.STATUS_ZOMBIE else []
        return found

    until = time.monotonic() + seconds
    while left():
        assert time.monotonic() < until, f"still there after {seconds} s: {left()}"
        time.sleep(0.02)


@contextmanager
def private_floor(*, rabbitmq: bool = False) -> Iterator[Floor]:
    """Run the servers of a floor; doors are the tests' to open, and closed at the end."""
    with ExitStack() as stack:
        home = stack.enter_context(folder("chaos"))
        postgres = stack.enter_context(postgres_server(fsync=True))
        broker = stack.enter_context(rabbitmq_server() if rabbitmq else valkey_server(durable=True))
        floor = Floor(home, postgres, broker)
        try:
            yield floor
        finally:
            for door in floor.doors:
                if door.lives():
                    floor.close(door)
            floor.ledger.database.close()
            if floor._line is not None:
                floor._line.close()
