"""The audit trail: in the action's transaction, never changed, read by its own organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from watchfloor.kernel.audit.queries import list_entries
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


def test_an_entry_falls_with_its_transaction(ledger: Ledger, org: UUID) -> None:
    def fail() -> None:
        with ledger.database.transaction(org) as session:
            record(session, org, actor="test", operation="fell", object="x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with ledger.database.transaction(org) as session:
        record(session, org, actor="test", operation="stood", object="x")
    with ledger.database.transaction(org) as session:
        assert [entry.operation for entry in list_entries(session, org, actor="test").items] == ["stood"]


@pytest.mark.parametrize("role", ["wf_app", "wf_engine"])
@pytest.mark.parametrize("sql", ["update audit_entry set actor = 'nobody'", "delete from audit_entry", "truncate audit_entry"])
def test_nobody_changes_or_removes_an_entry(ledger: Ledger, role: str, sql: str) -> None:
    wire = ledger.database.wire("wf_app" if role == "wf_app" else "wf_engine")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        wire.execute(sql)


def test_nobody_writes_into_anothers_trail(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.database.transaction(org) as session:
        record(session, stranger, actor="test", operation="forged", object="x")


def test_what_cannot_be_printed_does_not_reach_the_trail(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        record(session, org, actor="a\x00b", operation="odd", object="\x1b[31m" + "x" * 600, reason="line\nbreak\u202e")
        row = (
            wire_of(session)
            .execute("select actor, object, reason from audit_entry where operation = 'odd' and org = %s", (org,))
            .fetchone()
        )
    assert row is not None
    assert "".join(row).isprintable()
    assert len(row[1]) == 500


def test_filters_narrow_the_trail(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        for n in range(5):
            record(session, org, actor=f"a{n}", operation="tested", object="x", outcome="ok" if n else "refused")
        assert [entry.actor for entry in list_entries(session, org, operation="tested").items] == ["a4", "a3", "a2", "a1", "a0"]
        assert [entry.actor for entry in list_entries(session, org, outcome="refused").items] == ["a0"]
        first = list_entries(session, org, operation="tested", limit=2)
        assert [entry.actor for entry in list_entries(session, org, operation="tested", limit=2, after=first.next).items] == ["a2", "a1"]
