"""A ledger, an organisation with a worker, and a receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import Worker, nursery
from tests.notifications.receiver import Receiver, receiving
from tests.notifications.world import World
from watchfloor.kernel.jobs.ledger import use_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote

__all__ = ["http", "ledger", "nursery", "org", "owner", "receiver", "stranger", "world"]


@pytest.fixture
def world(ledger: Ledger, org: UUID, nursery: zygote.Zygote, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give an organisation whose messages may go to this machine, and a worker."""
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_NEAR", "yes")
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_PORTS", f"443,80,{urlsplit(receiver.url).port}")
    use_ledger(ledger)
    worker = Worker(ledger, nursery)
    yield World(ledger, org, worker)
    worker.leave()
    use_ledger(None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Serve."""
    with receiving() as found:
        yield found
