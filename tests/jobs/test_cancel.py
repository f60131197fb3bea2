"""Cancel, purge and replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import work
from tests.jobs.test_queries import KINDS, put
from watchfloor.kernel.audit.queries import list_entries
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, NotFound
from watchfloor.kernel.jobs.cancel import cancel, purge, replay
from watchfloor.kernel.jobs.claim import claim
from watchfloor.kernel.jobs.enqueue import bind, submit_many
from watchfloor.kernel.jobs.queries import get_job, open_part
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


def state(ledger: Ledger, org: UUID, job: UUID) -> tuple[str, bool]:
    """Return a job's state and whether its end was asked for."""
    with ledger.database.transaction(org) as session:
        view = get_job(session, org, job)
    return view.state, view.cancel_requested


def test_waiting_jobs_end_at_once_however_many(ledger: Ledger, org: UUID) -> None:
    jobs = [made.id for made in submit_many(ledger, org, KINDS["jobs.test"], [bind(KINDS["jobs.test"], {})] * 1201)]
    told = cancel(ledger, org, jobs, actor="anna")
    assert {one.id for one in told} == set(jobs)
    assert {one.stage for one in told} == {"cancelled"}
    assert cancel(ledger, org, jobs, actor="anna") == []


def test_a_running_job_is_told_and_its_owner_is_rung(ledger: Ledger, org: UUID, login_url: str) -> None:
    job, owner = put(ledger, org), new_id()
    wire = ledger.database.wire("wf_engine")
    opened: dict[str, Any] = {
        "session": owner,
        "host": "h",
        "pid": 7,
        "queues": [],
        "slots": 1,
        "pool": "solo",
        "kinds": [],
        "code": "",
        "ttl_s": 60,
    }
    wire.execute(statement("open_session"), opened)
    wire.execute("update job set stage = 'dispatched', seq = 1, dispatched_at = wf_now() where id = %s", (job,))
    assert claim(ledger, owner, "default", [(job, 1)])
    with psycopg.connect(login_url, autocommit=True) as ear:
        ear.execute("listen wf_ctl")
        (told,) = cancel(ledger, org, [job], actor="anna")
        assert told.stage == "running"
        heard = next(ear.notifies(timeout=10))
    assert heard.payload == str(owner)
    assert state(ledger, org, job) == ("STARTED", True)
    wire.execute(statement("lose_session"), {"session": owner})


def test_ended_and_foreign_jobs_are_left_out(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    done, foreign = put(ledger, org), put(ledger, stranger)
    work(ledger, done)
    assert cancel(ledger, org, [done, foreign, new_id()], actor="anna") == []
    assert cancel(ledger, org, [], actor="anna") == []
    assert state(ledger, stranger, foreign) == ("PENDING", False)


def test_purge_takes_what_waits_on_one_queue_of_one_org(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    mine, other, foreign = put(ledger, org), put(ledger, org, "jobs.test"), put(ledger, stranger)
    assert purge(ledger, org, actor="anna", queue="scans") == 0
    assert purge(ledger, org, actor="anna", queue="default", kind="jobs.wait") == 1
    assert [state(ledger, org, mine)[0], state(ledger, org, other)[0], state(ledger, stranger, foreign)[0]] == [
        "REVOKED",
        "PENDING",
        "PENDING",
    ]
    assert purge(ledger, org, actor="anna") == 1


def test_a_replay_runs_with_the_same_arguments_under_its_own_seal(ledger: Ledger, org: UUID) -> None:
    job = put(ledger, org, priority=9, label="x")
    work(ledger, job)
    again = replay(ledger, org, job, KINDS, actor="anna")
    with ledger.database.transaction(org) as session:
        view = get_job(session, org, again)
        assert (view.replay_of, view.priority, view.label, view.actor, view.state) == (job, 9, "x", "anna", "PENDING")
        assert open_part(ledger, session, org, again, "args") == open_part(ledger, session, org, job, "args")
        assert [entry.reason for entry in list_entries(session, org, operation="job.replay").items] == [f"as {again}"]


def test_what_cannot_be_replayed_is_refused(ledger: Ledger, org: UUID, stranger: UUID, postgres: str) -> None:
    job = put(ledger, org)
    with pytest.raises(Conflict, match="has not ended"):
        replay(ledger, org, job, KINDS, actor="anna")
    work(ledger, job)
    with pytest.raises(NotFound):
        replay(ledger, stranger, job, KINDS, actor="eve")
    with pytest.raises(Conflict, match="no kind"):
        replay(ledger, org, job, {}, actor="anna")
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("delete from job_payload where job = %s", (job,))
    with pytest.raises(Conflict, match="removed by retention"):
        replay(ledger, org, job, KINDS, actor="anna")
