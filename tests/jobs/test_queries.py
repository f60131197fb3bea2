"""Reading the ledger: views, changes, archive, and plans that stay quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import work
from watchfloor.catalog import CATALOG
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.jobs import queries
from watchfloor.kernel.jobs.board import Board
from watchfloor.kernel.jobs.claim import claim
from watchfloor.kernel.jobs.enqueue import Options, bind, submit, submit_many
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger

KINDS = CATALOG.kinds()


def put(ledger: Ledger, org: UUID, kind: str = "jobs.wait", **options: Any) -> UUID:
    """Enqueue one job."""
    return submit(ledger, org, KINDS[kind], bind(KINDS[kind], {"seconds": 0} if kind == "jobs.wait" else {}), Options(**options)).id


def test_a_job_is_shown_with_its_public_priority_and_label(ledger: Ledger, org: UUID) -> None:
    job = put(ledger, org, priority=9, label="x", actor="anna")
    with ledger.database.transaction(org) as session:
        view = queries.get_job(session, org, job)
    assert (view.priority, view.label, view.actor, view.state, view.owner, view.progress) == (9, "x", "anna", "PENDING", None, None)


def test_progress_and_result_are_shown(ledger: Ledger, org: UUID) -> None:
    job = put(ledger, org)
    work(ledger, job)
    with ledger.database.transaction(org) as session:
        view = queries.get_job(session, org, job)
        assert view.progress is not None
        assert (view.progress.phase, view.progress.done, view.progress.total) == ("waiting", 1, 1)
        assert queries.open_result(ledger, session, org, job) == {"seconds": 0.0, "attempt": 1}
        assert queries.open_error(ledger, session, org, job) is None


def test_an_error_is_opened_and_a_running_attempt_is_listed(ledger: Ledger, org: UUID, postgres: str) -> None:
    job = put(ledger, org)
    with psycopg.connect(postgres, autocommit=True) as wire:  # arguments that fit no more: the attempt fails for good
        wire.execute("delete from job_payload where job = %s and part = 'args'", (job,))
    work(ledger, job)
    with ledger.database.transaction(org) as session:
        assert "arguments are gone" in (queries.open_error(ledger, session, org, job) or "")
        assert [attempt.outcome for attempt in queries.list_attempts(session, org, job)] == ["failed"]


def test_a_running_attempt_is_the_last_of_the_list_and_the_workers_active_job(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    job, board = put(ledger, org), Board()
    board.session = new_id()
    wire = ledger.database.wire("wf_engine")
    opened = {
        "session": board.session,
        "host": "h",
        "pid": 7,
        "queues": ["default"],
        "slots": 3,
        "pool": "solo",
        "kinds": ["jobs.wait"],
        "code": "",
        "ttl_s": 60,
    }
    wire.execute(statement("open_session"), opened)
    wire.execute("update job set stage = 'dispatched', seq = 1, dispatched_at = wf_now() where id = %s", (job,))
    assert claim(ledger, board.session, "default", [(job, 1)])
    with ledger.database.transaction(org) as session:
        (attempt,) = queries.list_attempts(session, org, job)
    assert (attempt.attempt, attempt.session, attempt.outcome, attempt.ended_at) == (1, board.session, None, None)
    with ledger.database.engine_transaction() as session:
        for asked, active in ((None, [job]), (org, [job]), (stranger, [])):
            worker = next(worker for worker in queries.list_workers(session, asked) if worker.id == board.session)
            assert (worker.alive, worker.slots, [one.job for one in worker.active]) == (True, 3, active)
    wire.execute(statement("lose_session"), {"session": board.session})


def test_an_archived_job_is_still_found_and_listed(ledger: Ledger, org: UUID, postgres: str) -> None:
    old, new = put(ledger, org, "jobs.test"), put(ledger, org, "jobs.test")
    work(ledger, old)
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("insert into job_done select * from job where id = %s", (old,))
        wire.execute("delete from job where id = %s", (old,))
    with ledger.database.transaction(org) as session:
        assert queries.get_job(session, org, old).state == "SUCCESS"
        assert [job.id for job in queries.list_jobs(session, org).items] == sorted([old, new], reverse=True)


def test_a_foreign_or_unknown_job_is_not_found(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    job = put(ledger, org)
    with ledger.database.transaction(stranger) as session:
        for asked in (org, stranger):
            assert queries.find_job(session, asked, job) is None
            assert queries.list_jobs(session, asked).items == []
            assert queries.open_part(ledger, session, asked, job, "args") is None
        with pytest.raises(NotFound):
            queries.get_job(session, stranger, job)


def test_a_value_moved_to_another_job_does_not_open(ledger: Ledger, org: UUID, postgres: str) -> None:
    from watchfloor.kernel.errors import Forged  # noqa: PLC0415 - here alone

    one, two = put(ledger, org), put(ledger, org)
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("update job_payload set blob = (select blob from job_payload where job = %s) where job = %s", (one, two))
    with ledger.database.transaction(org) as session, pytest.raises(Forged):
        queries.open_part(ledger, session, org, two, "args")


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"limit": 501},
        {"after": "x"},
        {"after": "WyJ4Il0"},
        {"after": "W10"},
        {"after": "A" * 5000},
        {"state": "lost"},
        {"kind": ","},
    ],
)
def test_a_list_asked_for_wrongly_is_a_clear_error(ledger: Ledger, org: UUID, change: dict[str, Any]) -> None:
    with ledger.database.transaction(org) as session, pytest.raises(InvalidInput):
        queries.list_jobs(session, org, **change)


def test_changes_are_told_once_in_their_order(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        row: Any = wire_of(session).execute("select wf_now()").fetchone()
    since: datetime = row[0]
    one, two = put(ledger, org), put(ledger, org, "jobs.test")
    work(ledger, one)
    with ledger.database.transaction(org) as session:
        told = queries.list_changes(session, org, since)
        assert [(view.id, view.state) for _, view in told] == [(two, "PENDING"), (one, "SUCCESS")]
        moment, last = told[-1]
        assert queries.list_changes(session, org, moment, last.id) == []
        assert [view.id for _, view in queries.list_changes(session, org, told[0][0], two)] == [one]


def test_lists_changes_and_counts_never_scan_the_whole_ledger(ledger: Ledger, org: UUID, postgres: str) -> None:
    submit_many(ledger, org, KINDS["jobs.test"], [bind(KINDS["jobs.test"], {})] * 3000)
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("analyze job")
        wire.execute("analyze job_done")
    with ledger.database.transaction(org) as session:
        # Whatever can use an index, and its order, does; the rest shows.
        wire_of(session).execute("set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off")
        cursor = wire_of(session)
        page = "select * from job_all where org = %s order by id desc limit 51"
        changes = {"org": org, "since": "2999-01-01", "last": queries.NO_JOB, "first": str(new_id()), "rung": [], "rows": 10}
        plans = [cursor.execute(f"explain {page}", (org,)).fetchall(), cursor.execute("explain " + queries.CHANGES, changes).fetchall()]
    for plan in plans:
        assert not any("Seq Scan on job " in row[0] for row in plan), plan
    assert any("Merge Append" in row[0] for row in plans[0])
    assert not any("->  Sort" in row[0] for row in plans[0]), "\n".join(row[0] for row in plans[0])
