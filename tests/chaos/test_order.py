"""Who runs next: urgency inside an organisation, fairness between them; decided by one statement, so tested without a clock."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.kernel.jobs.enqueue import Options, submit, submit_many
from watchfloor.kernel.jobs.ledger import Ledger, make_ledger
from watchfloor.kernel.jobs.selftest import Wait, wait_job
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

BRIEF = Wait(seconds=0)


@pytest.fixture
def ledger(new_database: Callable[[str], str]) -> Iterator[Ledger]:
    """A ledger nobody dispatches from."""
    url = new_database(f"order_{secrets.token_hex(4)}").replace("//wf_owner:", "//wf_login:", 1)
    made = make_ledger(url, secrets.token_bytes(32))
    yield made
    made.database.close()


def org(ledger: Ledger, name: str) -> UUID:
    """Return an organisation."""
    return ensure_org(ledger.database, ledger.vault, name)


def many(ledger: Ledger, org: UUID, count: int) -> list[UUID]:
    """Enqueue equal jobs."""
    return [made.id for made in submit_many(ledger, org, wait_job, [BRIEF] * count)]


def one(ledger: Ledger, org: UUID, **options: Any) -> UUID:
    """Enqueue one job."""
    return submit(ledger, org, wait_job, BRIEF, Options(**options)).id


def picked(ledger: Ledger, credit: int) -> list[UUID]:
    """Return whom the dispatcher would ring for now, in order."""
    with ledger.database.wire("wf_engine").transaction():
        rows: list[Any] = (
            ledger.database.wire("wf_engine").execute(statement("dispatch"), {"queue": "default", "credit": credit}).fetchall()
        )
    return [row[0] for row in rows]


def test_urgent_jobs_go_first_and_equal_ones_in_order(ledger: Ledger) -> None:
    mine = org(ledger, "one")
    low, first, second, high, ten = (one(ledger, mine, priority=priority) for priority in (1, 5, 5, 9, 10))
    assert picked(ledger, 10) == [high, ten, first, second, low]


def test_a_job_that_waited_long_overtakes_a_more_urgent_one(ledger: Ledger) -> None:
    mine = org(ledger, "one")
    now = datetime.now(UTC)
    urgent, old = one(ledger, mine, priority=9), one(ledger, mine, priority=1, run_at=now - timedelta(minutes=81))
    assert picked(ledger, 10) == [old, urgent]


def test_an_organisation_that_floods_does_not_delay_another(ledger: Ledger) -> None:
    loud, quiet = org(ledger, "loud"), org(ledger, "quiet")
    many(ledger, loud, 500)
    theirs = many(ledger, quiet, 5)
    chosen = picked(ledger, 10)
    assert len(chosen) == 10
    assert set(theirs) < set(chosen)


def test_weights_divide_the_places(ledger: Ledger) -> None:
    heavy, light = org(ledger, "heavy"), org(ledger, "light")
    ledger.database.wire("wf_engine").execute("insert into lane (queue, org, weight) values ('default', %s, 3)", (heavy,))
    mine = set(many(ledger, heavy, 100))
    many(ledger, light, 100)
    assert [job in mine for _ in range(10) for job in picked(ledger, 4)].count(True) == 30


def test_an_idle_organisation_returns_without_hoarded_credit(ledger: Ledger) -> None:
    busy, idle = org(ledger, "busy"), org(ledger, "idle")
    many(ledger, busy, 200)
    for _ in range(5):
        picked(ledger, 20)
    back = many(ledger, idle, 100)
    assert [job in back for job in picked(ledger, 20)].count(True) in {10, 11}


def test_a_lane_never_exceeds_its_cap(ledger: Ledger) -> None:
    mine = org(ledger, "one")
    ledger.database.wire("wf_engine").execute("insert into lane (queue, org, max_running) values ('default', %s, 2)", (mine,))
    many(ledger, mine, 10)
    assert len(picked(ledger, 10)) == 2
    assert picked(ledger, 10) == []


def test_a_mutex_lets_one_through_and_parks_the_rest(ledger: Ledger) -> None:
    mine = org(ledger, "one")
    first, *_others = [one(ledger, mine, mutex="m") for _ in range(3)]
    assert picked(ledger, 10) == [first]
    waiting = ledger.database.wire("wf_engine").execute("select count(*) from job where stage = 'blocked' and waits_for ^@ 'budget:mutex:'")
    assert waiting.fetchone() == (2,)
