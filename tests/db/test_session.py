"""The one way into PostgreSQL: one organisation's rows, one commit, an end to every wait."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import Database, wire_of
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

INSERT = "insert into job_event (org, job, type) values (:org, :org, 'noted')"


@pytest.fixture
def database(login_url: str) -> Iterator[Database]:
    opened = Database(login_url)
    yield opened
    opened.close()


def test_transaction_commits_at_its_end_and_rolls_back_on_error(database: Database) -> None:
    org = new_id()
    with database.transaction(org) as session:
        session.execute(text(INSERT), {"org": org})
    with pytest.raises(ZeroDivisionError), database.transaction(org) as session:
        session.execute(text(INSERT), {"org": org})
        raise ZeroDivisionError
    with database.transaction(org) as session:
        assert session.scalar(text("select count(*) from job_event")) == 1


def test_transaction_shows_one_organisation(database: Database) -> None:
    mine, theirs = new_id(), new_id()
    with database.transaction(mine) as session:
        session.execute(text(INSERT), {"org": mine})
    with database.transaction(theirs) as session:
        assert session.scalar(text("select count(*) from job_event")) == 0
        assert session.execute(text("delete from job_event")).rowcount == 0  # type: ignore[attr-defined] # a cursor's result
    with database.engine_transaction() as session:
        assert session.scalar(text("select count(*) from job_event where org = :org"), {"org": mine}) == 1


def test_transaction_writes_for_one_organisation(database: Database) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), database.transaction(new_id()) as session:
        session.execute(text(INSERT), {"org": new_id()})


def test_organisation_does_not_outlive_its_transaction(database: Database) -> None:
    org = new_id()
    with database.transaction(org) as session:
        session.execute(text(INSERT), {"org": org})
    app = database.wire("wf_app")
    assert app.execute("select count(*) from job_event").fetchone() == (0,)
    with database._engine("wf_app").connect() as pooled:
        assert pooled.scalar(text("select current_setting('watchfloor.org', true)")) in {"", None}


def test_roles_are_what_they_are_called(database: Database) -> None:
    for role in ("wf_app", "wf_engine"):
        assert database.wire(role).execute("select current_user, session_user").fetchone() == (role, "wf_login")
    bypass = database.wire("wf_engine").execute(
        "select count(*) from pg_roles where rolname like 'wf_%%' and rolname <> 'wf_owner' and (rolbypassrls or rolsuper)", ()
    )
    assert bypass.fetchone() == (0,)


def test_engine_cannot_rewrite_the_audit(database: Database) -> None:
    for change in ("update audit_entry set actor = 'x'", "delete from audit_entry"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.wire("wf_engine").execute(change)


def test_every_wait_ends(database: Database) -> None:
    wire = database.wire("wf_engine")
    limits = {
        name: wire.execute(f"show {name}").fetchone()
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    }
    assert limits == {"statement_timeout": ("5s",), "lock_timeout": ("4s",), "idle_in_transaction_session_timeout": ("1min",)}
    assert wire.execute("show timezone").fetchone() == ("UTC",)
    with pytest.raises(OperationalError, match="statement timeout"), database.engine_transaction() as session:
        session.execute(text("set local statement_timeout = '20ms'"))
        session.execute(text("select pg_sleep(30)"))


def test_wire_is_kept_by_its_thread_and_reopened_when_broken(database: Database, postgres: str) -> None:
    wire = database.wire("wf_engine")
    assert database.wire("wf_engine") is wire
    others: list[object] = []

    def other() -> None:
        found = database.wire("wf_engine")
        others.append(found)
        found.close()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert others[0] is not wire
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute("select pg_terminate_backend(%s, 5000)", (wire.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        wire.execute("select 1")
    assert database.wire("wf_engine").execute("select 1").fetchone() == (1,)


def test_unreachable_database_is_named_without_its_password() -> None:
    with pytest.raises(SetupError, match=r"127\.0\.0\.1:1/nowhere") as caught:
        Database("postgresql://me:hunter2@127.0.0.1:1/nowhere").wire("wf_app")
    assert "hunter2" not in str(caught.value)
    assert "WATCHFLOOR_DATABASE_URL" in str(caught.value)


def test_sessions_wire_shares_its_transaction(database: Database) -> None:
    org = new_id()
    with pytest.raises(ZeroDivisionError), database.transaction(org) as session:
        wire_of(session).execute("insert into job_event (org, job, type) values (%s, %s, 'noted')", (org, org))
        assert session.scalar(text("select count(*) from job_event")) == 1
        raise ZeroDivisionError
    with database.transaction(org) as session:
        assert session.scalar(text("select count(*) from job_event")) == 0


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {made.version for made in ids} == {7}
    assert [made.int >> 80 for made in ids] == sorted(made.int >> 80 for made in ids)
