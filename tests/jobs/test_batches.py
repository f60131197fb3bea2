"""Fan out: counters that are exact, one callback once, and a repeated parent that adds nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.jobs.kinds import Text, echo, short
from watchfloor.kernel.errors import Fenced, InvalidInput
from watchfloor.kernel.jobs.batches import CHILDREN, counters
from watchfloor.kernel.jobs.claim import End, finish
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor
    from watchfloor.kernel.jobs.claim import Claim


def fan_out(floor: Floor, session: UUID, parent: Claim, count: int, *, callback: bool = True) -> tuple[UUID, list[UUID], UUID | None]:
    context = floor.context(session, parent)
    batch = context.fan_out(
        "all", [(echo, Text(text=str(n))) for n in range(count)], callback=(short, Text(text="done")) if callback else None
    )
    children = [row[0] for row in floor.ask("select id from job where batch = %s order by id", batch)]
    return batch, children, floor.one("select callback from job_batch where id = %s", batch)


def read(floor: Floor, org: UUID, batch: UUID) -> dict[str, int]:
    with floor.ledger.database.transaction(org) as session:
        return counters(session, org, batch)


def test_callback_waits_for_the_last_child_and_comes_once(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org, actor="anna")
    batch, children, callback = fan_out(floor, session, parent, 3)
    assert callback is not None
    assert floor.job(callback, "stage", "waits_for", "parent", "actor") == ("blocked", f"batch:{batch}", parent.id, "anna")
    for left, child in zip((2, 1, 0), children, strict=True):
        assert floor.stage(callback) == "blocked"
        floor.end(session, floor.again(session, child) if left == 2 else claim_now(floor, session, child))
        assert read(floor, org, batch)["open"] == left
    assert floor.stage(callback) == "queued"
    floor.end(session, claim_now(floor, session, callback))
    assert floor.stage(callback) == "succeeded"
    assert floor.one("select count(*) from job_attempt where job = %s", callback) == 1


def claim_now(floor: Floor, session: UUID, job: UUID) -> Claim:
    """Claim a job whose ticket is under way or due."""
    if floor.stage(job) == "queued":
        floor.dispatch()
    (held,) = floor.claim(session, (job, floor.job(job, "seq")))
    return held


def test_each_ending_is_counted_as_what_it_is(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch, children, callback = fan_out(floor, session, parent, 5)
    floor.cancel(org, children[0])
    floor.ask("update job set expires_at = wf_now() - interval '1 s' where id = %s", children[1])
    floor.engine("expire")
    floor.end(session, claim_now(floor, session, children[2]), Outcome.FAILED)
    floor.end(session, claim_now(floor, session, children[3]))
    assert read(floor, org, batch) == {"total": 5, "open": 1, "failed": 2, "cancelled": 1}
    held = claim_now(floor, session, children[4])
    assert floor.end(session, held, Outcome.RETRY) == "scheduled"
    assert read(floor, org, batch)["open"] == 1
    floor.pass_time(1)
    floor.end(session, floor.again(session, children[4]))
    assert read(floor, org, batch) == {"total": 5, "open": 0, "failed": 2, "cancelled": 1}
    assert callback is not None
    assert floor.stage(callback) == "queued"


def test_repeated_parent_adds_nothing(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    first = fan_out(floor, session, parent, 3)
    floor.end(session, parent, Outcome.RETRY)
    floor.pass_time(1)
    floor.engine("promote")
    again = claim_now(floor, session, parent.id)
    assert fan_out(floor, session, again, 3) == first
    assert floor.one("select count(*) from job") == 5
    assert read(floor, org, first[0])["total"] == 3


def test_fan_out_of_nothing_runs_its_callback_at_once(floor: Floor) -> None:
    session, parent = floor.started(floor.org())
    batch, children, callback = fan_out(floor, session, parent, 0)
    assert (children, floor.job(callback or batch, "stage")) == ([], "queued")


def test_batch_without_callback_only_counts(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch, children, callback = fan_out(floor, session, parent, 1, callback=False)
    assert callback is None
    floor.end(session, claim_now(floor, session, children[0]))
    assert read(floor, org, batch)["open"] == 0


def test_children_of_several_kinds_belong_to_one_batch(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch = floor.context(session, parent).fan_out("mixed", [(echo, Text()), (short, Text()), (echo, Text())])
    assert floor.ask("select kind, count(*)::int from job where batch = %s group by kind order by kind", batch) == [
        ("tests.echo", 2), ("tests.short", 1),
    ]  # fmt: skip
    assert read(floor, org, batch)["total"] == 3


def test_fenced_parent_fans_nothing_out(floor: Floor) -> None:
    session, parent = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    floor.reap()
    with pytest.raises(Fenced):
        fan_out(floor, session, parent, 3)
    assert floor.one("select count(*) from job") == 1
    assert floor.one("select count(*) from job_batch") == 0


def test_too_many_children_are_refused(floor: Floor) -> None:
    session, parent = floor.started(floor.org())
    with pytest.raises(InvalidInput, match="10000"):
        floor.context(session, parent).fan_out("all", [(echo, Text())] * (CHILDREN + 1))
    assert floor.one("select count(*) from job_batch") == 0


def test_children_that_end_at_once_release_the_callback_once(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch, children, callback = fan_out(floor, session, parent, 24)
    floor.dispatch()
    claims = [claim_now(floor, session, child) for child in children]

    def end(some: list[Claim]) -> None:
        for held in some:
            finish(floor.ledger, session, [(held, End(outcome=Outcome.SUCCEEDED))])

    floor.together(*(partial(end, claims[n::4]) for n in range(4)))
    assert read(floor, org, batch) == {"total": 24, "open": 0, "failed": 0, "cancelled": 0}
    assert callback is not None
    assert floor.stage(callback) == "queued"


def test_bundle_of_children_counts_each(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch, children, callback = fan_out(floor, session, parent, 4)
    claims = [claim_now(floor, session, child) for child in children]
    finish(floor.ledger, session, [(held, End(outcome=Outcome.SUCCEEDED)) for held in claims])
    assert read(floor, org, batch)["open"] == 0
    assert callback is not None
    assert floor.stage(callback) == "queued"


def test_cancelled_batch_ends_its_callback_state_too(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch, children, callback = fan_out(floor, session, parent, 3)
    floor.cancel(org, batch=batch)
    assert [floor.stage(child) for child in children] == ["cancelled"] * 3
    assert callback is not None
    assert floor.stage(callback) == "queued"  # the callback always runs and reads the counters
    assert read(floor, org, batch) == {"total": 3, "open": 0, "failed": 0, "cancelled": 3}


def test_cancelled_callback_stays_cancelled(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    _batch, children, callback = fan_out(floor, session, parent, 1)
    assert callback is not None
    floor.cancel(org, callback, *children)
    assert floor.stage(callback) == "cancelled"
