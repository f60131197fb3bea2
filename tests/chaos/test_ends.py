"""How jobs end that somebody stops, that take too long, or that kill what runs them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.chaos import kinds
from tests.chaos.floor import gone
from watchfloor.kernel.jobs.cancel import cancel
from watchfloor.kernel.jobs.enqueue import Options, submit, submit_many
from watchfloor.kernel.jobs.selftest import Nothing, Wait, wait_job
from watchfloor.kernel.jobs.selftest import test_job as nothing_job

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from tests.chaos.floor import Floor
    from watchfloor.kernel.contract import JobKind

pytestmark = pytest.mark.slow
LONG = Wait(seconds=600)


def start(floor: Floor, kind: JobKind[Any, Any], request: Wait | Nothing, options: Options | None = None) -> UUID:
    """Enqueue one job."""
    return submit(floor.ledger, floor.org, kind, request, options or Options()).id


def child_of(floor: Floor, job: UUID) -> psutil.Process:
    """Wait until a job runs and return its pool process."""
    floor.wait(lambda: floor.stage(job) == "running", "the job's start")
    return psutil.Process(int(str(floor.one("select child from job where id = %s", job)).partition(":")[0]))


def boxes(floor: Floor) -> list[psutil.Process]:
    """Return what runs under the worker's zygote."""
    worker = psutil.Process(floor.workers()[0].pid)
    living = (child for child in worker.children() if child.status() != psutil.STATUS_ZOMBIE)
    (zygote,) = (child for child in living if "watchfloor.kernel.sandbox" in child.cmdline())
    found: list[psutil.Process] = zygote.children(recursive=True)
    return found


def attempts(floor: Floor, job: UUID) -> list[tuple[str, str]]:
    """Return outcome and reason of each attempt, in order."""
    return [(row[0], row[1]) for row in floor.ask("select outcome, reason from job_attempt where job = %s order by attempt", job)]


def cancelled_in_s(floor: Floor, job: UUID) -> float:
    """Cancel a job, wait for its end, and return the seconds between, on the database's clock."""
    cancel(floor.ledger, floor.org, [job], actor="tester")
    floor.wait(lambda: floor.stage(job) == "cancelled", "the cancelled job's end")
    return float(floor.one("select extract(epoch from finished_at - cancel_at)::float8 from job where id = %s", job))


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(floor: Floor) -> None:
    jobs = [
        start(floor, wait_job, Wait(seconds=0), Options(delay=timedelta(seconds=1))),
        start(floor, wait_job, Wait(seconds=0), Options(delay=timedelta(hours=1))),
    ]
    assert [one.stage for one in cancel(floor.ledger, floor.org, jobs, actor="tester")] == ["cancelled", "cancelled"]
    after = start(floor, wait_job, Wait(seconds=0), Options(delay=timedelta(seconds=1.5)))
    floor.wait(lambda: floor.stage(after) == "succeeded", "a job planned later")
    assert floor.counts(jobs) == {"cancelled": 2}
    assert floor.one("select max(attempt) from job where id = any (%s)", jobs) == 0


def test_a_running_job_is_cancelled_within_two_seconds(floor: Floor) -> None:
    job = start(floor, wait_job, LONG)
    child_of(floor, job)
    assert cancelled_in_s(floor, job) <= 2
    assert attempts(floor, job) == [("cancelled", "cancelled")]


def test_a_cancelled_handler_that_does_not_listen_is_killed_within_two_seconds(floor: Floor) -> None:
    job = start(floor, kinds.stubborn, LONG)
    child = child_of(floor, job)
    assert cancelled_in_s(floor, job) <= 2
    gone([child], 2)
    assert attempts(floor, job) == [("cancelled", "cancelled")]
    assert floor.one("select crash_count from job where id = %s", job) == 0


def test_a_cancelled_box_is_gone_within_two_seconds(floor: Floor) -> None:
    job = start(floor, kinds.box, LONG)
    floor.wait(lambda: floor.ask("select 1 from job_progress where job = %s and phase = 'napping'", job), "the box's first word")
    boxed = boxes(floor)
    assert boxed
    assert cancelled_in_s(floor, job) <= 2
    gone(boxed, 2)


def test_a_killed_worker_takes_its_boxes_along(floor: Floor) -> None:
    job = start(floor, kinds.box, LONG)
    floor.wait(lambda: floor.ask("select 1 from job_progress where job = %s and phase = 'napping'", job), "the box's first word")
    boxed = boxes(floor)
    assert boxed
    floor.workers()[0].kill()
    gone(boxed, 5)
    cancel(floor.ledger, floor.org, [job], actor="tester")
    floor.wait(lambda: floor.stage(job) == "cancelled", "the end of a job cancelled while nobody ran it")


def test_a_soft_limit_ends_the_attempt_and_counts_as_a_failure(floor: Floor) -> None:
    job = start(floor, kinds.slow, LONG)
    floor.wait(lambda: floor.stage(job) == "failed", "the job's end")
    assert attempts(floor, job) == [("retry", "soft_time_limit"), ("failed", "soft_time_limit")]


def test_a_hard_limit_kills_the_process(floor: Floor) -> None:
    job = start(floor, kinds.overdue, LONG)
    child = child_of(floor, job)
    floor.wait(lambda: floor.stage(job) == "failed", "the job's end")
    gone([child], 2)
    assert attempts(floor, job) == [("retry", "time_limit"), ("failed", "time_limit")]
    assert floor.ask("select crash_count, failures from job where id = %s", job) == [(0, 2)]


def test_a_job_that_crashes_three_times_is_quarantined_and_its_neighbours_are_well(floor: Floor) -> None:
    job = start(floor, kinds.crash, Nothing())
    neighbours = [made.id for made in submit_many(floor.ledger, floor.org, nothing_job, [Nothing()] * 100)]
    floor.wait(lambda: floor.stage(job) == "quarantined", "the quarantine")
    floor.wait(lambda: floor.counts(neighbours) == {"succeeded": 100}, "the neighbours' end")
    assert attempts(floor, job) == [("lost", "lost")] * 3
    assert floor.ask("select crash_count, failures from job where id = %s", job) == [(3, 0)]
    assert floor.one("select count(*) from job_event where job = %s and type = 'quarantined'", job) == 1
    assert floor.ask("select outcome from audit_entry where operation = 'job.end' and object = %s order by at", str(job))[-1] == (
        "quarantined",
    )
