"""A ledger whose time can be moved; and, for the faces, what other nouns' tests stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.floor import http, ledger, org, owner, platform, stranger
from tests.conftest import as_login, create
from tests.jobs.floor import Floor
from watchfloor.kernel.db.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["http", "ledger", "org", "owner", "platform", "stranger"]


@pytest.fixture(scope="session")
def ledger_floor(postgres: str) -> Iterator[Floor]:
    """Make a database of its own, so that no other test lives in its time."""
    url = create(postgres, f"jobs_in_time_{new_id().hex}")
    floor = Floor(url, as_login(url))
    yield floor
    floor.close()


@pytest.fixture
def floor(ledger_floor: Floor) -> Floor:
    """Return an empty ledger whose clock is right."""
    ledger_floor.clean()
    return ledger_floor
