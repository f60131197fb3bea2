"""PgQueuer with psycopg and default settings; its workers write completions in batches."""

# mypy: disable-error-code="import-not-found,untyped-decorator"
# (it is no dependency, so most machines that check this file do not have it)
from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

import psycopg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.adapters.cli import supervisor
from pgqueuer.db import PsycopgDriver, SyncPsycopgDriver
from pgqueuer.queries import Queries, SyncQueries

from benchmarks.board import tick

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pgqueuer.models import Job

URL = os.environ["BENCHMARK_DATABASE"]
NAME = "noop"


@asynccontextmanager
async def main() -> AsyncIterator[PgQueuer]:
    """Return a worker as `pgq run` wants it."""
    async with await psycopg.AsyncConnection.connect(URL, autocommit=True) as connection:
        worker = PgQueuer(PsycopgDriver(connection))

        @worker.entrypoint(NAME)
        async def noop(_job: Job) -> None:
            tick()

        yield worker


def install() -> None:
    """Make its tables."""

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(URL, autocommit=True) as connection:
            await Queries(PsycopgDriver(connection)).install()

    asyncio.run(run())


@cache
def _queries() -> SyncQueries:
    return SyncQueries(SyncPsycopgDriver(psycopg.connect(URL, autocommit=True)))


def delay() -> None:
    """Insert one job."""
    _queries().enqueue(NAME, None)


def bulk(count: int) -> None:
    """Insert all in one statement."""
    _queries().enqueue([NAME] * count, [None] * count, [0] * count)


def unfinished() -> int:
    """Count queued and picked jobs."""
    return sum(found.count for found in _queries().queue_size())


async def _work() -> None:
    """Do what `pgq run` does, whose command line breaks with some versions of typer."""
    await supervisor.run(main)


if __name__ == "__main__":
    uvloop.run(_work())
