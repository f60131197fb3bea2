"""A ledger, organisations, a client, a zygote, and an organisation with a worker that makes reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import Worker, nursery
from tests.reports.world import World
from watchfloor.kernel.jobs.ledger import use_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote

__all__ = ["http", "ledger", "nursery", "org", "owner", "stranger"]


@pytest.fixture
def world(ledger: Ledger, org: UUID, nursery: zygote.Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give an organisation and a worker."""
    monkeypatch.setenv("WATCHFLOOR_REPORTS_EXPORT_DIR", str(tmp_path / "copies"))
    monkeypatch.setenv("WATCHFLOOR_REPORTS_AUTHOR", "Example Ltd")
    monkeypatch.setenv("WATCHFLOOR_REPORTS_AUTHOR_URL", "https://example.org")
    use_ledger(ledger)
    worker = Worker(ledger, nursery)
    yield World(ledger, org, worker, tmp_path / "copies")
    worker.leave()
    use_ledger(None)
