"""Limits that running jobs keep together: never exceeded, shared evenly, first come first served, forgotten with their holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.contract import Want
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.jobs import leases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.jobs.floor import Floor

WORKER = new_id()
NET = Want(key="net:192.0.2.0", per_second=100)


@pytest.fixture(autouse=True)
def empty(floor: Floor) -> Iterator[None]:
    floor.ask("delete from rate_lease")
    yield
    floor.ask("delete from rate_lease")


def lease(floor: Floor, holder: UUID, *wants: Want) -> dict[str, float] | None:
    return leases.lease(floor.ledger, holder, wants or (NET,), worker=WORKER)


def having(*members: int) -> Want:
    return Want(key="net:192.0.2.0", per_second=None, members=frozenset(members))


def test_who_is_alone_gets_all(floor: Floor) -> None:
    assert lease(floor, new_id()) == {"net:192.0.2.0": 100}


def test_a_newcomer_gets_what_is_left_until_the_others_renew(floor: Floor) -> None:
    first, second = new_id(), new_id()
    lease(floor, first)
    assert lease(floor, second) == {"net:192.0.2.0": 0}
    assert lease(floor, first) == {"net:192.0.2.0": 50}
    assert lease(floor, second) == {"net:192.0.2.0": 50}


def test_what_is_granted_never_adds_up_to_more_than_the_limit(floor: Floor) -> None:
    holders = [new_id() for _ in range(7)]
    for _ in range(5):
        for holder in holders:
            lease(floor, holder)
            assert floor.one("select sum(per_second) from rate_lease") <= 100 + 1e-6
    assert floor.one("select min(per_second) from rate_lease") == pytest.approx(100 / 7)


def test_many_at_once_are_granted_no_more_than_the_limit(floor: Floor) -> None:
    granted = floor.together(*(lambda holder=holder: lease(floor, holder) for holder in [new_id() for _ in range(6)]))
    assert sum(shares["net:192.0.2.0"] for shares in granted) <= 100 + 1e-6


def test_a_share_ends_with_its_holder_or_when_it_gives_it_back(floor: Floor) -> None:
    lost, tidy, last = new_id(), new_id(), new_id()
    lease(floor, lost)
    floor.pass_time(leases.TTL_S + 1)
    assert lease(floor, tidy) == {"net:192.0.2.0": 100}
    leases.release(floor.ledger, tidy)
    assert lease(floor, last) == {"net:192.0.2.0": 100}


def test_a_member_belongs_to_one_job_at_a_time(floor: Floor) -> None:
    first, second = new_id(), new_id()
    assert lease(floor, first, having(1, 2)) is not None
    assert lease(floor, second, having(2, 3)) is None
    assert lease(floor, new_id(), having(7, 255)) is not None
    assert lease(floor, first, having(1, 2)) is not None
    leases.release(floor.ledger, first)
    assert lease(floor, second, having(2, 3)) is not None


def test_nobody_overtakes_who_stands_in_line(floor: Floor) -> None:
    first, wide, late = new_id(), new_id(), new_id()
    lease(floor, first, having(1))
    assert lease(floor, wide, having(1, 2)) is None
    assert lease(floor, late, having(2)) is None
    leases.release(floor.ledger, first)
    assert lease(floor, late, having(2)) is None
    assert lease(floor, wide, having(1, 2)) is not None


def test_who_gave_up_standing_in_line_holds_up_nobody(floor: Floor) -> None:
    first, gone, late = new_id(), new_id(), new_id()
    lease(floor, first, having(1))
    assert lease(floor, gone, having(1, 2)) is None
    floor.pass_time(4)
    assert lease(floor, late, having(2)) is not None


def test_waiting_costs_the_others_no_share(floor: Floor) -> None:
    first, waiting = new_id(), new_id()
    both = Want(key="net:192.0.2.0", per_second=100, members=frozenset((1,)))
    lease(floor, first, both)
    assert lease(floor, waiting, both) is None
    assert lease(floor, first, both) == {"net:192.0.2.0": 100}


def test_the_key_worker_stands_for_the_worker_that_runs_the_job(floor: Floor) -> None:
    want = Want(key="worker", per_second=10)
    assert leases.lease(floor.ledger, new_id(), [want], worker=new_id()) == {"worker": 10}
    assert leases.lease(floor.ledger, new_id(), [want], worker=new_id()) == {"worker": 10}


def test_the_table_does_not_tell_what_is_looked_at(floor: Floor) -> None:
    lease(floor, new_id())
    assert b"192" not in bytes(floor.one("select key from rate_lease"))
