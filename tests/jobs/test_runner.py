"""One attempt in a worker's child: what the handler says becomes what the ledger records, and nothing of a stale one does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.kinds import Asked, Text, echo, ends, short
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.jobs import schedules
from watchfloor.kernel.jobs.board import Board, Word
from watchfloor.kernel.jobs.facade import read_job
from watchfloor.kernel.jobs.runner import ERROR_BYTES, RESULT_BYTES, Runner, scrub

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor, Ticket

KINDS = {kind.name: kind for kind in (echo, ends, short)}


class Worker:
    """A worker's child in this process."""

    def __init__(self, floor: Floor) -> None:
        self.floor, self.board = floor, Board()
        self.board.session = floor.session()
        self.runner = Runner(floor.ledger, KINDS, self.board)

    def run(self, org: UUID, how: str, text: str = "") -> UUID:
        job = self.floor.submit(org, ends, Asked(how=how, text=text))
        self.ring(ends.name, *self.floor.dispatch())
        return job

    def ring(self, kind: str, *tickets: Ticket) -> None:
        self.runner.on_ticket(kind, tickets, "default")


@pytest.fixture
def worker(floor: Floor) -> Worker:
    return Worker(floor)


def found(floor: Floor, org: UUID, job: UUID) -> dict[str, Any]:
    seen = read_job(floor.ledger, org, job)
    assert seen is not None
    return seen


