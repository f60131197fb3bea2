"""One peer's turn in one round: fill the queue, let the workers drain it, then ask one job at a time."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.board import Board
from benchmarks.figures import percentile
from benchmarks.peers import PYTHON
from benchmarks.processes import VARIABLE as TREE
from benchmarks.processes import Tree
from benchmarks.site import ROOT
from watchfloor.kernel.embedded.process import death_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.peers import Peer
    from benchmarks.site import Site

PROCESSES: Final = 2
SETTLE_S: Final = 0.5
START_S: Final = 60.0
STALL_S: Final = 30.0
STOP_S: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    jobs: int
    singles: int
    latencies: int
    pause_s: float
    idle_s: float
    warm: int


class LegFailed(Exception):
    """A peer's turn could not be measured; the message carries the end of its log."""


@dataclass
class Figures:
    """What one turn showed: single values, and the latencies behind two of them."""

    values: dict[str, float] = field(default_factory=dict)
    latencies_ms: list[float] = field(default_factory=list)


class Client:
    """The enqueuing process, seen from here."""

    def __init__(self, peer: Peer, environment: dict[str, str], log: Path) -> None:
        """Start it."""
        self._log = log
        with log.open("ab") as sink:
            self._child = subprocess.Popen(
                [PYTHON, "-m", "benchmarks.client", peer.module],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, env=environment, cwd=ROOT, text=True,
                preexec_fn=death_signal(signal.SIGKILL),  # noqa: PLW1509 - one prctl call
            )  # fmt: skip

    def ask(self, do: str, **order: float) -> dict[str, Any]:
        """Give an order and wait for its answer; raises LegFailed when the process died of it."""
        assert self._child.stdin is not None  # noqa: S101 - both are pipes
        assert self._child.stdout is not None  # noqa: S101 - see above
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps({"do": do, **order}), file=self._child.stdin, flush=True)
        answer = self._child.stdout.readline()
        if not answer:
            message = f"the client failed at {do!r}: {tail(self._log)}"
            raise LegFailed(message)
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """End it."""
        assert self._child.stdin is not None  # noqa: S101 - it is a pipe
        assert self._child.stdout is not None  # noqa: S101 - see above
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        self._child.stdout.close()
        end(self._child)


