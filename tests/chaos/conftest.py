"""One floor for the tests of a file; each test says how many doors it needs and leaves no process behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.floor import Floor, private_floor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def whole_floor() -> Iterator[Floor]:
    """The servers, for all files."""
    with private_floor() as floor:
        yield floor


@pytest.fixture
def floor(whole_floor: Floor) -> Iterator[Floor]:
    """A floor with one scheduler and one worker; afterwards nothing may be left that no living door answers for."""
    whole_floor.ledger.database.close()  # connections of this process that a restart of the database broke
    whole_floor.staff(workers=1, schedulers=1)
    yield whole_floor
    whole_floor.wake()
    whole_floor.wait(lambda: not whole_floor.strays(), f"the end of stray processes {whole_floor.strays()}", 10)
