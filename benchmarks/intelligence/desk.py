"""A worker of one process on a database of its own, durable as in production; its jobs run when told to."""

from __future__ import annotations

import os
import resource
import secrets
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg

from benchmarks.site import PRODUCTION
from tests.api.worker import Worker
from tests.servers import postgres_server
from watchfloor.capabilities.advisories.jobs import importing
from watchfloor.kernel.db import schema
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.jobs.queries import open_error, open_result
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox, Usage
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


@dataclass
class Done:
    """A job that ran: how long, and what it answered."""

    seconds: float
    answer: Any
    cpu_seconds: float
    merging: float  # seconds of it that merging and scoring took
    boxes: list[Usage]


class Desk:
    """One organisation's jobs, one after the other."""

    def __init__(self, worker: Worker, org: UUID, folder: Path, url: str) -> None:
        """Take what was started."""
        self.worker, self.org, self.folder, self.url = worker, org, folder, url

    def run(self, kind: JobKind[Any, Any], request: BaseModel) -> Done:
        """Run one job to its end; a job that does not succeed ends the benchmark."""
        made = submit(self.worker.ledger, self.org, kind, request)
        begun, cpu = time.perf_counter(), time.process_time()
        with _watched() as watch:
            self.worker.run(made.id)
        seconds = time.perf_counter() - begun
        return Done(seconds, self.result(made.id), time.process_time() - cpu, watch.merging, watch.boxes)

    def result(self, job: UUID) -> dict[str, Any]:
        """Return what a job answered."""
        ledger = self.worker.ledger
        with ledger.database.transaction(self.org) as session:
            answer = open_result(ledger, session, self.org, job)
            if answer is None:
                message = f"the job failed: {open_error(ledger, session, self.org, job)}"
                raise RuntimeError(message)
        return answer

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database as its owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type] # the benchmark's own text


@dataclass
class _Watch:
    merging: float = 0.0
    boxes: list[Usage] = field(default_factory=list)


@contextmanager
def _watched() -> Iterator[_Watch]:
    """Tell merging from taking, and what the boxes used."""
    watch, settle, run = _Watch(), importing.settle, Sandbox.run

    def timed(*given: Any) -> Any:  # noqa: ANN401 - as it is given
        begun = time.perf_counter()
        try:
            return settle(*given)
        finally:
            watch.merging += time.perf_counter() - begun

    def noted(*given: Any, observe: Any = None, **named: Any) -> Any:  # noqa: ANN401 - as it is given
        def note(usage: Usage) -> None:
            watch.boxes.append(usage)
            if observe:
                observe(usage)

        return run(*given, observe=note, **named)

    with patch.object(importing, "settle", timed), patch.object(Sandbox, "run", noted):
        yield watch


def peak_mib() -> float:
    """Return the most memory that this process, the worker, has ever used."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


@contextmanager
def desk() -> Iterator[Desk]:
    """Start a database, a zygote and a worker."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wf-bench-")))
        server = stack.enter_context(postgres_server(fsync=True, settings=PRODUCTION))
        schema.upgrade(server.url)
        os.environ["WATCHFLOOR_ADVISORIES_IMPORT_DIR"] = str(folder)
        started = stack.enter_context(zygote.start(paths=[ROOT], preload=["watchfloor.kernel.errors", "pydantic"]))
        worker = Worker(make_ledger(server.url, secrets.token_bytes(32)), started)
        stack.callback(worker.leave)
        org = ensure_org(worker.ledger.database, worker.ledger.vault, "benchmark")
        yield Desk(worker, org, folder, server.url)
