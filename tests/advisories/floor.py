"""What tests of advisory jobs stand on: a worker in this process, and an intake that needs no files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote


@pytest.fixture
def worker(ledger: Ledger, nursery: zygote.Zygote) -> Iterator[Worker]:
    """Be a worker that runs jobs when told to."""
    made = Worker(ledger, nursery)
    yield made
    made.leave()
