"""Files of other scanners kept as scans: scope, findings, and what they may close."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.scans import servers
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.engine import imports
from watchfloor.capabilities.scans.engine.imports.found import FoundHost, Imported, OpenPort
from watchfloor.capabilities.scans.jobs import importing
from watchfloor.capabilities.scans.queries import read
from watchfloor.capabilities.scans.schemas import Service
from watchfloor.kernel.errors import Conflict, InvalidInput, OutOfScope
from watchfloor.kernel.findings.queries import list_findings

if TYPE_CHECKING:
    from uuid import UUID

    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/1.24.0\r\n\r\nhello"
NMAP = shutil.which("nmap")


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def seen(*ports: int, closed: tuple[tuple[int, int], ...] = (), address: str = "127.0.0.1", at: datetime | None = None) -> Imported:
    services = tuple(OpenPort("tcp", Service(port=port, name="telnet", confidence=100)) for port in ports)
    return Imported(tool="nmap 7.93", at=at or now(), hosts=(FoundHost(address=address, open=services, closed=closed),))


def states(ledger: Ledger, org: UUID) -> dict[str, str]:
    with ledger.database.transaction(org) as session:
        return {one.check: one.state for one in list_findings(session, org).items}


def test_a_file_becomes_a_scan_with_services_and_findings(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan = jobs.import_scan(ledger, loopback, seen(23, closed=((80, 81),)), actor="test")
    view = worker.view(loopback, scan)
    assert (view.state, view.engine, view.hosts, view.hosts_up, view.open_ports, view.findings) == ("finished", "import", 1, 1, 1, 1)
    assert view.name.startswith("nmap 7.93 of 20")
    with ledger.database.transaction(loopback) as session:
        (service,) = read.list_services(session, loopback, scan).items
        (host,) = read.list_hosts(session, loopback, scan).items
        events = [row[0] for row in session.connection().exec_driver_sql("select name from event order by id")]
    assert (service.port, service.name, host.ports.open, host.ports.closed) == (23, "telnet", 1, 2)
    assert events == ["finding.opened", "scans.finished"]
    assert worker.queued(loopback) == []


def told(ledger: Ledger, org: UUID) -> list[tuple[str, bool]]:
    """Return the names of events of findings, and whether they are quiet."""
    sql = "select name, data ? 'quiet' from event where name like 'finding.%%' order by id"
    with ledger.database.transaction(org) as session:
        return [(row[0], row[1]) for row in session.connection().exec_driver_sql(sql)]


@pytest.mark.parametrize(("most", "quiet"), [(3, False), (2, True)])
def test_of_a_large_file_nobody_hears_finding_by_finding(
    loopback: UUID, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, most: int, *, quiet: bool
) -> None:
    monkeypatch.setattr(importing, "TOLD_MAX", most)
    ports = (23, 2323, 23023)
    jobs.import_scan(ledger, loopback, seen(*ports), actor="test")
    assert told(ledger, loopback) == [("finding.opened", quiet)] * 3
    jobs.import_scan(ledger, loopback, seen(closed=((1, 65535),)), actor="test")
    assert told(ledger, loopback)[3:] == [("finding.fixed", quiet)] * 3


@pytest.mark.parametrize(("most", "quiet"), [(2, False), (1, True)])
def test_what_a_file_finds_and_what_it_fixes_count_together(
    loopback: UUID, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, most: int, *, quiet: bool
) -> None:
    jobs.import_scan(ledger, loopback, seen(23), actor="test")
    monkeypatch.setattr(importing, "TOLD_MAX", most)
    scan = jobs.import_scan(ledger, loopback, seen(2323, closed=((1, 2322),)), actor="test")
    assert sorted(told(ledger, loopback)[1:]) == [("finding.fixed", quiet), ("finding.opened", quiet)]
    with ledger.database.transaction(loopback) as session:
        sql = f"select data->'counts' from event where name = 'scans.changed' and data->>'scan' = '{scan}'"
        counts = session.connection().exec_driver_sql(sql).scalar_one()
    assert (counts["findings_new"], counts["findings_fixed"]) == (1, 1)


def test_what_a_file_leaves_as_it_was_counts_as_no_fix(loopback: UUID, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.import_scan(ledger, loopback, seen(23, 2323), actor="test")
    monkeypatch.setattr(importing, "TOLD_MAX", 2)
    # Seen again, fixed, and a port of which the file says nothing.
    jobs.import_scan(ledger, loopback, seen(23, closed=((2000, 3000),)), actor="test")
    jobs.import_scan(ledger, loopback, seen(closed=((1, 22),)), actor="test")
    assert told(ledger, loopback)[2:] == [("finding.fixed", False)]


def test_hosts_outside_the_scope_are_left_out_and_named(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    found = seen(23)
    foreign = tuple(FoundHost(address=f"192.0.2.{n}", open=found.hosts[0].open) for n in range(1, 9))
    scan = jobs.import_scan(ledger, loopback, Imported(tool="x", hosts=(*found.hosts, *foreign), at=now()), actor="test")
    view = worker.view(loopback, scan)
    assert (view.state, view.hosts, worker.count("asset", loopback)) == ("incomplete", 1, 1)
    assert "192.0.2.1 is outside" in view.not_looked_at[0]
    assert view.not_looked_at[-1] == "3 more addresses of the file are outside the scope."
    with pytest.raises(OutOfScope, match=r"192\.0\.2\.1"):
        jobs.import_scan(ledger, loopback, Imported(tool="x", hosts=foreign, at=now()), actor="test")


def test_a_file_without_an_answer_is_no_scan(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with pytest.raises(InvalidInput, match="no host that answered"):
        jobs.import_scan(ledger, loopback, Imported(tool="x", hosts=()), actor="test")
    assert worker.count("scan", loopback) == 0


def test_a_port_that_the_file_proves_closed_closes_its_finding(loopback: UUID, ledger: Ledger) -> None:
    jobs.import_scan(ledger, loopback, seen(23), actor="test")
    jobs.import_scan(ledger, loopback, seen(closed=((22, 22),)), actor="test")
    assert states(ledger, loopback)["cleartext-telnet"] == "open"
    jobs.import_scan(ledger, loopback, seen(closed=((23, 23),)), actor="test")
    assert states(ledger, loopback)["cleartext-telnet"] != "open"


def test_a_file_that_names_open_ports_only_closes_nothing(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        worker.scan(loopback, "127.0.0.1", ports=str(port))
    line = f'{{"ip":"127.0.0.1","port":23,"timestamp":"{now():%Y-%m-%dT%H:%M:%S}"}}'
    jobs.import_scan(ledger, loopback, imports.read(line.encode()), actor="test")
    assert states(ledger, loopback)["cleartext-http"] == "open"


def test_an_older_file_neither_opens_nor_closes_findings_of_a_host_that_was_looked_at_since(
    loopback: UUID, worker: Worker, ledger: Ledger
) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        worker.scan(loopback, "127.0.0.1", ports=str(port))
    scan = jobs.import_scan(ledger, loopback, seen(23, closed=((port, port),), at=datetime(2020, 1, 1, tzinfo=UTC)), actor="test")
    assert states(ledger, loopback) == {"cleartext-http": "open"}
    assert "1 host was looked at after this file was written; its findings were left as they are." in worker.view(loopback, scan).notes


def test_an_import_cannot_be_asked_for_or_run_again(loopback: UUID, ledger: Ledger) -> None:
    from watchfloor.capabilities.scans.schemas import Engine, ScanRequest  # noqa: PLC0415 - here alone

    scan = jobs.import_scan(ledger, loopback, seen(23), actor="test")
    with ledger.database.transaction(loopback) as session, pytest.raises(Conflict, match="from a file"):
        jobs.start_scan(ledger, session, loopback, scan, actor="test")
    with pytest.raises(InvalidInput, match="from a file"):
        jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1", engine=Engine.IMPORT), actor="test")


def test_many_hosts_are_saved_in_portions(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    hosts = tuple(FoundHost(address=f"127.0.{n // 256}.{n % 256}", open=seen(23).hosts[0].open) for n in range(1, 1202))
    scan = jobs.import_scan(ledger, loopback, Imported(tool="x", hosts=hosts, at=now()), actor="test")
    view = worker.view(loopback, scan)
    assert (view.hosts_up, view.open_ports, view.findings, worker.count("shard", loopback)) == (1201, 1201, 1201, 3)


@pytest.mark.skipif(NMAP is None, reason="nmap is not installed")
def test_a_real_file_of_nmap_is_read(loopback: UUID, ledger: Ledger) -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")) as port, servers.refusing() as closed:
        command = [str(NMAP), "-sT", "-sV", "-Pn", "-n", "-p", f"{port},{closed}", "-oX", "-", "127.0.0.1"]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    found = imports.read(done.stdout)
    assert found.hosts[0].closed == ((closed, closed),)
    scan = jobs.import_scan(ledger, loopback, found, actor="test")
    with ledger.database.transaction(loopback) as session:
        (service,) = read.list_services(session, loopback, scan).items
    assert (service.port, service.name, service.product, service.version) == (port, "ssh", "OpenSSH", "9.2p1 Debian 2")
    assert service.detail["cpe"] == "cpe:2.3:a:openbsd:openssh:9.2p1:*:*:*:*:*:*:*"