def test_result_is_sealed_and_readable(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = worker.run(org, "well", "fine")
    assert found(floor, org, job) | {"date_done": None} == {
        "state": "SUCCESS", "name": "tests.ends", "worker": None, "date_done": None, "retries": 0, "result": {"text": "fine"}, "info": None,
        "reason": "succeeded", "error": "", "traceback": None,
    }  # fmt: skip
    assert b"fine" not in bytes(floor.one("select blob from job_payload where part = 'result'"))


def test_handler_without_result_succeeds(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = worker.run(org, "nothing")
    assert found(floor, org, job)["state"] == "SUCCESS"
    assert floor.ask("select part from job_payload") == [("args",)]


def test_retry_waits_as_long_as_it_asked(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = worker.run(org, "retry")
    assert floor.job(job, "stage", "state", "failures", "reason") == ("scheduled", "RETRY", 1, "rate limited")
    assert 85 < floor.job(job, "extract(epoch from run_at - wf_now())::float8") <= 90
    assert found(floor, org, job)["info"]["reason"] == "rate limited"


def test_retry_without_delay_backs_off_by_the_kind(floor: Floor, worker: Worker) -> None:
    job = worker.run(floor.org(), "retry_alone")
    assert -1 < floor.job(job, "extract(epoch from run_at - wf_now())::float8") <= 8


def test_give_up_fails_at_once(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = worker.run(org, "give_up")
    assert floor.job(job, "stage", "failures", "reason") == ("failed", 1, "no such host")
    assert found(floor, org, job)["error"] == "GiveUp: no such host"


@pytest.mark.parametrize(
    ("how", "stage", "reason"),
    [("cancelled", "cancelled", "cancelled"), ("soft_limit", "scheduled", "soft_time_limit"), ("bug", "scheduled", "ZeroDivisionError")],
)
def test_what_a_handler_raises_decides(floor: Floor, worker: Worker, how: str, stage: str, reason: str) -> None:
    job = worker.run(floor.org(), how)
    assert floor.job(job, "stage", "reason") == (stage, reason)


def test_bug_has_a_fingerprint_of_its_place_and_a_sealed_scrubbed_error(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    jobs = [worker.run(org, "bug", text) for text in ("password=hunter2", "https://user:hunter2@host/ token: hunter2")]
    prints = {floor.job(job, "error_fp") for job in jobs}
    assert len(prints) == 1
    assert None not in prints
    for job in jobs:
        seen = found(floor, org, job)
        assert "hunter2" not in str(seen)
        assert "***" in seen["error"]
        assert "ZeroDivisionError" in seen["traceback"]
    assert floor.one("select count(*) from job where job::text like '%%hunter2%%'") == 0
    assert all(b"Zero" not in bytes(row[0]) for row in floor.ask("select blob from job_payload where part = 'error'"))


def test_error_of_another_place_has_another_fingerprint(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    assert floor.job(worker.run(org, "bug"), "error_fp") != floor.job(worker.run(org, "give_up"), "error_fp")


def test_shape_error_in_a_handler_is_a_bug_not_a_wrong_request(floor: Floor, worker: Worker) -> None:
    job = worker.run(floor.org(), "foreign_shape")
    assert floor.job(job, "stage", "reason") == ("scheduled", "ValidationError")


def test_arguments_that_fit_no_more_fail_for_good(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = floor.submit(org, ends, Text(text="x"))  # as if the kind had changed since
    floor.ask(
        "update job_payload set blob = %s, kid = %s where job = %s",
        *reversed(floor.ledger.vault.seal(org, f"job_payload|args|{job}", b'{"gone":1}')),
        job,
    )
    worker.ring(ends.name, *floor.dispatch())
    assert floor.job(job, "stage", "reason") == ("failed", "invalid_arguments")


def test_changed_arguments_fail_for_good(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    first, second = floor.submit(org, ends, Asked()), floor.submit(org, ends, Asked(how="bug"))
    floor.ask("update job_payload a set blob = b.blob from job_payload b where a.job = %s and b.job = %s", first, second)
    floor.cancel(org, second)
    worker.ring(ends.name, *floor.dispatch())
    assert floor.job(first, "stage", "reason") == ("failed", "arguments_forged")


def test_job_without_arguments_row_fails_for_good(floor: Floor, worker: Worker) -> None:
    job = floor.submit(floor.org(), ends, Asked())
    floor.ask("delete from job_payload")
    worker.ring(ends.name, *floor.dispatch())
    assert floor.stage(job) == "failed"
    assert "arguments are gone" in floor.job(job, "reason")


def test_ticket_of_another_kind_runs_nothing(floor: Floor, worker: Worker) -> None:
    job = floor.submit(floor.org(), ends, Asked(how="write"))
    worker.ring(echo.name, *floor.dispatch())
    assert floor.stage(job) == "failed"
    assert floor.one("select count(*) from job_event where type = 'written'") == 0


def test_result_too_large_is_an_error_that_says_what_to_do(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = floor.submit(org, ends, Asked(text="é" * 20_000))
    worker.ring(ends.name, *floor.dispatch())
    assert floor.stage(job) == "succeeded"  # 64 KiB in cannot exceed 256 KiB out; so a kind that multiplies:
    big = floor.submit(org, echo, Text(text="x"))
    many = {echo.name: echo.__class__(**{**echo.__dict__, "handler": lambda _context, _request: Text(text="x" * RESULT_BYTES)})}
    Runner(floor.ledger, many, worker.board).on_ticket(echo.name, floor.dispatch(), "default")
    assert floor.stage(big) == "failed"
    assert "artifact" in floor.job(big, "reason")


@pytest.mark.parametrize("text", ["nul \0 byte", "lone \ud800 surrogate", "x" * 100_000, "\x1b[31mred"])
def test_hostile_error_text_is_recorded(floor: Floor, worker: Worker, text: str) -> None:
    org = floor.org()
    how = Asked.model_construct(how="give_up", text="")
    job = floor.submit(org, ends, how)
    rude = {ends.name: ends.__class__(**{**ends.__dict__, "handler": lambda _context, _request: raise_bug(text)})}
    Runner(floor.ledger, rude, worker.board).on_ticket(ends.name, floor.dispatch(), "default")
    assert floor.stage(job) == "failed"
    assert len(floor.job(job, "reason")) <= 500
    assert len(found(floor, org, job)["traceback"]) <= ERROR_BYTES


def raise_bug(text: str) -> None:
    raise GiveUp(text)


def test_last_progress_is_written_before_the_end(floor: Floor, worker: Worker) -> None:
    worker.run(floor.org(), "progress")
    assert floor.ask("select done, total from job_progress") == [(2, 2)]


def test_handlers_write_commits_under_the_fence(floor: Floor, worker: Worker) -> None:
    worker.run(floor.org(), "write")
    assert floor.one("select count(*) from job_event where type = 'written'") == 1


def test_fenced_attempt_writes_nothing(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = floor.submit(org, ends, Asked(how="write"))

    def lose_then_write(context: Any, request: Asked) -> Any:
        floor.engine("lose_session", session=worker.board.session)
        floor.reap()
        return ends.handler(context, request)

    late = {ends.name: ends.__class__(**{**ends.__dict__, "handler": lose_then_write})}
    Runner(floor.ledger, late, worker.board).on_ticket(ends.name, floor.dispatch(), "default")
    assert floor.job(job, "stage", "crash_count", "failures") == ("scheduled", 1, 0)
    assert floor.ask("select type, data from job_event") == [("stale_refused", {"attempt": 1})]
    assert floor.ask("select part from job_payload") == [("args",)]


def test_late_end_of_a_reaped_attempt_is_refused_and_noted(floor: Floor, worker: Worker) -> None:
    job = floor.submit(floor.org(), ends, Asked())

    def lose(_context: Any, _request: Asked) -> None:
        floor.engine("lose_session", session=worker.board.session)
        floor.reap()

    late = {ends.name: ends.__class__(**{**ends.__dict__, "handler": lose})}
    Runner(floor.ledger, late, worker.board).on_ticket(ends.name, floor.dispatch(), "default")
    assert floor.stage(job) == "scheduled"
    assert floor.ask("select type from job_event") == [("stale_refused",)]
    assert floor.ask("select outcome from job_attempt") == [("lost",)]


def test_word_left_before_the_handler_begins_is_obeyed(floor: Floor, worker: Worker) -> None:
    job = floor.submit(floor.org(), ends, Asked(how="write"))
    worker.board.tell(job, 1, Word.CANCEL)
    worker.ring(ends.name, *floor.dispatch())
    assert floor.stage(job) == "cancelled"
    assert floor.one("select count(*) from job_event where type = 'written'") == 0


def test_bundle_runs_each_of_its_jobs(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    jobs = [floor.submit(org, short, Text(text=str(n))) for n in range(20)]
    worker.ring(short.name, *floor.dispatch())
    assert [found(floor, org, job)["result"] for job in jobs] == [{"text": str(n)} for n in range(20)]


def test_bundle_of_a_stopping_worker_goes_back_in_line(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    jobs = [floor.submit(org, short) for _ in range(3)]

    def stop(_context: Any, _request: Text) -> None:
        worker.board.stopping = True

    stopping = {short.name: short.__class__(**{**short.__dict__, "handler": stop})}
    Runner(floor.ledger, stopping, worker.board).on_ticket(short.name, floor.dispatch(), "default")
    assert [floor.stage(job) for job in jobs] == ["succeeded", "queued", "queued"]
    assert floor.ask("select distinct failures, crash_count from job") == [(0, 0)]


def test_duplicate_ticket_runs_nothing(floor: Floor, worker: Worker) -> None:
    floor.submit(floor.org(), ends, Asked(how="write"))
    tickets = floor.dispatch()
    for _ in range(10):
        worker.ring(ends.name, *tickets)
    assert floor.one("select count(*) from job_event where type = 'written'") == 1


def test_ticket_for_an_unknown_job_runs_nothing(floor: Floor, worker: Worker) -> None:
    worker.ring(ends.name, (new_id(), 1))
    assert floor.one("select count(*) from job_attempt") == 0


def test_scheduled_job_opens_what_was_sealed_for_its_schedule(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    with floor.ledger.database.transaction(org) as session:
        schedules.create(floor.ledger, session, org, name="s", kind=ends, request=Asked(text="planned"), every=timedelta(hours=1))
    floor.pass_time(3601)
    schedules.tick(floor.ledger)
    floor.engine("promote")
    worker.ring(ends.name, *floor.dispatch())
    assert found(floor, org, floor.one("select id from job"))["result"] == {"text": "planned"}


def test_success_after_a_failure_shows_no_error(floor: Floor, worker: Worker) -> None:
    org = floor.org()
    job = worker.run(org, "bug", "first")
    assert found(floor, org, job)["traceback"]
    kid, blob = floor.ledger.vault.seal(org, f"job_payload|args|{job}", b"{}")
    floor.ask("update job_payload set kid = %s, blob = %s where part = 'args'", kid, blob)
    floor.pass_time(60)
    floor.engine("promote")
    worker.ring(ends.name, *floor.dispatch())
    assert (found(floor, org, job)["state"], found(floor, org, job)["traceback"]) == ("SUCCESS", None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("password=abc", "password=***"), ("API_KEY: abc next", "API_KEY: *** next"), ("Authorization: Bearer", "Authorization: ***"),
        ("postgresql://me:abc@db/x", "postgresql://me:***@db/x"), ("nothing to hide", "nothing to hide"), ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)  # fmt: skip
def test_scrub_hides_what_looks_secret(text: str, kept: str) -> None:
    assert scrub(text) == kept
