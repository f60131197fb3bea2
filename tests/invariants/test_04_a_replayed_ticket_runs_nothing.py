"""Promise 04, the ledger's half: a ticket that was used, swept, undone, moved or invented claims nothing. tests/broker has the forged ones."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.jobs.conftest import floor, ledger_floor
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.jobs import rescue
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from tests.jobs.floor import Floor

__all__ = ["floor", "ledger_floor"]


def test_each_ticket_ten_times_and_shuffled_is_each_job_once(floor: Floor) -> None:
    org = floor.org()
    jobs = {floor.submit(org) for _ in range(20)}
    session = floor.session()
    tickets = floor.dispatch() * 10
    Random(4).shuffle(tickets)  # noqa: S311 - an order, not a secret
    claims = [held for ticket in tickets for held in floor.claim(session, ticket)]
    assert sorted(held.id for held in claims) == sorted(jobs)
    assert floor.ask("select distinct attempt from job") == [(1,)]


def test_used_ticket_never_fits_again(floor: Floor) -> None:
    job = floor.submit(floor.org())
    session, used = floor.session(), []
    for outcome in (Outcome.HANDED_BACK, Outcome.RETRY, Outcome.HANDED_BACK, Outcome.SUCCEEDED):
        floor.engine("promote")
        (ticket,) = floor.dispatch()
        (held,) = floor.claim(session, ticket)
        used.append(ticket)
        floor.end(session, held, outcome)
        assert [floor.claim(session, old) for old in used] == [[]] * len(used)
    assert len(set(used)) == 4
    assert floor.job(job, "attempt") == 4


def test_undone_or_swept_ticket_never_fits_again(floor: Floor) -> None:
    job = floor.submit(floor.org())
    session = floor.session()
    (undone,) = floor.dispatch()
    floor.engine("undo_dispatch", ids=[job], seqs=[undone[1]])
    (swept,) = floor.dispatch()
    floor.pass_time(31)
    rescue.sweep(floor.ledger)
    assert floor.claim(session, undone, swept) == []
    floor.dispatch()
    assert floor.claim(session, undone, swept) == []


def test_invented_ticket_fits_nothing(floor: Floor) -> None:
    job = floor.submit(floor.org())
    session = floor.session()
    assert floor.claim(session, (job, 0), (job, 1), (new_id(), 1)) == []
    floor.dispatch()
    assert floor.claim(session, (job, 0), (job, 2), (job, 2**31)) == []
    assert floor.claim(session, (job, 1), queue="system") == []
    assert floor.claim(new_id(), (job, 1)) == []
    assert floor.stage(job) == "dispatched"
