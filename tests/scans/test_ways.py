"""Scans that look in other ways: for hosts first, at UDP ports, with nmap; from the request to what is kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans import servers
from tests.scans.test_outside_udp import free, listening
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.connect import nmap
from watchfloor.capabilities.scans.engine.ranges import spans
from watchfloor.capabilities.scans.jobs import sift
from watchfloor.capabilities.scans.queries import read
from watchfloor.capabilities.scans.schemas import (
    AddressRange,
    ControlPoint,
    DiscoverAnswers,
    DiscoverRequest,
    PortScope,
    ScanRequest,
    Scope,
)
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.queries import get_job

if TYPE_CHECKING:
    from uuid import UUID

    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

installed = pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")


def half(request: DiscoverRequest, _report: object) -> DiscoverAnswers:
    """Say, in the box, that only the first address of each range answered."""
    return DiscoverAnswers(alive=tuple(AddressRange(first=one.first, last=one.first) for one in request.ranges), ways={"tcp": 1})


def nobody(_request: DiscoverRequest, _report: object) -> DiscoverAnswers:
    """Say, in the box, that nobody answered."""
    return DiscoverAnswers()


def services(ledger: Ledger, org: UUID, scan: UUID) -> list[tuple[str, int, str]]:
    with ledger.database.transaction(org) as session:
        return [(one.protocol, one.port, one.name) for one in read.list_services(session, org, scan).items]


def test_hosts_are_looked_for_in_the_box_when_asked(loopback: UUID, worker: Worker) -> None:
    scan = worker.scan(loopback, "127.0.0.0/28", ports="1", discovery="on")
    assert (scan.state, scan.hosts, scan.hosts_up) == ("finished", 16, 16)
    assert not any("answered nothing" in note for note in scan.notes)


def test_addresses_that_answer_nothing_are_not_scanned_and_are_told(
    loopback: UUID, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sift, "discover", half)
    scan = worker.scan(loopback, "127.0.0.0/28", "127.0.1.0/29", ports="1", discovery="on")
    assert (scan.state, scan.hosts, scan.hosts_up, scan.not_looked_at) == ("finished", 2, 2, [])
    assert scan.notes[0].startswith("22 addresses answered nothing (ICMP echo, TCP ports 22,")


def test_discovery_asks_only_ports_that_the_scope_allows_and_none_of_our_own() -> None:
    asked = spans(("10.0.0.0/24",))
    assert sift._ports(asked, Scope(networks=("10.0.0.0/8",))) == (22, 80, 443, 445, 3389)
    assert sift._ports(asked, Scope(limited=(PortScope(ports=((80, 443),), networks=("10.0.0.0/8",)),))) == (80, 443)
    own = ControlPoint(first="10.0.0.7", last="10.0.0.7", port=443, what="API")
    assert sift._ports(asked, Scope(networks=("10.0.0.0/8",), control=(own,))) == (22, 80, 445, 3389)


def test_a_scan_of_an_empty_network_ends(loopback: UUID, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sift, "discover", nobody)
    scan, _job = jobs.submit_scan(worker.ledger, loopback, ScanRequest(targets=["127.0.0.0/28"], ports="1", discovery="on"), actor="test")
    assert worker.run_all(loopback) == ["scans.run"]
    view = worker.view(loopback, scan)
    assert (view.state, view.hosts, view.hosts_up, view.finished_at is not None) == ("finished", 0, 0, True)
    assert view.notes[0].startswith("16 addresses answered nothing")


def test_udp_ports_are_asked_beside_tcp_ports(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with (
        listening(lambda sock, data, sender: sock.sendto(b"hello " + data, sender)) as speaks,
        listening() as mute,
        servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as tcp,
    ):
        closed = free()
        scan = worker.scan(loopback, "127.0.0.1", ports=f"{tcp},U:{speaks},{mute},{closed}")
    assert (scan.state, scan.open_ports, scan.hosts_up) == ("finished", 2, 1)
    assert sorted(services(ledger, loopback, scan.id)) == [("tcp", tcp, "ssh"), ("udp", speaks, "unknown")]
    assert "1 UDP ports answered nothing: they are open or filtered, nobody can tell." in scan.notes
    with ledger.database.transaction(loopback) as session:
        (host,) = read.list_hosts(session, loopback, scan.id).items
        progress = read.scan_progress(session, loopback, scan.id)
    assert (host.ports.open, host.ports.closed, host.ports.filtered) == (2, 1, 1)
    assert (progress.done, progress.total) == (4, 4)


def test_udp_ports_alone_make_a_scan(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with listening(lambda sock, data, sender: sock.sendto(data, sender)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=f"U:{port}")
    assert services(ledger, loopback, scan.id) == [("udp", port, "unknown")]


@pytest.mark.parametrize("ports", ["U:", "U:0", "U:70000", "X:1", "U:1-2000"])
def test_malformed_udp_ports_are_refused(loopback: UUID, ledger: Ledger, ports: str) -> None:
    with pytest.raises(InvalidInput):
        jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports=ports), actor="test")


def test_ways_without_groups_tell_how_far_they_are() -> None:
    shard = {"totals": {"critical": 30, "high": 10}, "phase": "udp", "done": 20, "note": '{"of": 40, "open": 1}', "summary": {}}
    assert read._done(shard) == {"critical": 15, "high": 5}


@installed
def test_nmap_looks_in_our_place(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")) as port, servers.refusing() as closed:
        scan = worker.scan(loopback, "127.0.0.1", ports=f"{port},{closed}", engine="nmap")
    assert (scan.state, scan.engine, scan.open_ports, scan.not_looked_at) == ("finished", "nmap", 1, [])
    assert services(ledger, loopback, scan.id) == [("tcp", port, "ssh")]
    with ledger.database.transaction(loopback) as session:
        (host,) = read.list_hosts(session, loopback, scan.id).items
        (service,) = read.list_services(session, loopback, scan.id).items
    assert (host.ports.open, host.ports.closed, service.product) == (1, 1, "OpenSSH")


@installed
def test_time_that_is_up_leaves_nmaps_ports_unknown(loopback: UUID, worker: Worker) -> None:
    scan = worker.scan(loopback, "127.0.0.1", ports="1-1000", engine="nmap", max_rate=20, timeout=3)
    assert (scan.state, scan.hosts_up) == ("incomplete", 0)
    assert "1,000 ports were not looked at" in scan.not_looked_at[0]


def test_without_nmap_the_scan_fails_at_once_and_names_the_remedy(
    loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nmap, "program", lambda: None)
    more: dict[str, Any] = {"engine": "nmap"}
    scan = worker.scan(loopback, "127.0.0.1", ports="1", **more)
    assert (scan.state, "apt install nmap" in str(scan.error)) == ("incomplete", True)
    with ledger.database.transaction(loopback) as session:
        assert get_job(session, loopback, scan.id).state == "FAILURE"
