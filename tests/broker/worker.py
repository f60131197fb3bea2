"""A real Celery worker in a process of its own, and what it saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psutil

from tests.broker.floor import DIRECTORY
from watchfloor.kernel.jobs.broker import tickets
from watchfloor.kernel.jobs.broker.keyring import write_keyring
from watchfloor.kernel.jobs.broker.publish import Publisher, Ring
from watchfloor.kernel.security import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIND, QUEUE = "scans.run", "scans"
QUEUES = ("default", "scans", "reports")
ROOT = Path(__file__).parents[2]


def in_minutes(minutes: float) -> int:
    """Return an expiry this far from now, in ms."""
    return int((time.time() + 60 * minutes) * 1000)


@dataclass
class Bench:
    """A broker, a directory, a dispatcher's key that the worker trusts, and the worker."""

    url: str
    directory: Path
    signer: Signer = field(default_factory=Signer)
    revoked: Signer = field(default_factory=Signer)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        """Write the keyring."""
        keys = {
            self.signer.kid: tickets.TicketKey(self.signer.public),
            self.revoked.kid: tickets.TicketKey(self.revoked.public, revoked=True),
        }
        write_keyring(self.directory / "keys.json", keys)

    def ring(
        self,
        job: UUID | None = None,
        *,
        seq: int = 1,
        kind: str = KIND,
        queue: str = QUEUE,
        signer: Signer | None = None,
        minutes: float = 15,
    ) -> Ring:
        """Return a message for one job, good unless told otherwise."""
        job = job or uuid4()
        return Ring(kind, queue, tickets.sign(signer or self.signer, kind, str(job), queue, [(job, seq)], in_minutes(minutes)), str(job))

    def lines(self) -> list[list[Any]]:
        """Return everything seen so far."""
        path = self.directory / "seen"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def jobs(self) -> list[str]:
        """Return the jobs whose ticket arrived, once for each time."""
        return [job for line in self.lines() if line[0] == "ticket" for job, _ in line[2]]

    def reasons(self) -> list[str]:
        """Return why messages were refused, in order."""
        return [line[1] for line in self.lines() if line[0] == "rejected"]

    def log(self) -> str:
        """Return what the worker wrote."""
        return (self.directory / "log").read_text(errors="replace")

    def wait(self, fact: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Wait until something is true; fails with the worker's log."""
        deadline = time.monotonic() + seconds
        while not fact():
            if time.monotonic() > deadline or (self.process is not None and self.process.poll() is not None and not fact()):
                raise AssertionError(f"{what} did not happen\n{self.lines()[-20:]}\n{self.log()[-6000:]}")
            time.sleep(0.02)

    def still_works(self) -> None:
        """Publish one good ticket and wait for it: the worker consumes, and everything before it was looked at."""
        publisher = Publisher(self.url, QUEUES)
        ring = self.ring()
        publisher.publish([ring])
        publisher.close()
        self.wait(lambda: ring.message_id in self.jobs(), "a good ticket after the attack")

    def memory_bytes(self) -> int:
        """Return the parent's resident memory."""
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def environment(self, profile: str = "embedded") -> dict[str, str]:
        """Return what `celery -A tests.broker.floor` needs to find this bench."""
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        return {
            **os.environ,
            DIRECTORY: str(self.directory),
            "WATCHFLOOR_TEST_BROKER": self.url,
            "WATCHFLOOR_TEST_PROFILE": profile,
            "PYTHONPATH": path,
        }

    def celery(self, *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run the Celery command line on this bench."""
        command = [sys.executable, "-m", "celery", "-A", "tests.broker.floor", *words]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=seconds, check=False)


@contextmanager
def running(bench: Bench, *options: str, profile: str = "embedded", queue: str = QUEUE) -> Iterator[Bench]:
    """Run a worker until the end of the block; ready when it took one good ticket."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.broker.floor",
        "worker",
        "-l",
        "INFO",
        "-Q",
        queue,
        "-n",
        f"t{uuid4().hex[:8]}@here",
        *options,
    ]
    with (bench.directory / "log").open("wb") as log:
        bench.process = subprocess.Popen(command, env=bench.environment(profile), stdout=log, stderr=subprocess.STDOUT, cwd=bench.directory)
        try:
            bench.wait(lambda: " ready." in bench.log(), "the worker's start", 60)
            yield bench
        finally:
            tree = [bench.process, *psutil.Process(bench.process.pid).children(recursive=True)] if bench.process.poll() is None else []
            for process in tree:
                if process is bench.process:
                    process.terminate()
            try:
                bench.process.wait(20)
            except subprocess.TimeoutExpired:
                for process in tree:
                    process.kill()
                bench.process.wait(10)
