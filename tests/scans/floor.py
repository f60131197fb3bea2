"""What tests of scan jobs stand on: an organisation that may scan loopback, a zygote, and a worker in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api import worker as any_worker
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.queries import read
from watchfloor.capabilities.scans.schemas import ScanRequest
from watchfloor.kernel.assets.scope import add_scope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.capabilities.scans.queries.views import ScanView
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote


@pytest.fixture
def loopback(ledger: Ledger, org: UUID) -> UUID:
    """Return an organisation that may scan loopback and nothing else."""
    allow(ledger, org, "127.0.0.0/8")
    return org


@pytest.fixture
def worker(ledger: Ledger, nursery: zygote.Zygote) -> Iterator[Worker]:
    """Be a worker that runs jobs when told to."""
    made = Worker(ledger, nursery)
    yield made
    made.leave()


def allow(ledger: Ledger, org: UUID, target: str) -> None:
    """Put a target into the scope."""
    with ledger.database.transaction(org) as session:
        add_scope(session, org, target, actor="test")


class Worker(any_worker.Worker):
    """Runs scans as well."""

    def scan(self, org: UUID, *targets: str, **more: Any) -> ScanView:
        """Request a scan, run all its jobs, return it."""
        scan, _job = jobs.submit_scan(self.ledger, org, ScanRequest(targets=list(targets), **more), actor="test")
        self.run_all(org)
        return self.view(org, scan)

    def view(self, org: UUID, scan: UUID) -> ScanView:
        """Return a scan."""
        with self.ledger.database.transaction(org) as session:
            return read.get_scan(session, org, scan)
