"""What may go, goes; what must stay, stays: payloads first, then rows into the archive, then the archive."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.jobs.kinds import Text, echo
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.jobs import rescue
from watchfloor.kernel.jobs.enqueue import submit_many

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor

DAY = 86_400


def ended(floor: Floor) -> UUID:
    session, held = floor.started(floor.org())
    floor.end(session, held, kid="00", blob=b"sealed")
    return held.id


def test_payloads_go_when_their_kind_says(floor: Floor) -> None:
    job = ended(floor)
    floor.pass_time(2 * 3600 - 10)
    assert rescue.forget(floor.ledger)["forget_payloads"] == 0
    floor.pass_time(20)
    assert rescue.forget(floor.ledger)["forget_payloads"] == 1
    assert floor.one("select count(*) from job_payload") == 0
    assert floor.stage(job) == "succeeded"


def test_payload_of_an_unfinished_job_stays(floor: Floor) -> None:
    floor.submit(floor.org())
    floor.started(floor.org())
    floor.pass_time(400 * DAY)
    rescue.forget(floor.ledger)
    assert floor.one("select count(*) from job_payload") == 2
    assert floor.one("select count(*) from job") == 2


def test_ended_jobs_move_to_the_archive_and_are_still_seen(floor: Floor) -> None:
    job = ended(floor)
    shown = (
        "select org, id, kind, queue, stage, state, attempt, fence, created_at, started_at, finished_at, budgets from job_all where id = %s"
    )
    before = floor.ask(shown, job)
    floor.pass_time(7 * DAY - 10)
    rescue.forget(floor.ledger)
    assert floor.one("select count(*) from job_done") == 0
    floor.pass_time(20)
    assert rescue.forget(floor.ledger)["archive"] == 1
    assert floor.one("select count(*) from job") == 0
    assert floor.ask(shown, job) == before
    assert floor.one("select count(*) from job_attempt where job = %s", job) == 1


def test_job_whose_result_is_kept_longer_is_not_archived_before(floor: Floor) -> None:
    job = ended(floor)
    floor.ask("update job set keep_s = %s where id = %s", 30.0 * DAY, job)
    floor.pass_time(29 * DAY)
    rescue.forget(floor.ledger)
    assert floor.one("select count(*) from job_payload where job = %s", job) == 2
    assert floor.stage(job) == "succeeded"
    floor.pass_time(2 * DAY)
    rescue.forget(floor.ledger)
    assert floor.one("select count(*) from job_payload where job = %s", job) == 0
    assert floor.one("select count(*) from job_done where id = %s", job) == 1


def test_archive_ends_with_all_that_hangs_on_it(floor: Floor) -> None:
    session, held = floor.started(floor.org())
    context = floor.context(session, held)
    with context.effect("mail"):
        context.progress(1, 1)
    floor.end(session, held)
    floor.pass_time(8 * DAY)
    rescue.forget(floor.ledger)
    floor.pass_time(393 * DAY)
    rescue.forget(floor.ledger)
    for table in ("job", "job_done", "job_attempt", "job_payload", "job_progress", "job_effect"):
        assert floor.one(f"select count(*) from {table}") == 0, table


def test_backlog_of_thousands_goes_a_thousand_at_a_time(floor: Floor) -> None:
    submit_many(floor.ledger, floor.org(), echo, [Text()] * 2500)
    floor.ask("update job set stage = 'cancelled', finished_at = wf_now() where stage = 'queued'")
    floor.pass_time(8 * DAY)
    visits = [rescue.forget(floor.ledger) for _ in range(3)]
    for name in ("forget_payloads", "archive"):
        assert sum(gone[name] for gone in visits) == 2500
    assert floor.one("select count(*) from job_done") == 2500


def test_small_things_go_in_their_time(floor: Floor) -> None:
    org = floor.org()
    floor.ask("insert into idempotency (org, actor, key, request_sha, status, response) values (%s, 'a', 'k', '', 202, '')", org)
    floor.ask("insert into schedule_tick (org, schedule, tick_at) values (%s, %s, now())", org, new_id())
    floor.ask("insert into job_event (org, job, type) values (%s, %s, 'swept')", org, new_id())
    counts = "select (select count(*) from idempotency), (select count(*) from schedule_tick), (select count(*) from job_event)"
    for days, left in ((0.9, (1, 1, 1)), (1.1, (0, 1, 1)), (89.9, (0, 1, 1)), (90.1, (0, 1, 0)), (400.1, (0, 0, 0))):
        floor.ask("update wf_clock set shift = %s", timedelta(days=days))
        rescue.forget_rest(floor.ledger)
        assert floor.ask(counts) == [left], f"after {days} days"
