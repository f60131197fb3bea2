"""No order of requests, clocks, crashes, lost and doubled tickets breaks the ledger; and the model would notice if one did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import as_login, create
from tests.jobs.model import CLOCK, LedgerMachine
from watchfloor.kernel.db.session import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.db.session import Wire

COMMON = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck), stateful_step_count=40, print_blob=True)

# Each drops one guard of the ledger from its SQL.
FAULTS: dict[str, dict[str, tuple[str, str]]] = {
    "fence": {"finish": ("and j.fence = t.fence ", "")},
    "sequence": {"claim": ("and j.seq = t.seq ", "")},
    "session": {"claim": ("and exists (select 1 from worker_session where id = %(session)s and lost_at is null)", "")},
    "batch counter": {"finish": ("set open = b.open - x.n,", "set open = b.open,")},
    "cancel flag": {"finish": ("when j.cancel_at is not null then 'cancelled'", "")},
    "fence of a handler's transaction": {"hold": ("and fence = %(fence)s ", "")},
    "cancel of a crashed job": {"reap": ("when j.cancel_at is not null then 'cancelled'", "")},
    "record of a crash": {"reap": ("select org, id, attempt, fence, owner, child, attempt_at, wf_now(), 'lost', 'lost' from done)",
                                   "select org, id, attempt, fence, owner, child, attempt_at, wf_now(), 'lost', 'lost' from done where false)")},
    "budget under way": {"dispatch": ("- coalesce(u.n, 0)", "")},
    "callback": {"seal": ("where b.open = 0 and", "where")},
}  # fmt: skip


@pytest.fixture(scope="module")
def timeless(postgres: str) -> str:
    """Make a database whose clock is a setting; return its URL."""
    url = create(postgres, "jobs_model")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(CLOCK)
    return as_login(url)


@pytest.fixture
def wire(timeless: str) -> Iterator[Wire]:
    """Open one connection of the engine."""
    connection = Database(timeless).connect("wf_engine")
    yield connection
    connection.close()


def machine(wire: Wire, faults: dict[str, tuple[str, str]] | None = None) -> type[LedgerMachine]:
    return type("Ledger", (LedgerMachine,), {"wire": wire, "faults": faults or {}})


def test_ledger_keeps_its_promises(wire: Wire) -> None:
    run_state_machine_as_test(machine(wire), settings=settings(COMMON, max_examples=100, stateful_step_count=30))


@pytest.mark.slow
def test_ledger_keeps_its_promises_at_length(wire: Wire) -> None:
    run_state_machine_as_test(machine(wire), settings=settings(COMMON, max_examples=500, phases=[Phase.generate]))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(wire: Wire, fault: str) -> None:
    """Without one guard the promises break; a fixed seed, so that this test cannot fail by luck."""
    bounded = settings(COMMON, max_examples=5000, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine(wire, FAULTS[fault]), settings=bounded)
