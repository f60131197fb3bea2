"""A scan's section of a report: what is wrong with its history, and what changed since the scan before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from tests.scans import servers
from watchfloor.capabilities.scans.report import section
from watchfloor.kernel import clock
from watchfloor.kernel.findings.queries import list_findings
from watchfloor.kernel.findings.triage import triage

if TYPE_CHECKING:
    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/1.22.1\r\n\r\nhello"


def told(ledger: Ledger, org: UUID, scan: UUID) -> dict[str, Any]:
    """Return a scan's section."""
    with ledger.database.transaction(org) as session:
        return section(session, scan)


def rows(found: dict[str, Any]) -> list[list[Any]]:
    """Return the rows of what changed."""
    (table,) = (one for one in found["tables"] if one["title"].startswith("What changed"))
    return list(table.get("rows", []))


def test_a_finding_is_told_with_its_sights_state_and_reason(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.answering(lambda _asked: PAGE)) as port:
        worker.scan(loopback, "127.0.0.1", ports=str(port))
        with ledger.database.transaction(loopback) as session:
            (kept,) = list_findings(session, loopback).items
            triage(session, loopback, kept.id, state="accepted", reason="a lab", actor="anna", until=clock.now() + timedelta(days=1))
        second = worker.scan(loopback, "127.0.0.1", ports=str(port))
    (one,) = told(ledger, loopback, second.id)["findings"]
    assert (one["status"], one["protocol"], one["port"]) == ("accepted", "tcp", port)
    assert one["reason"].startswith("until ")
    assert one["reason"].endswith("UTC: a lab")
    assert one["first_seen"] == kept.first_seen < one["last_seen"]
    assert one["evidence"]
    assert one["remedy"]
    assert list(one["references"]) == kept.references


def test_the_first_scan_has_nothing_to_compare_with_and_the_second_says_what_changed(
    loopback: UUID, worker: Worker, ledger: Ledger
) -> None:
    with servers.listening(servers.answering(lambda _asked: PAGE)) as port:
        first = worker.scan(loopback, "127.0.0.1", ports=str(port))
        same = worker.scan(loopback, "127.0.0.1", ports=str(port))
    third = worker.scan(loopback, "127.0.0.1", ports=str(port))
    beginning = told(ledger, loopback, first.id)["tables"][0]
    assert (beginning["title"], "first scan" in beginning["empty"], beginning.get("rows", [])) == ("What changed", True, [])
    assert rows(told(ledger, loopback, same.id)) == []
    found = told(ledger, loopback, third.id)
    assert rows(found) == [
        ["Port", "127.0.0.1", f"{port}/tcp", "closed", "http nginx 1.22.1", ""],
        ["Finding", "127.0.0.1", f"{port}/tcp", "fixed", "Web pages are served without encryption", ""],
    ]
    assert same.finished_at is not None
    assert f"{same.finished_at:%d %B %Y, %H:%M} UTC" in found["tables"][0]["title"]


def test_what_is_no_scan_has_no_section(loopback: UUID, ledger: Ledger) -> None:
    assert told(ledger, loopback, uuid4()) == {}
