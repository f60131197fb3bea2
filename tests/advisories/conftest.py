"""A ledger, organisations, a client, and a worker; what the world knows is forgotten before each test."""

from __future__ import annotations

import pytest

from tests.advisories.floor import worker
from tests.advisories.sources import forget
from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import nursery

__all__ = ["http", "ledger", "nursery", "org", "owner", "stranger", "worker"]


@pytest.fixture(autouse=True)
def unread(request: pytest.FixtureRequest) -> None:
    """Begin each test as if no source had been read: advisories are nobody's, so a fresh organisation is not enough.

    Tests that share a shelf which their module fills once (`stocked`) keep it, and those that use no database need not wait.
    """
    if "ledger" in request.fixturenames and "stocked" not in request.fixturenames:
        forget(request.getfixturevalue("postgres"))
