"""Procrastinate with its psycopg connector and default worker settings."""

# mypy: disable-error-code="import-not-found,untyped-decorator"
# (it is no dependency, so most machines that check this file do not have it)
from __future__ import annotations

import os

import procrastinate
import psycopg

from benchmarks.board import tick

URL = os.environ["BENCHMARK_DATABASE"]

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))


@app.task(name="benchmark.noop")
async def noop() -> None:
    """Do nothing; a coroutine, so that no thread is paid for."""
    tick()


def _open() -> None:
    if not hasattr(_open, "done"):
        app.open()
        _open.done = True  # type: ignore[attr-defined]  # remembered where it belongs


def install() -> None:
    """Apply its schema."""
    with procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=URL)).open() as installer:
        installer.schema_manager.apply_schema()


def delay() -> None:
    """Insert one job."""
    _open()
    noop.defer()


def bulk(count: int) -> None:
    """Insert all in one statement."""
    _open()
    noop.batch_defer(*({} for _ in range(count)))


def unfinished() -> int:
    """Count jobs to do and being done."""
    with psycopg.connect(URL) as connection:
        row = connection.execute("select count(*) from procrastinate_jobs where status in ('todo', 'doing')").fetchone()
    return int(row[0]) if row else -1
