"""Take a snapshot of a large scan while others write, then ask for a report that is there already; print what both cost."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from benchmarks.documents.filling import fill, writing
from benchmarks.documents.memory import peak_bytes
from benchmarks.site import PRODUCTION
from tests.api.worker import Worker
from tests.servers import postgres_server
from watchfloor.capabilities.reports.jobs import generate_report
from watchfloor.capabilities.reports.jobs.snapshot import snapshot
from watchfloor.capabilities.reports.schemas.requests import GenerateReport
from watchfloor.capabilities.reports.schemas.words import Format, Redaction
from watchfloor.catalog import CATALOG
from watchfloor.kernel.db import schema
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.ledger import make_ledger, use_ledger
from watchfloor.kernel.jobs.queries import open_error, open_result
from watchfloor.kernel.jobs.runner import Runner
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sections import Scope
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sections import ReportSection

ROOT: Final = Path(__file__).resolve().parents[2]
AGAIN: Final = 9


class Reading:
    """As much of a handler's context as a snapshot needs."""

    job_id = None
    actor = "benchmark"

    def __init__(self, ledger: Ledger, org: UUID) -> None:
        """Read an organisation."""
        self._ledger, self.org = ledger, org

    def reading(self) -> AbstractContextManager[Session]:
        """Open a transaction that reads one moment's data."""
        return self._ledger.database.reading(self.org)

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a transaction that writes."""
        return self._ledger.database.transaction(self.org)

    def sections(self) -> Mapping[str, ReportSection]:
        """Return what capabilities tell."""
        return CATALOG.sections()

    def progress(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Tell nobody."""


class Desk:
    """A worker whose handler of `generate_report` is timed."""

    def __init__(self, ledger: Ledger, org: UUID, started: zygote.Zygote) -> None:
        """Open a session."""
        self.ledger, self.org, self.seconds = ledger, org, list[float]()
        self.worker = Worker(ledger, started)
        kinds = dict(CATALOG.kinds()) | {generate_report.name: replace(generate_report, handler=self._timed)}
        self.worker.runner = Runner(ledger, kinds, self.worker.board, sandbox=lambda: Sandbox(started.address), sections=CATALOG.sections)

    def _timed(self, context: JobContext, request: GenerateReport) -> Any:  # noqa: ANN401 - as the handler's
        begun = time.perf_counter()
        made = generate_report.handler(context, request)
        self.seconds.append(time.perf_counter() - begun)
        return made

    def ask(self, request: GenerateReport) -> dict[str, Any]:
        """Ask for a report and return what the job answers."""
        job = submit(self.ledger, self.org, generate_report, request).id
        self.worker.run(job)
        with self.ledger.database.transaction(self.org) as session:
            answer = open_result(self.ledger, session, self.org, job)
            if answer is None:
                message = f"the job failed: {open_error(self.ledger, session, self.org, job)}"
                raise RuntimeError(message)
        return answer


def main(count: int) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ |= {"WATCHFLOOR_DATA_DIR": folder, "WATCHFLOOR_PEPPER": "5a" * 32, "WATCHFLOOR_ARTIFACTS_PLACE": "postgres"}
        server = stack.enter_context(postgres_server(fsync=True, settings=PRODUCTION))
        schema.upgrade(server.url)
        started = stack.enter_context(
            zygote.start(paths=[ROOT], preload=["watchfloor.kernel.errors", "pydantic", *CATALOG.boxes(["reports"])])
        )
        key = secrets.token_bytes(32)
        ledger = make_ledger(server.url, key)
        use_ledger(ledger)
        stack.callback(use_ledger, None)
        org = ensure_org(ledger.database, ledger.vault, "benchmark")
        scan = fill(ledger, org, count)
        _tidy(server.url)
        told = _first(ledger, org, scan, (server.url, key, count))
        _tidy(server.url)
        desk = Desk(ledger, org, started)
        stack.callback(desk.worker.leave)
        told["again_ms"] = _again(desk, GenerateReport(scan_id=scan, format=Format.CSV))
    print(json.dumps(told))


def _first(ledger: Ledger, org: UUID, scan: UUID, writer: tuple[str, bytes, int]) -> dict[str, Any]:
    """Take a snapshot while somebody writes."""
    context: Any = Reading(ledger, org)
    with context.reading():  # what only the first transaction of a process imports and opens is no part of it
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # the largest it has been begins anew
    before = peak_bytes()
    with writing(writer[0], writer[1], org, writer[2]) as written:
        wall, cpu = time.perf_counter(), time.process_time()
        taken = snapshot(context, Scope(kind="scan", scan=scan), Redaction.INTERNAL, "engineer")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "snapshot_s": round(wall, 3), "snapshot_cpu_s": round(cpu, 3), "grew_mib": round((peak_bytes() - before) / (1 << 20), 1),
        "size_mib": round(taken.stored.size_bytes / (1 << 20), 1), "written": written.transactions, "waited": written.waited,
        "write_median_ms": round(1000 * statistics.median(written.seconds), 1), "write_longest_ms": round(1000 * max(written.seconds), 1),
    }  # fmt: skip


def _again(desk: Desk, request: GenerateReport) -> float:
    """Return the median of a handler that finds the report there."""
    if desk.ask(request)["reused"]:
        message = "the first report was there already"
        raise RuntimeError(message)
    desk.seconds.clear()
    if not all(desk.ask(request)["reused"] for _ in range(AGAIN)):
        message = "nothing changed, and another report was made"
        raise RuntimeError(message)
    return round(1000 * statistics.median(desk.seconds), 1)


def _tidy(url: str) -> None:
    # As autovacuum does within minutes of so many changes.
    with psycopg.connect(url, autocommit=True) as wire:
        wire.execute("vacuum analyze")


if __name__ == "__main__":
    main(int(sys.argv[1]))
