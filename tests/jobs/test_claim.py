"""One ticket, one attempt: claims by compare-and-set, and what each outcome makes of the row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.jobs.kinds import echo
from watchfloor.kernel.errors import Fenced
from watchfloor.kernel.jobs.claim import End, back_off, child_name, finish, hand_back_unknown, held_child, owned_transaction, start_ticks
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from tests.jobs.floor import Floor


def test_claim_raises_the_fence_and_names_the_owner(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    assert (held.attempt, held.fence, held.failures, held.crash_count) == (1, 1, 0, 0)
    assert floor.job(held.id, "stage", "state", "owner", "child", "fence") == ("running", "STARTED", session, held_child(), 1)


def test_duplicate_ticket_claims_nothing(floor: Floor) -> None:
    floor.submit(floor.org())
    session = floor.session()
    (ticket,) = floor.dispatch()
    assert len(floor.claim(session, ticket)) == 1
    assert floor.claim(session, ticket) == []
    assert floor.claim(floor.session(), ticket) == []
    assert floor.job(ticket[0], "attempt") == 1


def test_ticket_of_another_sequence_claims_nothing(floor: Floor) -> None:
    job = floor.submit(floor.org())
    session = floor.session()
    ((_, seq),) = floor.dispatch()
    assert floor.claim(session, (job, seq - 1), (job, seq + 1)) == []
    assert floor.stage(job) == "dispatched"


def test_ticket_of_another_queue_claims_nothing(floor: Floor) -> None:
    floor.submit(floor.org())
    session = floor.session()
    (ticket,) = floor.dispatch()
    assert floor.claim(session, ticket, queue="reports") == []


def test_swept_ticket_claims_nothing_and_its_successor_does(floor: Floor) -> None:
    floor.submit(floor.org())
    session = floor.session()
    (old,) = floor.dispatch()
    floor.pass_time(31)
    floor.engine("sweep", age_s=30.0, broker_since=None, queues=None)
    assert floor.claim(session, old) == []
    (new,) = floor.dispatch()
    assert floor.claim(session, old) == []
    assert len(floor.claim(session, new)) == 1


def test_cancelled_job_cannot_be_claimed(floor: Floor) -> None:
    org = floor.org()
    job = floor.submit(org)
    session = floor.session()
    (ticket,) = floor.dispatch()
    floor.cancel(org, job)
    assert floor.claim(session, ticket) == []


def test_expired_job_cannot_be_claimed(floor: Floor) -> None:
    floor.submit(floor.org(), expires_at=datetime.now(UTC) + timedelta(seconds=60))
    session = floor.session()
    (ticket,) = floor.dispatch()
    floor.pass_time(61)
    assert floor.claim(session, ticket) == []


def test_lost_or_unknown_session_cannot_claim(floor: Floor) -> None:
    job = floor.submit(floor.org())
    lost = floor.session()
    (ticket,) = floor.dispatch()
    floor.engine("lose_session", session=lost)
    assert floor.claim(lost, ticket) == []
    assert floor.claim(job, ticket) == []  # any id that is no session's
    assert floor.stage(job) == "dispatched"


def test_mutex_taken_since_dispatch_parks(floor: Floor) -> None:
    org = floor.org()
    first, second = floor.submit(org, mutex="export"), floor.submit(org, mutex="export")
    session = floor.session()
    (ticket,) = floor.dispatch()
    floor.claim(session, ticket)
    floor.ask("update job set stage = 'dispatched', waits_for = null, seq = 1 where id = %s", second)  # a second dispatcher, long ago
    assert floor.claim(session, (second, 1)) == []
    assert floor.job(second, "stage", "attempt") == ("blocked", 0)
    floor.unpark()
    assert floor.stage(second) == "blocked"
    assert floor.stage(first) == "running"


def test_bundle_is_claimed_in_the_tickets_order(floor: Floor) -> None:
    org = floor.org()
    jobs = [floor.submit(org) for _ in range(5)]
    session = floor.session()
    tickets = floor.dispatch()[::-1]
    assert [held.id for held in floor.claim(session, *tickets)] == jobs[::-1]


@pytest.mark.parametrize(
    ("outcome", "stage", "state", "failures"),
    [
        (Outcome.SUCCEEDED, "succeeded", "SUCCESS", 0),
        (Outcome.RETRY, "scheduled", "RETRY", 1),
        (Outcome.FAILED, "failed", "FAILURE", 1),
        (Outcome.CANCELLED, "cancelled", "REVOKED", 0),
        (Outcome.HANDED_BACK, "queued", "PENDING", 0),
    ],
)
def test_outcome_decides_the_stage(floor: Floor, outcome: Outcome, stage: str, state: str, failures: int) -> None:
    session, held = floor.started(floor.org())
    assert floor.end(session, held, outcome, reason="why", fingerprint="fp", in_force=["seccomp"], cpu_ms=1.5) == stage
    assert floor.job(held.id, "stage", "state", "failures", "owner", "child", "fence", "reason", "error_fp") == (
        stage, state, failures, None, None, 2, "why", "fp",
    )  # fmt: skip
    assert (floor.job(held.id, "finished_at") is not None) == (stage not in {"scheduled", "queued"})
    attempt = floor.ask("select attempt, fence, session, child, outcome, reason, error_fp, in_force, cpu_ms from job_attempt")
    assert attempt == [(1, 1, session, held_child(), str(outcome), "why", "fp", ["seccomp"], 1.5)]
    assert floor.ask("select outcome, reason from audit_entry where operation = 'job.end'") == [(stage, "why")]


def test_second_end_is_refused(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    assert floor.end(session, held) == "succeeded"
    assert floor.end(session, held, Outcome.FAILED) is None
    assert floor.stage(held.id) == "succeeded"
    assert floor.one("select count(*) from job_attempt") == 1


def test_end_of_another_session_is_refused(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    assert floor.end(floor.session(), held) is None
    assert floor.end(session, held._replace(fence=held.fence + 1)) is None
    assert floor.end(session, held._replace(org=floor.org())) is None
    assert floor.stage(held.id) == "running"


def test_fenced_end_leaves_no_result(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    floor.reap()
    assert floor.end(session, held, blob=b"late", kid="00") is None
    assert floor.ask("select part from job_payload") == [("args",)]


def test_failures_use_up_the_tries(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    for failures in (1, 2):
        assert floor.end(session, held, Outcome.RETRY, reason="again") == "scheduled"
        held = floor.again(session, held.id)
        assert (held.attempt, held.failures) == (failures + 1, failures)
    assert floor.end(session, held, Outcome.RETRY, reason="again") == "failed"
    assert floor.ask("select outcome from job_attempt order by attempt") == [("retry",), ("retry",), ("failed",)]


def test_hand_back_counts_as_nothing(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    for _ in range(8):
        assert floor.end(session, held, Outcome.HANDED_BACK) == "queued"
        held = floor.again(session, held.id)
    assert (held.attempt, held.failures, held.crash_count) == (9, 0, 0)


def test_retry_comes_after_its_delay_by_the_databases_clock(floor: Floor) -> None:
    session, held = floor.started(floor.org(), priority=9)
    floor.end(session, held, Outcome.RETRY, delay_s=60.0)
    floor.pass_time(59)
    floor.engine("promote")
    assert floor.stage(held.id) == "scheduled"
    floor.pass_time(2)
    floor.engine("promote")
    assert floor.stage(held.id) == "queued"
    assert floor.job(held.id, "rank_at = run_at")


def test_cancel_wins_over_retry_and_hand_back_but_not_over_success(floor: Floor) -> None:
    org = floor.org()
    for outcome, stage in ((Outcome.RETRY, "cancelled"), (Outcome.HANDED_BACK, "cancelled"), (Outcome.SUCCEEDED, "succeeded")):
        session, held = floor.started(org)
        floor.cancel(org, held.id)
        assert floor.stage(held.id) == "running"
        assert floor.end(session, held, outcome) == stage


def test_many_ends_are_one_statement_and_each_is_fenced_alone(floor: Floor) -> None:
    org = floor.org()
    session = floor.session()
    for _ in range(4):
        floor.submit(org)
    claims = floor.claim(session, *floor.dispatch())
    floor.end(session, claims[1])
    ends = finish(floor.ledger, session, [(held, End(outcome=Outcome.SUCCEEDED)) for held in claims])
    assert set(ends) == {held.id for held in claims} - {claims[1].id}


@pytest.mark.parametrize(("failures", "ceiling"), [(0, 5), (1, 10), (3, 40), (30, 3600), (10_000, 3600)])
def test_back_off_spreads_over_the_whole_interval(failures: int, ceiling: float) -> None:
    delays = [back_off(timedelta(seconds=5), timedelta(hours=1), failures) for _ in range(400)]
    assert all(0 <= delay <= ceiling for delay in delays)
    assert min(delays) < ceiling / 4
    assert max(delays) > ceiling * 3 / 4


def test_transaction_of_an_owned_job_commits(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    with owned_transaction(floor.ledger, session, held) as own:
        own.connection().exec_driver_sql("insert into job_event (org, job, type) values (%s, %s, 'noted')", (held.org, held.id))
    assert floor.one("select count(*) from job_event where type = 'noted'") == 1


def test_transaction_of_a_lost_job_is_refused_before_it_begins(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    floor.engine("lose_session", session=session)
    floor.reap()
    entered = False
    with pytest.raises(Fenced, match="no longer owned by attempt 1"), owned_transaction(floor.ledger, session, held):
        entered = True
    assert not entered


def test_reaper_waits_for_a_transaction_that_holds_the_job(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    with owned_transaction(floor.ledger, session, held):
        floor.engine("lose_session", session=session)
        assert floor.reap() == {}
    assert floor.reap() == {held.id: "scheduled"}


def test_lost_answer_hands_back_what_was_claimed(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    hand_back_unknown(floor.ledger, session)
    assert floor.job(held.id, "stage", "failures", "crash_count", "fence") == ("queued", 0, 0, 2)
    assert floor.end(session, held) is None
    assert floor.ask("select outcome, reason from job_attempt") == [("handed_back", "answer_lost")]


def test_cancelled_job_ends_when_its_claims_answer_was_lost(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org)
    floor.cancel(org, held.id)
    hand_back_unknown(floor.ledger, session)
    assert floor.job(held.id, "stage", "finished_at is not null") == ("cancelled", True)
    assert floor.ask("select outcome from job_attempt") == [("cancelled",)]


def test_child_name_tells_a_reused_pid(floor: Floor) -> None:
    pid, ticks = child_name().split(":")[:2]
    assert start_ticks(int(pid)) == int(ticks) > 0
    assert start_ticks(2**22 + 1) == 0
    assert floor


def test_database_refuses_a_running_job_without_owner(floor: Floor) -> None:
    job = floor.submit(floor.org(), echo)
    for change in (
        "stage = 'running'",
        "stage = 'succeeded'",
        "stage = 'blocked'",
        "waits_for = 'x'",
        "finished_at = now()",
        "stage = 'odd'",
    ):
        with pytest.raises(psycopg.errors.IntegrityError):
            floor.ask(f"update job set {change} where id = %s", job)
