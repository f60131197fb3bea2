"""Findings: the same thing twice is one, and none goes silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.findings.ledger import close_missing, record, triage
from watchfloor.kernel.findings.queries import get_finding, list_findings

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger


def found(session: Session, org: UUID, key: str = "telnet:192.0.2.1:23", **change: Any) -> bool:
    """Record one finding of a fixed shape."""
    values: dict[str, Any] = {
        "key": key, "capability": "scans", "check": "cleartext", "asset": see(session, org, kind="host", key="192.0.2.1"), "target": "192.0.2.1",
        "port": 23, "title": "Telnet is open", "severity": Severity.HIGH, "evidence": {"banner": "login:"}, "remedy": "Use SSH.", "job": None,
    }  # fmt: skip
    return record(session, org, **{**values, **change})


def told(session: Session, org: UUID) -> list[str]:
    """Return the names of the organisation's events in order."""
    return [row[0] for row in wire_of(session).execute("select name from event where org = %s order by at, id", (org,)).fetchall()]


def close(session: Session, org: UUID, **change: Any) -> list[UUID]:
    """Close what was not seen on the host."""
    asset = see(session, org, kind="host", key="192.0.2.1")
    values: dict[str, Any] = {"capability": "scans", "asset": asset, "seen": [], "job": None, "actor": "test", "reason": "port closed"}
    return close_missing(session, org, **{**values, **change})


def test_the_same_finding_twice_is_one(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        assert found(session, org) is True
    with ledger.database.transaction(org) as session:
        assert found(session, org, title="Telnet is still open") is False
        (only,) = list_findings(session, org).items
        assert only.title == "Telnet is still open"
        assert only.last_seen > only.first_seen
        assert told(session, org) == ["finding.opened"]


def test_a_finding_not_seen_any_more_is_closed_with_event_and_audit_row(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        found(session, org, "tls:192.0.2.1:443", port=443)
        (closed,) = close(session, org, seen=["tls:192.0.2.1:443"])
    with ledger.database.transaction(org) as session:
        assert get_finding(session, org, closed).state == "closed"
        assert [finding.key for finding in list_findings(session, org, state="open").items] == ["tls:192.0.2.1:443"]
        assert told(session, org)[-1] == "finding.closed"
        row = wire_of(session).execute(
            "select reason from audit_entry where org = %s and operation = 'finding.close' and object = %s", (org, str(closed))
        )
        assert row.fetchone() == ("port closed",)


def test_nothing_is_closed_without_a_reason_or_where_nobody_looked(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        with pytest.raises(Conflict):
            close(session, org, reason=" ")
        assert close(session, org, ports=[22, 80]) == []
        assert close(session, org, capability="cookies") == []
        assert close(session, org, asset=see(session, org, kind="host", key="192.0.2.2")) == []
        assert len(close(session, org, ports=[23])) == 1


def test_a_closed_finding_opens_again_when_it_is_seen(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        close(session, org)
        assert found(session, org) is False
        (only,) = list_findings(session, org).items
        assert (only.state, only.closed_at) == ("open", None)
        assert sorted(told(session, org)) == ["finding.closed", "finding.opened", "finding.reopened"]


def test_an_accepted_finding_stays_accepted_when_it_is_seen_again(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        triage(session, org, list_findings(session, org).items[0].id, state="accepted", note="lab", actor="anna")
        found(session, org)
        assert [(finding.state, finding.note) for finding in list_findings(session, org).items] == [("accepted", "lab")]


def test_the_gravest_come_first_over_pages(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        for n, severity in enumerate([Severity.LOW, Severity.CRITICAL, Severity.INFO, Severity.HIGH, Severity.CRITICAL]):
            found(session, org, f"k{n}", severity=severity)
        seen, after = [], None
        while True:
            page = list_findings(session, org, limit=2, after=after)
            seen += [finding.key for finding in page.items]
            after = page.next
            if after is None:
                break
        assert seen[:2] in (["k4", "k1"], ["k1", "k4"])
        assert seen[2:] == ["k3", "k0", "k2"]


def test_triage_over_rest_needs_a_reason_and_an_open_finding(owner: Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as session:
        found(session, owner.org)
    finding = owner.get("/findings", severity="high,critical")["items"][0]["id"]
    path = f"/findings/{finding}/triage"
    assert owner.ask("POST", path, json={"state": "accepted", "note": ""}).status_code == 422
    assert owner.ask("POST", path, json={"state": "closed", "note": "x"}).status_code == 422
    assert owner.post(path, {"state": "accepted", "note": "lab"})["state"] == "accepted"
    with ledger.database.transaction(owner.org) as session:
        close(session, owner.org)
    assert owner.ask("POST", path, json={"state": "open", "note": "x"}).status_code == 409
    assert owner.ask("GET", "/findings?severity=grave").status_code == 422
