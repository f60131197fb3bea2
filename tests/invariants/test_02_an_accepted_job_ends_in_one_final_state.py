"""Promise 02: an accepted job ends in exactly one final state, whatever dies on the way. The model in tests/jobs says it for all orders."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.jobs.conftest import floor, ledger_floor
from watchfloor.kernel.jobs import rescue
from watchfloor.kernel.jobs.states import Outcome, Stage

if TYPE_CHECKING:
    from tests.jobs.floor import Floor

__all__ = ["floor", "ledger_floor"]

ENDS = [stage for stage in Stage if stage.ended]


@pytest.mark.parametrize("stage", ENDS)
def test_final_state_is_final(floor: Floor, stage: Stage) -> None:
    org = floor.org()
    session, held = floor.started(org)
    ticket = (held.id, floor.job(held.id, "seq"))
    floor.ask("update job set stage = %s, owner = null, child = null, finished_at = wf_now() where id = %s", str(stage), held.id)
    before = floor.ask("select * from job")
    floor.pass_time(3600)
    assert floor.claim(session, ticket) == []
    for outcome in Outcome:
        assert floor.end(session, held, outcome) is None
    floor.engine("lose_session", session=session)
    floor.cancel(org, held.id)
    floor.engine("undo_dispatch", ids=[held.id], seqs=[ticket[1]])
    floor.engine("park", id=held.id, seq=ticket[1])
    floor.engine("disown", session=session, child=held.id.hex)
    rescue.reap(floor.ledger)
    rescue.sweep(floor.ledger)
    rescue.promote(floor.ledger)
    rescue.expire(floor.ledger)
    floor.unpark()
    assert floor.dispatch() == []
    assert floor.ask("select * from job") == before


def test_every_loss_on_the_way_is_survived(floor: Floor) -> None:
    """Ticket lost, answer lost, child dead, worker dead, handed back, failed, and then it ends."""
    job = floor.submit(floor.org())
    floor.dispatch()
    floor.pass_time(31)
    rescue.sweep(floor.ledger)  # the ticket was lost
    session = floor.session()
    floor.again(session, job)
    floor.engine("disown", session=session, child=floor.job(job, "child"))  # the claim's answer was lost
    floor.again(session, job)
    assert list(floor.reap(session, [floor.job(job, "child")])) == [job]  # the child died
    floor.again(session, job)
    floor.engine("lose_session", session=session)  # the worker died
    floor.reap()
    floor.pass_time(2)
    session = floor.session()
    floor.end(session, floor.again(session, job), Outcome.HANDED_BACK)
    floor.end(session, floor.again(session, job), Outcome.RETRY)
    assert floor.end(session, floor.again(session, job)) == "succeeded"
    assert floor.ask("select outcome from job_attempt order by attempt") == [
        ("handed_back",), ("lost",), ("lost",), ("handed_back",), ("retry",), ("succeeded",),
    ]  # fmt: skip


def test_two_ends_at_once_are_one_end(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    stages = floor.together(*(partial(floor.end, session, held, outcome) for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.RETRY)))
    assert sum(stage is not None for stage in stages) == 1
    assert floor.one("select count(*) from job_attempt") == 1


def test_nobody_but_the_ledger_deletes_a_job(floor: Floor) -> None:
    org, stranger = floor.org(), floor.org()
    job = floor.submit(org)
    with floor.ledger.database.transaction(stranger) as session:
        assert session.connection().exec_driver_sql("delete from job where id = %s", (job,)).rowcount == 0
    with pytest.raises(psycopg.errors.CheckViolation):
        floor.ask("update job set stage = 'succeeded' where id = %s", job)
    assert floor.stage(job) == "queued"
