"""A scan's section of a report: what is wrong with its history, and what changed since the scan before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from tests.scans import servers
from watchfloor.capabilities.scans.report import section
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.queries import list_findings
from watchfloor.kernel.sections import Scope

if TYPE_CHECKING:
    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/1.22.1\r\n\r\nhello"


def table(ledger: Ledger, org: UUID, scope: Scope, name: str) -> list[dict[str, Any]]:
    """Return the rows of one table of the section."""
    (found,) = (one for one in section.tables if one.name == name)
    with ledger.database.transaction(org) as session:
        return [dict(row) for row in found.rows(session, org, scope)]


def notes(ledger: Ledger, org: UUID, scan: UUID) -> str:
    """Return what the section notes about a scan."""
    with ledger.database.transaction(org) as session:
        return " ".join(section.tell(session, org, of(scan)).notes)


def of(scan: UUID, base: UUID | None = None) -> Scope:
    """Return a scan's scope, or that of its comparison with an earlier one."""
    return Scope(kind="comparison" if base else "scan", scan=scan, base=base)


def selected(ledger: Ledger, org: UUID, scope: Scope) -> dict[UUID, str | None]:
    """Return the findings of a scope and how they changed."""
    assert section.findings is not None
    with ledger.database.transaction(org) as session:
        chosen = section.findings(session, org, scope)
        return dict(wire_of(session).execute(chosen.sql, {**chosen.values, "org": org}).fetchall())


def test_a_scan_has_its_ports_hosts_and_findings(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=str(port))
    (service,) = table(ledger, loopback, of(scan.id), "services")
    assert (service["address"], service["port"], service["service"], service["product"], service["version"]) == (
        "127.0.0.1",
        port,
        "http",
        "nginx",
        "1.22.1",
    )
    (host,) = table(ledger, loopback, of(scan.id), "hosts")
    assert (host["address"], host["open"]) == ("127.0.0.1", 1)
    with ledger.database.transaction(loopback) as session:
        assert set(selected(ledger, loopback, of(scan.id))) == {one.id for one in list_findings(session, loopback).items}


def test_a_comparison_tells_new_from_fixed_and_unchanged(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        first = worker.scan(loopback, "127.0.0.1", ports=str(port))
        same = worker.scan(loopback, "127.0.0.1", ports=str(port))
    gone = worker.scan(loopback, "127.0.0.1", ports=str(port))
    assert set(selected(ledger, loopback, of(same.id, first.id)).values()) == {"unchanged"}
    assert set(selected(ledger, loopback, of(gone.id, same.id)).values()) == {"fixed"}


def test_the_first_scan_has_nothing_to_compare_with_and_the_second_says_what_changed(
    loopback: UUID, worker: Worker, ledger: Ledger
) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        first = worker.scan(loopback, "127.0.0.1", ports=str(port))
        same = worker.scan(loopback, "127.0.0.1", ports=str(port))
    third = worker.scan(loopback, "127.0.0.1", ports=str(port))
    assert "first scan" in notes(ledger, loopback, first.id)
    assert table(ledger, loopback, of(first.id), "changes") == []
    assert table(ledger, loopback, of(same.id), "changes") == []
    assert [list(row.values()) for row in table(ledger, loopback, of(third.id), "changes")] == [
        ["Port", "127.0.0.1", f"{port}/tcp", "closed", "http nginx 1.22.1", ""],
        ["Finding", "127.0.0.1", f"{port}/tcp", "fixed", "Web pages are served without encryption", ""],
    ]
    assert same.finished_at is not None
    assert f"{same.finished_at:%d %B %Y, %H:%M} UTC" in notes(ledger, loopback, third.id)


def test_what_is_no_scan_has_no_section(loopback: UUID, ledger: Ledger) -> None:
    with ledger.database.transaction(loopback) as session:
        assert not section.accepts(session, loopback, of(uuid4()))
        assert not section.accepts(session, loopback, Scope(kind="organisation"))


def test_a_decision_changes_no_watermark_of_the_scan_and_a_running_scan_has_none(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        before = section.watermark(session, loopback, of(scan.id))
        assert before == section.watermark(session, loopback, of(scan.id))
        wire_of(session).execute("update scan set finished_at = null where id = %s", (scan.id,))
        assert section.watermark(session, loopback, of(scan.id)) is None
