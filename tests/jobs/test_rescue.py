"""What keeps the promise when something died: reap, sweep, promote, expire, and what the warden's beat says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.kinds import Text, echo
from watchfloor.kernel.jobs import rescue
from watchfloor.kernel.jobs.claim import held_child
from watchfloor.kernel.jobs.dispatch import TICKET_S
from watchfloor.kernel.jobs.enqueue import Options, submit_many
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor


def beat(floor: Floor, session: UUID) -> tuple[bool, dict[UUID, bool]]:
    rows = floor.engine("beat", session=session, ttl_s=15.0, stopping=False)
    return bool(rows[0][0]), {row[2]: row[5] for row in rows if row[2] is not None}


def test_timers_fit_each_other() -> None:
    assert rescue.BEAT_S * 3 < rescue.SELF_FENCE_S < rescue.SESSION_TTL_S < rescue.SESSION_TTL_S + rescue.GRACE_S < rescue.SWEEP_AGE_S
    assert TICKET_S > 600  # the longest sweep age


def test_silent_session_is_lost_after_ttl_and_grace(floor: Floor) -> None:
    session = floor.session(ttl_s=rescue.SESSION_TTL_S)
    floor.pass_time(rescue.SESSION_TTL_S + rescue.GRACE_S - 0.5)
    assert rescue.lose_sessions(floor.ledger) == []
    floor.pass_time(1)
    assert rescue.lose_sessions(floor.ledger) == [str(session)]
    assert rescue.lose_sessions(floor.ledger) == []


def test_expired_session_may_renew_until_it_is_lost(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.pass_time(3601)
    assert beat(floor, session) == (True, {held.id: False})
    floor.engine("lose_session", session=session)
    assert beat(floor, session)[0] is False


def test_beat_names_the_running_and_the_cancelled(floor: Floor) -> None:
    org = floor.org()
    session, first = floor.started(org)
    _, second = floor.started(org, session=session)
    floor.started(org)  # another session's
    floor.cancel(org, second.id)
    assert beat(floor, session) == (True, {first.id: False, second.id: True})


def test_crash_costs_a_crash_and_never_a_failure(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    assert floor.reap() == {held.id: "scheduled"}
    assert floor.job(held.id, "state", "failures", "crash_count", "fence", "owner", "reason") == ("RETRY", 0, 1, 2, None, "lost")
    assert floor.ask("select attempt, session, outcome from job_attempt") == [(1, session, "lost")]
    assert floor.ask("select outcome from audit_entry where operation = 'job.end'") == [("scheduled",)]
    assert floor.reap() == {}


def test_first_crash_is_repeated_at_once_later_ones_wait(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    floor.reap()
    other = floor.session()
    held = floor.again(other, held.id)
    assert held.crash_count == 1
    floor.engine("lose_session", session=other)
    floor.reap()
    floor.engine("promote")
    assert floor.stage(held.id) == "scheduled"
    floor.pass_time(1.1)
    floor.engine("promote")
    assert floor.stage(held.id) == "queued"


def test_jobs_of_a_session_that_is_gone_are_reaped(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.ask("delete from worker_session where id = %s", session)
    assert floor.reap() == {held.id: "scheduled"}


def test_living_sessions_jobs_are_left_alone(floor: Floor) -> None:
    _session, held = floor.started(floor.org())
    floor.pass_time(7200)
    assert floor.reap() == {}
    assert floor.stage(held.id) == "running"


def test_dead_child_of_my_session_is_reaped_alone(floor: Floor) -> None:
    org = floor.org()
    session, mine = floor.started(org)
    _, sibling = floor.started(org, session=session)
    floor.ask("update job set child = '7:7' where id = %s", sibling.id)
    _, foreign = floor.started(org)
    assert floor.reap(session, [held_child()]) == {mine.id: "scheduled"}
    assert floor.stage(sibling.id) == floor.stage(foreign.id) == "running"


def test_third_crash_quarantines(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    for crash in range(1, 4):
        floor.engine("lose_session", session=session)
        assert rescue.reap(floor.ledger) == 1
        assert floor.stage(held.id) == ("quarantined" if crash == 3 else "scheduled")
        if crash < 3:
            floor.pass_time(10)
            session = floor.session()
            held = floor.again(session, held.id)
    assert floor.job(held.id, "state", "crash_count", "failures") == ("FAILURE", 3, 0)
    assert floor.ask("select type, data from job_event") == [("quarantined", {"crashes": 3})]


def test_cancel_outlives_a_crash(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    floor.cancel(org, held.id)
    floor.engine("lose_session", session=session)
    assert floor.reap() == {held.id: "cancelled"}


def test_unheard_ticket_is_rung_again_later_each_time(floor: Floor) -> None:
    job = floor.submit(floor.org())
    for redispatches, age in enumerate((30, 60, 120)):
        floor.dispatch()
        floor.pass_time(age - 1)
        assert rescue.sweep(floor.ledger) == 0
        floor.pass_time(2)
        assert rescue.sweep(floor.ledger) == 1
        assert floor.job(job, "stage", "redispatches", "failures", "crash_count") == ("queued", redispatches + 1, 0, 0)
    assert floor.ask("select type, data from job_event order by n") == [("swept", {"redispatches": n}) for n in (1, 2, 3)]


def test_sweep_waits_ten_minutes_at_most(floor: Floor) -> None:
    job = floor.submit(floor.org())
    floor.ask("update job set redispatches = 1000 where id = %s", job)
    floor.dispatch()
    floor.pass_time(601)
    assert rescue.sweep(floor.ledger) == 1


def test_new_broker_has_every_ticket_rung_again_at_once(floor: Floor) -> None:
    org = floor.org()
    floor.submit(org)
    floor.submit(org, echo, queue="reports")
    floor.dispatch()
    floor.dispatch(queue="reports")
    floor.pass_time(0.1)
    assert rescue.ring_again(floor.ledger, ["reports"]) == 1
    assert rescue.ring_again(floor.ledger) == 1


def test_claim_forgets_lost_tickets(floor: Floor) -> None:
    job = floor.submit(floor.org())
    floor.dispatch()
    floor.pass_time(31)
    rescue.sweep(floor.ledger)
    floor.again(floor.session(), job)
    assert floor.job(job, "redispatches") == 0


@pytest.mark.parametrize("stage", ["queued", "scheduled", "dispatched", "blocked"])
def test_waiting_job_expires(floor: Floor, stage: str) -> None:
    org = floor.org()
    waits: dict[str, Any] = {"scheduled": {"delay": timedelta(hours=1)}, "blocked": {"waits_for": "approval"}}.get(stage, {})  # type: ignore[assignment] # of two shapes
    job = floor.submit(org, expires_at=datetime.now(UTC) + timedelta(seconds=60), **waits)
    if stage == "dispatched":
        floor.dispatch()
    assert floor.stage(job) == stage
    floor.pass_time(61)
    assert rescue.expire(floor.ledger) == 1
    assert floor.job(job, "stage", "state", "reason") == ("expired", "REVOKED", "expired")
    assert floor.ask("select outcome from audit_entry where operation = 'job.end'") == [("expired",)]


def test_running_job_does_not_expire(floor: Floor) -> None:
    session, held = floor.started(floor.org(), expires_at=datetime.now(UTC) + timedelta(seconds=60))
    floor.pass_time(61)
    assert rescue.expire(floor.ledger) == 0
    assert floor.end(session, held) == "succeeded"


def test_promote_rings_nothing_before_its_time(floor: Floor) -> None:
    floor.submit(floor.org(), delay=timedelta(seconds=10))
    assert rescue.promote(floor.ledger) == 0
    floor.pass_time(11)
    assert rescue.promote(floor.ledger) == 1
    assert rescue.promote(floor.ledger) == 0


def test_second_reaper_steps_aside(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    with floor.owner.transaction():
        floor.ask("select 1 from job where id = %s for update", held.id)
        assert floor.reap() == {}
    assert floor.reap() == {held.id: "scheduled"}


def test_session_is_forgotten_only_when_nothing_names_it(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    floor.engine("lose_session", session=session)
    floor.pass_time(90_000)
    floor.engine("forget_sessions")
    assert floor.one("select count(*) from worker_session where id = %s", session) == 1
    floor.reap()
    floor.engine("forget_sessions")
    assert floor.one("select count(*) from worker_session where id = %s", session) == 0
    assert floor.stage(held.id) == "scheduled"


def test_flood_of_rejections_is_counted_and_audited_once_a_minute(floor: Floor) -> None:
    for _ in range(50):
        floor.engine("rejection", reason="signature", n=3, detail="somewhere")
    assert floor.one("select sum(n)::int from ticket_rejection where reason = 'signature'") == 150
    assert floor.one("select count(*) from audit_entry where operation = 'ticket.reject'") <= 2


def test_failed_parent_takes_its_unsealed_children_along(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch = floor.engine("open_batch", org=org, id=parent.id, parent=parent.id, name="b", on_failure="continue", callback=None)[0][0]
    children = [floor.submit(org, batch=batch) for _ in range(3)]
    assert rescue.seal_orphans(floor.ledger) == 0
    floor.end(session, parent, Outcome.FAILED)
    assert rescue.seal_orphans(floor.ledger) == 1
    assert [floor.stage(child) for child in children] == ["cancelled"] * 3
    assert floor.ask("select sealed, open, cancelled from job_batch") == [(True, 0, 3)]
    assert rescue.seal_orphans(floor.ledger) == 0


def test_failed_parent_takes_all_of_very_many_children_along(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch = floor.engine("open_batch", org=org, id=parent.id, parent=parent.id, name="b", on_failure="continue", callback=None)[0][0]
    submit_many(floor.ledger, org, echo, [Text()] * 1200, Options(batch=batch))
    floor.end(session, parent, Outcome.FAILED)
    rescue.seal_orphans(floor.ledger)
    assert floor.one("select count(*) from job where batch = %s and stage = 'cancelled'", batch) == 1200
    assert floor.one("select open from job_batch") == 0


def test_succeeded_parent_leaves_its_unsealed_children_running(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch = floor.engine("open_batch", org=org, id=parent.id, parent=parent.id, name="b", on_failure="continue", callback=None)[0][0]
    child = floor.submit(org, batch=batch)
    floor.end(session, parent)
    assert rescue.seal_orphans(floor.ledger) == 1
    assert floor.stage(child) == "queued"
