"""Watchfloor through its own door: jobs.test, enqueued as a Python program would."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import psycopg

from watchfloor.kernel.db.schema import upgrade
from watchfloor.kernel.jobs.enqueue import submit_many
from watchfloor.kernel.jobs.ledger import ledger, org_named
from watchfloor.kernel.jobs.selftest import Nothing, test_job
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from uuid import UUID

URL = os.environ["BENCHMARK_DATABASE"]

if "BENCHMARK_UNBUNDLED" in os.environ:
    object.__setattr__(test_job, "short", False)  # the kind is frozen, and this is the only field that differs


def install() -> None:
    """Migrate, and make the default organisation with its key."""
    upgrade(URL)
    ensure_org(ledger().database, ledger().vault, "default")


@cache
def _org() -> UUID:
    return org_named("default")


def delay() -> None:
    """Insert one job, durably."""
    test_job.delay()


def bulk(count: int) -> None:
    """Insert all in one transaction."""
    submit_many(ledger(), _org(), test_job, (Nothing() for _ in range(count)))


def unfinished() -> int:
    """Count jobs that have not ended."""
    with psycopg.connect(URL) as connection:
        row = connection.execute("select count(*) from job where finished_at is null").fetchone()
    return int(row[0]) if row else -1
