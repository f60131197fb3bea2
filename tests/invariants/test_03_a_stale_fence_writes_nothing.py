"""Promise 03: an attempt that no longer owns its job writes nothing: no end, no result, no progress, no effect, no row of a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs.conftest import floor, ledger_floor
from tests.jobs.kinds import Text, echo
from watchfloor.kernel.errors import Fenced
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.jobs.floor import Floor
    from watchfloor.kernel.jobs.claim import Claim

__all__ = ["floor", "ledger_floor"]

TABLES = ("job", "job_payload", "job_attempt", "job_effect", "job_progress", "job_event", "job_batch")


def reaped(floor: Floor, session: UUID, held: Claim) -> None:
    floor.engine("lose_session", session=session)
    floor.reap()
    assert floor.stage(held.id) == "scheduled"


def taken_over(floor: Floor, session: UUID, held: Claim) -> None:
    reaped(floor, session, held)
    floor.again(floor.session(), held.id)


def taken_back(floor: Floor, session: UUID, held: Claim) -> None:
    floor.end(session, held, Outcome.HANDED_BACK)
    floor.again(session, held.id)


def over(floor: Floor, session: UUID, held: Claim) -> None:
    floor.end(session, held)


@pytest.mark.parametrize("lose", [reaped, taken_over, taken_back, over])
def test_stale_attempt_writes_nothing(floor: Floor, lose: Callable[[Floor, UUID, Claim], None]) -> None:
    session, held = floor.started(floor.org())
    lose(floor, session, held)
    before = {table: floor.ask(f"select * from {table} order by 1, 2, 3") for table in TABLES}
    context = floor.context(session, held)
    for outcome in Outcome:
        assert floor.end(session, held, outcome, blob=b"late", kid="00") is None
    context.progress(9, 9, "late")
    context.flush_progress()
    with pytest.raises(Fenced), context.transaction():
        pytest.fail("a stale attempt was let in")
    with pytest.raises(Fenced), context.effect("mail"):
        pytest.fail("a stale attempt was given an effect")
    with pytest.raises(Fenced):
        context.fan_out("late", [(echo, Text())])
    assert {table: floor.ask(f"select * from {table} order by 1, 2, 3") for table in TABLES} == before


def test_attempt_that_loses_its_job_inside_a_transaction_keeps_it_until_the_commit(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    with floor.context(session, held).transaction() as own:
        floor.engine("lose_session", session=session)
        assert floor.reap() == {}
        own.connection().exec_driver_sql("insert into job_event (org, job, type) values (%s, %s, 'kept')", (held.org, held.id))
    assert floor.reap() == {held.id: "scheduled"}
    assert floor.one("select count(*) from job_event where type = 'kept'") == 1
