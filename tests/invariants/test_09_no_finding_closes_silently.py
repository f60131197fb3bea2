"""Promise 09: no finding closes silently: each change of state has its row in the history, its event and its audit row, and a look behind it."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.architecture.source import PACKAGE, modules
from tests.findings.factories import close, expire, found
from watchfloor.kernel import clock
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.findings.queries import list_findings
from watchfloor.kernel.findings.triage import reopen_expired, triage

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger

PORTS = (21, 22, 23, 80)
EVENTS = {"open": "finding.reopened", "fixed": "finding.fixed", "accepted": "finding.accepted", "false_positive": "finding.false_positive"}


def step(session: Session, org: UUID, dice: random.Random) -> None:
    """Do one of all the things that can happen to findings."""
    port, some = dice.choice(PORTS), dice.sample(PORTS, 2)
    match dice.randrange(7):
        case 0 | 1:
            found(session, org, f"k{port}", port=port, job=new_id())
        case 2:
            close(session, org, ports=some, look=new_id())
        case 3:
            close(session, org, ports=[], filtered=some, look=new_id())
        case 4:
            expire(session, org)
        case 5:
            reopen_expired(session, org, job=new_id())
        case 6:
            everything = list_findings(session, org).items
            if everything:
                decide(session, org, dice.choice(everything).id, dice)


def decide(session: Session, org: UUID, finding: UUID, dice: random.Random) -> None:
    """Decide about a finding as somebody might."""
    state: Any = dice.choice(("accepted", "false_positive", "open"))
    until = clock.now() + timedelta(days=1) if state == "accepted" else None
    try:
        triage(session, org, finding, state=state, reason="a test", actor="anna", until=until)
    except Conflict:
        return  # which is an answer too, and changes nothing


def rows(session: Session, sql: str, org: UUID) -> list[Any]:
    """Return the rows of one statement."""
    return wire_of(session).execute(sql, {"org": org}).fetchall()


@pytest.mark.parametrize("seed", range(8))
def test_the_history_of_whatever_happens_leads_to_the_present_state(ledger: Ledger, org: UUID, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - the same walk each time
    with ledger.database.transaction(org) as session:
        for _ in range(120):
            step(session, org, dice)
        changes = rows(
            session,
            "select finding, from_state, to_state, actor, reason from finding_change where org = %(org)s order by finding, at, id",
            org,
        )
        present = dict(rows(session, "select id, state from finding where org = %(org)s", org))
        events = rows(session, "select data->>'finding', name from event where org = %(org)s order by data->>'finding', at, id", org)
        audited = rows(
            session, "select object, reason from audit_entry where org = %(org)s and operation like 'finding.%%' order by object, at", org
        )
    states: dict[UUID, str | None] = {}
    for finding, before, after, actor, reason in changes:
        assert states.get(finding) == before
        assert actor
        assert reason
        states[finding] = after
    assert states == present
    assert {one[2] for one in changes} == set(EVENTS)
    assert events == [(str(finding), EVENTS[after] if before else "finding.opened") for finding, before, after, _, _ in changes]
    assert audited == [(str(finding), f"{before} to {after}: {reason}") for finding, before, after, _, reason in changes if before]


def test_a_history_is_never_rewritten(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
    for sql in ("update finding_change set reason = 'x' where org = %s", "delete from finding_change where org = %s"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.database.transaction(org) as session:
            wire_of(session).execute(sql, (org,))


def test_the_database_keeps_the_ends_and_the_states_together(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
    for change in ("state = 'accepted'", "state = 'fixed'", "state = 'closed'", "accepted_until = wf_now()", "fixed_at = wf_now()"):
        with pytest.raises(psycopg.errors.CheckViolation), ledger.database.transaction(org) as session:
            wire_of(session).execute(f"update finding set {change} where org = %s", (org,))


def test_only_the_ledger_and_triage_change_findings() -> None:
    writes = re.compile(r"(update|delete from|insert into)\s+finding\b", re.IGNORECASE)
    writers = {
        module.path
        for module in modules()
        if not module.within("kernel/db/migrations") and writes.search((PACKAGE / module.path).read_text(encoding="utf-8"))
    }
    assert writers == {"kernel/findings/ledger.py", "kernel/findings/triage.py"}