class Leg:
    """The turn itself."""

    def __init__(self, peer: Peer, site: Site, sizes: Sizes, folder: Path) -> None:
        """Name the parts; `run` starts them."""
        self._peer, self._site, self._sizes, self._folder = peer, site, sizes, folder
        self._mark = secrets.token_hex(8)
        self._environment = site.environment(peer, board=folder / "board")
        self._board = Board(folder / "board")
        self._figures = Figures()

    def run(self) -> Figures:
        """Measure everything, in the order of the page README.md."""
        with (
            self._workers() as workers,
            contextlib.closing(Client(self._peer, self._environment | {TREE: ""}, self._folder / "client.log")) as client,
        ):
            self._trees = {**self._own_trees(workers), **self._site.trees(self._peer)}
            self._warm_up(client)
            self._drain(workers, client)
            self._idle()
            self._single(client)
        return self._figures

    def _marked(self, command: int) -> str:
        return f"{self._mark}-{self._peer.part(command)}"

    def _own_trees(self, workers: list[subprocess.Popen[bytes]]) -> dict[str, Tree]:
        roots: dict[str, tuple[int, ...]] = {}
        for index, child in enumerate(workers):
            part = self._peer.part(index)
            roots[part] = (*roots.get(part, ()), child.pid)
        return {part: Tree(pids, f"{self._mark}-{part}") for part, pids in roots.items()}

    @contextmanager
    def _workers(self) -> Iterator[list[subprocess.Popen[bytes]]]:
        with ExitStack() as stack:
            started = []
            for index, command in enumerate(self._peer.commands):
                with (self._folder / "worker.log").open("ab") as sink:
                    child = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=self._environment | {TREE: self._marked(index)}, cwd=ROOT, start_new_session=True,
                        preexec_fn=death_signal(signal.SIGTERM),  # noqa: PLW1509 - one prctl call
                    )  # fmt: skip
                stack.callback(end, child)
                started.append(child)
            yield started

    def _warm_up(self, client: Client) -> None:
        """Run jobs until both processes have run some: then everything is imported and connected."""
        deadline = time.monotonic() + START_S
        sent = 0
        while self._board.read().processes < PROCESSES or sent < self._sizes.warm:
            client.ask("submit", count=20)
            sent += 20
            self._wait_for(sent, deadline)
        time.sleep(SETTLE_S)

    def _wait_for(self, jobs: int, deadline: float | None = None) -> None:
        """Wait until the board shows this many; raises LegFailed when none ran for long."""
        last, patience = -1, deadline or time.monotonic() + STALL_S
        while (now := self._board.read().jobs) < jobs:
            if now != last and deadline is None:
                last, patience = now, time.monotonic() + STALL_S
            if time.monotonic() > patience:
                message = f"{now} of {jobs} jobs ran, then none: {tail(self._folder / 'worker.log')}"
                raise LegFailed(message)
            time.sleep(0.005)

    def _drain(self, workers: list[subprocess.Popen[bytes]], client: Client) -> None:
        sizes = self._sizes
        held = workers if self._peer.pauses is None else [workers[index] for index in self._peer.pauses]
        frozen = Tree(tuple(child.pid for child in held), "" if self._peer.pauses else self._marked(0))
        frozen.send(signal.SIGSTOP)
        try:
            self._board.arm()
            self._enqueue(client, "submit", sizes.singles)
            self._enqueue(client, "bulk", sizes.jobs)
            full = self._memory()
            before = self._cpu()
        finally:
            frozen.send(signal.SIGCONT)
        jobs = sizes.singles + sizes.jobs
        self._wait_for(jobs)
        time.sleep(SETTLE_S)
        spent = {part: now - before[part] for part, now in self._cpu().items()}
        self._until_finished(client, jobs)
        tally = self._board.read()
        for part, cpu_ms in spent.items():
            self._note(f"cpu_ms_per_job_{part}", cpu_ms / jobs)
        self._note("cpu_ms_per_job", sum(spent.values()) / jobs)
        self._note("drain_per_s", jobs / ((tally.last_ns - tally.first_ns) / 1e9))
        empty = self._memory()
        for part, used in full.items():
            self._note(f"memory_mb_{part}", max(used, empty[part]))
        self._note("memory_mb", max(sum(full.values()), sum(empty.values())))

    def _enqueue(self, client: Client, do: str, count: int) -> None:
        """Time one way of enqueuing while the workers stand still: rate, CPU in the caller, CPU in the servers."""
        before = self._cpu()
        took = client.ask(do, count=count)
        servers = sum(now - before[part] for part, now in self._cpu().items() if part not in {"worker", "scheduler"})
        self._note(f"{do}_per_s", count / took["wall_s"])
        self._note(f"{do}_cpu_ms_caller", took["cpu_s"] * 1000 / count)
        self._note(f"{do}_cpu_ms_servers", servers / count)

    def _until_finished(self, client: Client, jobs: int) -> None:
        deadline = time.monotonic() + STALL_S
        while left := int(client.ask("unfinished")["jobs"]):
            if time.monotonic() > deadline:
                message = f"{left} jobs ran and were never finished: {tail(self._folder / 'worker.log')}"
                raise LegFailed(message)
            time.sleep(0.1)
        if (ran := self._board.read().jobs) != jobs:
            message = f"{ran} jobs ran, {jobs} were enqueued"
            raise LegFailed(message)

    def _idle(self) -> None:
        before, begun = self._cpu(), time.monotonic()
        time.sleep(self._sizes.idle_s)
        passed = time.monotonic() - begun
        self._note("idle_cpu_ms_per_s", sum(now - before[part] for part, now in self._cpu().items()) / passed)

    def _single(self, client: Client) -> None:
        taken = sorted(client.ask("latency", count=self._sizes.latencies, pause_s=self._sizes.pause_s)["ms"])
        self._figures.latencies_ms = taken
        self._note("latency_p50_ms", percentile(taken, 50))
        self._note("latency_p99_ms", percentile(taken, 99))

    def _cpu(self) -> dict[str, float]:
        return {part: tree.cpu_ms() for part, tree in self._trees.items()}

    def _memory(self) -> dict[str, float]:
        return {part: tree.memory_mb() for part, tree in self._trees.items()}

    def _note(self, name: str, value: float) -> None:
        self._figures.values[name] = value


def install(peer: Peer, folder: Path) -> Callable[[dict[str, str]], None]:
    """Return a function that makes a peer's tables with a given environment."""

    def run(environment: dict[str, str]) -> None:
        with contextlib.closing(Client(peer, environment, folder / "client.log")) as client:
            client.ask("install")

    return run


def end(child: subprocess.Popen[Any]) -> None:
    """Stop a process politely, then with everything in its session."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(STOP_S)
            return
        Tree((child.pid,)).send(signal.SIGKILL)
        child.wait()


def tail(log: Path, size: int = 2000) -> str:
    """Return the end of a log."""
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    return text[-size:] or "it said nothing"
