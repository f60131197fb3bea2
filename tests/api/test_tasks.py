"""The small fixed face of the ledger: what runs, what is planned, who works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import client_of, work
from watchfloor.catalog import CATALOG
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.jobs import tasks
from watchfloor.kernel.jobs.enqueue import Options, bind, submit
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.working import PRESENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.enqueue import Enqueued
    from watchfloor.kernel.jobs.ledger import Ledger

WAIT = CATALOG.kinds()["jobs.wait"]


def start(ledger: Ledger, org: UUID, seconds: float) -> Enqueued:
    """Ask for a wait."""
    with ledger.database.transaction(org) as session:
        return tasks.start_once(ledger, session, org, WAIT, bind(WAIT, {"seconds": seconds}), "test")


def test_a_task_is_shown_with_its_times_and_where_to_look_next(owner: Client, ledger: Ledger) -> None:
    job = owner.submit("jobs.wait", arguments={"seconds": 0})
    waiting = owner.get(f"/tasks/{job}")
    assert (waiting["kind"], waiting["state"], waiting["attempt"], waiting["started"], waiting["finished"], waiting["children"]) == (
        "jobs.wait", "PENDING", 0, None, None, [],
    )  # fmt: skip
    assert owner.get(waiting["links"]["self"])["id"] == str(job)
    assert owner.get(waiting["links"]["job"])["id"] == str(job)
    work(ledger, job)
    done = owner.get(f"/tasks/{job}")
    assert (done["state"], done["result"]["seconds"], done["attempt"]) == ("SUCCESS", 0.0, 1)
    assert done["created"] <= done["started"] <= done["finished"] == done["date_done"]
    assert done["progress"] == {"done": 1, "total": 1, "stage": "waiting", "unit": None}
    assert "cancel" not in done["links"]


def test_a_task_names_the_tasks_it_started(owner: Client, ledger: Ledger, postgres: str) -> None:
    parent, batch = owner.submit(), new_id()
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("insert into job_batch (org, id, parent, name) values (%s, %s, %s, 'b')", (owner.org, batch, parent))
    child = submit(ledger, owner.org, WAIT, bind(WAIT, {}), Options(batch=batch, parent=parent)).id
    assert owner.get(f"/tasks/{parent}")["children"] == [{"id": str(child), "kind": "jobs.wait", "state": "PENDING"}]


def test_what_is_under_way_with_the_same_arguments_stands_for_a_request(owner: Client, ledger: Ledger) -> None:
    scheduled = owner.submit("jobs.wait", arguments={"seconds": 0.5})  # whoever asked for it, however
    assert start(ledger, owner.org, 0.5).id == scheduled
    other = start(ledger, owner.org, 0)
    assert other.created
    assert start(ledger, owner.org, 0) == type(other)(other.id, created=False)
    work(ledger, other.id)
    assert start(ledger, owner.org, 0).created


def test_two_who_ask_at_the_same_moment_get_one_task(owner: Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as first:
        made = tasks.start_once(ledger, first, owner.org, WAIT, bind(WAIT, {"seconds": 3}), "test")
        with psycopg.connect(ledger.database.url, autocommit=True) as wire, pytest.raises(psycopg.errors.LockNotAvailable):
            wire.execute("set role wf_app; set lock_timeout = '200ms'")
            wire.execute("select set_config('watchfloor.org', %s, false)", (str(owner.org),))
            unique = ledger.vault.blind(owner.org, 'task|{"seconds":3.0}')
            wire.execute(
                "insert into job (org, id, kind, queue, stage, run_at, rank_at, unique_key) values (%s, %s, 'jobs.wait', 'default', 'queued', now(), now(), %s)",
                (owner.org, new_id(), unique),
            )
    assert start(ledger, owner.org, 3).id == made.id


def test_another_organisations_task_stands_for_nothing(owner: Client, ledger: Ledger, stranger: UUID) -> None:
    mine = start(ledger, owner.org, 7)
    ledger.vault.blind(stranger, "")
    hers = start(ledger, stranger, 7)
    assert hers.created
    with ledger.database.transaction(stranger) as session, pytest.raises(NotFound):
        tasks.show(ledger, session, stranger, mine.id, {})


def test_schedules_are_listed_with_what_came_of_their_last_ticks(owner: Client, ledger: Ledger, postgres: str) -> None:
    asked = {"name": "nightly", "kind": "jobs.wait", "cron": "0 2 * * *", "tz": "Europe/Berlin", "arguments": {"seconds": 0}}
    nightly = owner.post("/schedules", asked)
    paused = owner.post("/schedules", {"name": "often", "kind": "jobs.test", "every": 7200})["id"]
    owner.post(f"/schedules/{paused}/pause")
    first, second = owner.get("/tasks/scheduled/list")
    assert first == {
        "id": nightly["id"], "name": "nightly", "kind": "jobs.wait", "every": None, "cron": "0 2 * * *", "timezone": "Europe/Berlin",
        "enabled": True, "next_at": nightly["next_tick"], "last_tick": None, "last_skipped": None, "last_task": None, "last_state": None,
    }  # fmt: skip
    assert (second["every"], second["enabled"], second["next_at"]) == ("PT2H", False, None)
    job = owner.submit("jobs.wait", arguments={"seconds": 0})
    with psycopg.connect(postgres, autocommit=True) as wire:
        tick = (
            "insert into schedule_tick (org, schedule, tick_at, job, skipped) values (%s, %s, now() - make_interval(hours => %s), %s, %s)"
        )
        wire.execute(tick, (owner.org, nightly["id"], 2, job, None))
        wire.execute(tick, (owner.org, nightly["id"], 1, None, "overlap"))
    work(ledger, job)
    first = owner.get("/tasks/scheduled/list")[0]
    assert (first["last_task"], first["last_state"], first["last_skipped"]) == (str(job), "SUCCESS", "overlap")
    assert first["last_tick"] < first["next_at"]


@pytest.fixture
def alone(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """Let no worker of another test be seen."""
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("update worker_session set lost_at = now() where lost_at is null")
        yield wire
        wire.execute("update worker_session set lost_at = now() where lost_at is null")


def enlist(ledger: Ledger, *queues: str) -> UUID:
    """Let a worker be seen."""
    session = new_id()
    ledger.database.wire("wf_engine").execute(
        statement("open_session"),
        {
            "session": session, "host": "here", "pid": 7, "queues": list(queues), "slots": 3, "pool": "prefork", "kinds": ["jobs.test", "jobs.wait"],
            "code": "", "ttl_s": 15,
        },
    )  # fmt: skip
    return session


def test_without_workers_or_schedulers_nothing_gets_done(owner: Client, alone: psycopg.Connection[Any]) -> None:
    assert alone.info.dbname
    shown = owner.get("/tasks/workers/status")
    assert (shown["status"], shown["total_workers"], shown["workers"], shown["dispatchers"], shown["broker"]) == (
        "down",
        0,
        [],
        0,
        "unknown",
    )
    assert len(shown["problems"]) == 2


def test_workers_are_shown_with_what_they_do(owner: Client, ledger: Ledger, alone: psycopg.Connection[Any]) -> None:
    session, job = enlist(ledger, "default", "scans"), owner.submit("jobs.wait")
    elsewhere = client_of(owner.http, ledger, owner.org, "owner").submit("jobs.wait")
    alone.execute("select pg_advisory_lock_shared(%s, %s)", PRESENT)
    claim = "update job set stage = 'running', owner = %s, attempt = 1, attempt_at = now() where id = %s"
    alone.execute(claim, (session, job))
    shown = owner.get("/tasks/workers/status")
    assert (shown["status"], shown["total_workers"], shown["dispatchers"], shown["broker"], shown["problems"]) == (
        "healthy",
        1,
        1,
        "ok",
        [],
    )
    (worker,) = shown["workers"]
    assert (worker["name"], worker["active_tasks"], worker["registered_tasks"]) == ("watchfloor-7@here", 1, 2)
    assert worker["active"][0]["job"] == str(job)
    assert (worker["stats"]["pool"], worker["stats"]["slots_free"], worker["slots"], worker["isolation"]) == ("prefork", 2, 3, None)
    assert 0 <= worker["heartbeat_age"] < 15
    queue = next(one for one in shown["queues"] if one["name"] == "default")
    assert (queue["queued"], queue["running"], queue["paused"]) == (1, 1, False)
    assert queue["oldest"] >= 0
    attempt = "insert into job_attempt (org, job, attempt, fence, session, ended_at, outcome, in_force) values (%s, %s, 1, 1, %s, now(), 'succeeded', %s)"
    alone.execute(attempt, (owner.org, elsewhere, session, ["landlock", "seccomp"]))
    assert owner.get("/tasks/workers/status")["workers"][0]["isolation"] == ["landlock", "seccomp"]
    alone.execute("update job set stage = 'cancelled', owner = null, finished_at = now() where id = %s", (job,))


def test_a_queue_that_nobody_serves_and_a_ticket_that_nobody_hears_are_trouble(
    owner: Client, ledger: Ledger, alone: psycopg.Connection[Any]
) -> None:
    enlist(ledger, "scans")
    alone.execute("select pg_advisory_lock_shared(%s, %s)", PRESENT)
    job = owner.submit("jobs.wait")
    shown = owner.get("/tasks/workers/status")
    assert (shown["status"], shown["problems"]) == ("degraded", ["Jobs wait on queue default, which no worker serves."])
    alone.execute("update job set stage = 'dispatched', seq = 1, dispatched_at = now() - interval '11 seconds' where id = %s", (job,))
    shown = owner.get("/tasks/workers/status")
    assert (shown["status"], shown["broker"]) == ("degraded", "silent")
    alone.execute("update job set stage = 'cancelled', finished_at = now() where id = %s", (job,))


def test_another_organisations_work_is_not_counted(owner: Client, ledger: Ledger, stranger: UUID, alone: psycopg.Connection[Any]) -> None:
    session, job = enlist(ledger, "default"), owner.submit("jobs.wait")
    waits = owner.submit("jobs.wait")
    alone.execute("update job set stage = 'running', owner = %s, attempt = 1, attempt_at = now() where id = %s", (session, job))
    shown = client_of(owner.http, ledger, stranger, "viewer").get("/tasks/workers/status")
    assert shown["workers"][0]["active_tasks"] == 0
    assert {(queue["queued"], queue["running"], queue["oldest"]) for queue in shown["queues"]} == {(0, 0, None)}
    assert str(owner.org) not in str(shown)
    assert str(waits) not in str(shown)
    alone.execute("update job set stage = 'cancelled', owner = null, finished_at = now() where id = %s", (job,))
