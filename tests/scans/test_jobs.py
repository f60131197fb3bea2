"""Facts about scans as jobs, on a real database, with a real sandbox and real listeners."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans import servers
from tests.scans.floor import allow
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.jobs import notebook, run
from watchfloor.capabilities.scans.queries import learned, read, write
from watchfloor.capabilities.scans.schemas import Profile, ScanRequest
from watchfloor.kernel.assets.queries import list_scope
from watchfloor.kernel.assets.scope import remove_scope
from watchfloor.kernel.contract import Want
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, Fenced, InvalidInput, NotFound, OutOfScope
from watchfloor.kernel.findings.queries import list_findings
from watchfloor.kernel.jobs import leases
from watchfloor.kernel.jobs.cancel import cancel
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.queries import get_job, list_jobs, open_result

if TYPE_CHECKING:
    from uuid import UUID

    from tests.scans.floor import Worker
    from watchfloor.capabilities.scans.schemas import ProbeAnswers
    from watchfloor.kernel.jobs.ledger import Ledger

PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/1.24.0\r\n\r\n<title>Hello</title>"
TABLES = ("host", "service", "finding", "asset", "scan_finding", "event")


def web(_asked: bytes) -> bytes:
    return PAGE


def test_a_scan_finds_what_listens_and_keeps_it(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")) as ssh, servers.refusing() as closed:
        scan = worker.scan(loopback, "127.0.0.1", ports=f"{ssh},{closed}")
    assert (scan.state, scan.hosts, scan.hosts_up, scan.open_ports, scan.not_looked_at) == ("finished", 1, 1, 1, [])
    with ledger.database.transaction(loopback) as session:
        (service,) = read.list_services(session, loopback, scan.id).items
        (host,) = read.list_hosts(session, loopback, scan.id).items
        progress = read.scan_progress(session, loopback, scan.id)
    assert (service.port, service.name, service.product, service.version) == (ssh, "ssh", "OpenSSH", "9.2p1")
    assert (host.address, host.ports.open, host.ports.closed) == ("127.0.0.1", 1, 1)
    assert (progress.phase, progress.done, progress.total, progress.open) == ("finished", 2, 2, 1)


def test_one_small_scan_is_planned_looked_at_and_ended_by_three_jobs(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1-3"), actor="test")
    assert worker.run_all(loopback) == ["scans.run", "scans.shard", "scans.finish"]


def test_findings_are_recorded_with_their_asset_and_told(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(web)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        (seen,) = read.list_scan_findings(session, loopback, scan.id).items
        (kept,) = list_findings(session, loopback).items
    assert (seen.check, seen.port, seen.is_new, kept.id, kept.capability) == ("cleartext-http", port, True, seen.id, "scans")
    with ledger.database.transaction(loopback) as session:
        names = [row[0] for row in session.connection().exec_driver_sql("select name from event order by id")]
    assert names == ["finding.opened", "scans.finished"]


def test_the_same_finding_in_a_second_scan_is_not_new(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(web)) as port:
        first, second = (worker.scan(loopback, "127.0.0.1", ports=str(port)) for _ in range(2))
    with ledger.database.transaction(loopback) as session:
        assert [one.is_new for one in read.list_scan_findings(session, loopback, first.id).items] == [True]
        assert [one.is_new for one in read.list_scan_findings(session, loopback, second.id).items] == [False]


def test_a_finding_closes_when_its_port_is_seen_closed(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(web)) as port:
        worker.scan(loopback, "127.0.0.1", ports=str(port))
    worker.scan(loopback, "127.0.0.1", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        assert [one.state for one in list_findings(session, loopback).items] == ["fixed"]


def test_a_finding_stays_open_when_its_port_was_not_asked(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(web)) as port, servers.refusing() as other:
        worker.scan(loopback, "127.0.0.1", ports=str(port))
        worker.scan(loopback, "127.0.0.1", ports=str(other))
    with ledger.database.transaction(loopback) as session:
        assert [one.state for one in list_findings(session, loopback).items] == ["open"]


def test_a_finding_on_a_closed_port_closes_though_another_port_stays_silent(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.dropping() as silent:
        with servers.listening(servers.site(web)) as port:
            worker.scan(loopback, "127.0.0.1", ports=f"{port},{silent}")
        worker.scan(loopback, "127.0.0.1", ports=f"{port},{silent}")
    with ledger.database.transaction(loopback) as session:
        assert [one.state for one in list_findings(session, loopback).items] == ["fixed"]


def test_a_repeated_attempt_of_a_part_changes_nothing(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(web)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=f"{port},1-50")
        before = {table: worker.count(table, loopback) for table in TABLES}
        with ledger.database.transaction(loopback) as session:
            (shard,) = list_jobs(session, loopback, kind="scans.shard").items
            # As if the worker had died after looking and before its commit counted.
            session.connection().exec_driver_sql("update shard set state = 'taken'")
            session.connection().exec_driver_sql("update scan set state = 'running', finished_at = null")
        worker.again(shard.id)
    assert {table: worker.count(table, loopback) for table in TABLES} == before
    assert worker.view(loopback, scan.id).open_ports == 1


def test_a_part_whose_worker_died_goes_on_and_counts_nothing_twice(
    loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers.listening(servers.site(web)) as port:
        calm = worker.scan(loopback, "127.0.0.1", ports=f"{port},1-50")
        scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports=f"{port},1-50", max_rate=40), actor="test")
        worker.run(job)
        ((shard, _kind),) = worker.queued(loopback)
        save = notebook.Notebook.keep

        def die(self: notebook.Notebook, answers: ProbeAnswers) -> dict[str, Any]:
            save(self, answers)
            raise Fenced("the worker is gone; nobody writes down how its attempt ended")

        with monkeypatch.context() as patch:
            patch.setattr(notebook.Notebook, "keep", die)
            worker.run(shard)
        part = worker.view(loopback, scan)
        assert 0 < part.probes < 51
        worker.lost(shard)
        worker.run_all(loopback)
    after = worker.view(loopback, scan)
    assert (after.state, after.probes, after.open_ports, after.hosts_up) == ("finished", calm.probes, calm.open_ports, 1)
    with ledger.database.transaction(loopback) as session:
        assert [host.ports for host in read.list_hosts(session, loopback, scan).items] == [
            host.ports for host in read.list_hosts(session, loopback, calm.id).items
        ]
        assert len(read.list_scan_findings(session, loopback, scan).items) == 1


def test_two_organisations_look_at_one_host_after_each_other_and_are_not_told_of_each_other(
    loopback: UUID, stranger: UUID, worker: Worker, ledger: Ledger
) -> None:
    allow(ledger, stranger, "127.0.0.0/8")
    other = [Want(key="net:127.0.0.0", per_second=None, members=frozenset((1,)))]
    holder = new_id()
    assert leases.lease(ledger, holder, other, worker=new_id()) is not None
    scan = worker.scan(loopback, "127.0.0.1", ports="1", timeout=timedelta(seconds=2))
    assert scan.state == "incomplete"
    assert "the scan's time limit was used up before this part began" in scan.not_looked_at[0]
    leases.release(ledger, holder)
    assert worker.scan(stranger, "127.0.0.1", ports="1").state == "finished"


def test_a_repeated_plan_adds_no_parts(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1-3"), actor="test")
    worker.run(job)
    worker.again(job)
    assert (worker.count("shard", loopback), worker.run_all(loopback)) == (1, ["scans.shard", "scans.finish"])
    assert worker.view(loopback, scan).state == "finished"


@pytest.mark.parametrize("target", ["192.0.2.7", "127.0.0.1,192.0.2.0/30"])
def test_a_target_outside_the_scope_is_refused_with_the_remedy_and_nothing_is_written(
    loopback: UUID, worker: Worker, ledger: Ledger, target: str
) -> None:
    with pytest.raises(OutOfScope, match=r"192\.0\.2\.\d.*outside.*`watchfloor scope add"):
        jobs.submit_scan(ledger, loopback, ScanRequest(targets=target.split(",")), actor="test")
    assert (worker.count("scan", loopback), worker.queued(loopback)) == (0, [])


@pytest.mark.parametrize(
    ("targets", "ports"), [([], "1"), (["127.0.0.1"], "0"), (["127.0.0.1"], "70000"), (["127.0.0.300"], "1"), (["10.0.0.0/8"], "1")]
)
def test_a_malformed_request_is_refused(loopback: UUID, ledger: Ledger, targets: list[str], ports: str) -> None:
    with pytest.raises(InvalidInput):
        jobs.submit_scan(ledger, loopback, ScanRequest(targets=targets, ports=ports), actor="test")


def test_a_name_is_resolved_in_the_box_and_looked_at(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    allow(ledger, loopback, "::1")
    with servers.listening(servers.banner(b"220 hello\r\n")) as port:
        scan = worker.scan(loopback, "localhost", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        assert ("127.0.0.1", "localhost") in [(host.address, host.name) for host in read.list_hosts(session, loopback, scan.id).items]


def test_a_name_that_leads_out_of_the_scope_fails_the_scan_with_the_remedy(org: UUID, worker: Worker, ledger: Ledger) -> None:
    allow(ledger, org, "127.9.9.9")
    scan = worker.scan(org, "localhost", ports="1")
    assert scan.state == "incomplete"
    assert scan.error is not None
    assert "outside this organisation's scope" in scan.error
    assert "`watchfloor scope add localhost`" in scan.error
    with ledger.database.transaction(org) as session:
        assert get_job(session, org, scan.id).state == "FAILURE"


def test_a_scope_that_shrinks_meanwhile_is_obeyed(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(web)) as port:
        scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports=str(port)), actor="test")
        worker.run(job)
        with ledger.database.transaction(loopback) as session:
            (entry,) = list_scope(session, loopback).items
            remove_scope(session, loopback, entry.id, actor="test")
        worker.run_all(loopback)
    view = worker.view(loopback, scan)
    assert (view.state, view.open_ports, worker.count("asset", loopback)) == ("incomplete", 0, 0)
    assert view.not_looked_at == [
        "1 port was not looked at, because a part of the scan was given up: the scope does not allow these addresses any more"
    ]


def test_what_time_did_not_suffice_for_is_not_looked_at_and_never_closed(loopback: UUID, worker: Worker) -> None:
    scan = worker.scan(loopback, "127.0.0.1", ports="1-1000", timeout=timedelta(microseconds=1))
    assert scan.state == "incomplete"
    assert "1,000 ports were not looked at" in scan.not_looked_at[0]


def test_a_part_is_kept_as_ranges_with_the_names_its_addresses_came_from(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    allow(ledger, loopback, "::1")
    _scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.4.0/26", "localhost"], ports="22"), actor="test")
    worker.run(job)
    with ledger.database.transaction(loopback) as session:
        rows = session.connection().exec_driver_sql("select request from shard order by n").scalars().all()
    spans = [tuple(one) for row in rows for one in row["spans"]]
    assert ("127.0.4.0", "127.0.4.63") in spans
    assert {name for row in rows for name in row["names"].items()} >= {("127.0.0.1", "localhost")}


def test_critical_ports_of_all_targets_come_first_whatever_job_starts_first(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.0/25"], ports="22,8001"), actor="test")
    worker.run(job)
    waiting = [one for one, _kind in worker.queued(loopback)]
    assert len(waiting) == 4
    groups = []
    for shard in reversed(waiting):
        worker.run(shard)
        with ledger.database.transaction(loopback) as session:
            row = session.connection().exec_driver_sql("select totals from shard where job = %s", (shard,)).one()
        groups += list(row[0])
    assert groups == ["critical", "critical", "high", "high"]
    worker.run_all(loopback)
    assert worker.view(loopback, scan).state == "finished"


def test_a_scan_in_progress_says_how_far_it_is(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.0/25"], ports="22,8001"), actor="test")
    worker.run(job)
    worker.run(worker.queued(loopback)[0][0])
    with ledger.database.transaction(loopback) as session:
        now = read.scan_progress(session, loopback, scan)
    assert (now.state, now.phase, now.total, now.shards_done, now.shards_total) == ("running", "critical", 256, 1, 4)
    assert [(group.group, group.total) for group in now.groups] == [("critical", 128), ("high", 128)]
    assert 0 < now.done < now.total


def test_cancelling_a_scan_stops_its_jobs_and_keeps_what_it_learned(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.banner(b"220 hello\r\n")) as port:
        scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.0/25"], ports=f"22,{port}"), actor="test")
        worker.run(job)
        first, *rest = [one for one, _kind in worker.queued(loopback)]
        worker.run(first)
        jobs.stop_scan(ledger, loopback, scan, actor="test")
        assert worker.run_all(loopback) == ["scans.finish"]
    with ledger.database.transaction(loopback) as session:
        assert {get_job(session, loopback, one).state for one in rest} == {"REVOKED"}
        progress = read.scan_progress(session, loopback, scan)
    view = worker.view(loopback, scan)
    assert (view.state, view.hosts_up) == ("cancelled", 64)
    # One part of 64 ports was looked at; the rest is neither done nor passed over in silence.
    assert (progress.done, progress.total) == (64, 256)
    assert view.not_looked_at == ["192 ports were not looked at, because a part of the scan was given up: never begun"]
    with pytest.raises(Conflict, match="has ended already"):
        jobs.stop_scan(ledger, loopback, scan, actor="test")


def test_a_part_that_starts_after_the_cancel_looks_at_nothing(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1"), actor="test")
    worker.run(job)
    with ledger.database.transaction(loopback) as session:
        write.end_scan(session, loopback, scan, state="cancelled")
    worker.run_all(loopback)
    assert (worker.view(loopback, scan).state, worker.count("host", loopback)) == ("cancelled", 0)


def test_a_scan_whose_job_was_cancelled_from_outside_has_ended(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1"), actor="test")
    cancel(ledger, loopback, [job], actor="test")
    view = worker.view(loopback, scan)
    assert view.state == "cancelled"
    assert view.finished_at is not None


def test_a_job_made_with_targets_alone_is_a_scan_of_its_own(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    made = submit(ledger, loopback, jobs.run_scan, jobs.RunScan(targets=["127.0.0.1"], ports="1-3"))
    worker.run_all(loopback)
    assert worker.view(loopback, made.id).state == "finished"
    with ledger.database.transaction(loopback) as session:
        assert open_result(ledger, session, loopback, made.id) == {"scan_id": str(made.id), "shards": 1}


def test_a_job_that_repeats_an_ended_scan_is_a_new_scan(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    old = worker.scan(loopback, "127.0.0.1", ports="1-3")
    made = submit(ledger, loopback, jobs.run_scan, jobs.RunScan(scan_id=old.id))
    worker.run_all(loopback)
    new = worker.view(loopback, made.id)
    assert (new.state, new.targets, new.ports) == ("finished", old.targets, old.ports)


def test_another_organisations_scan_cannot_be_run_or_read(loopback: UUID, stranger: UUID, worker: Worker, ledger: Ledger) -> None:
    scan = worker.scan(loopback, "127.0.0.1", ports="1")
    made = submit(ledger, stranger, jobs.run_scan, jobs.RunScan(scan_id=scan.id))
    worker.run_all(stranger)
    with ledger.database.transaction(stranger) as session:
        assert get_job(session, stranger, made.id).state == "FAILURE"
        for look in (read.get_scan, read.list_hosts, read.list_services, read.list_scan_findings, read.scan_progress):
            with pytest.raises(NotFound):
                look(session, stranger, scan.id)
        assert read.list_scans(session, stranger).items == []
    with pytest.raises(NotFound):
        jobs.stop_scan(ledger, stranger, scan.id, actor="test")


def test_what_a_target_sends_is_stored_whatever_it_is(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    hostile = b"HTTP/1.0 200 OK\r\nServer: nginx/1.0\0\x1b[2J\xff\\u0000\r\n\r\n<title>\0\xed\xa0\x80<script></title>"
    with servers.listening(servers.site(lambda _asked: hostile)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        (service,) = read.list_services(session, loopback, scan.id).items
    assert (scan.state, service.name) == ("finished", "http")


def test_json_that_postgresql_refuses_is_made_storable() -> None:
    assert learned.storable(["a\0b", "\ud800"]) == '["a\\ufffdb", "?"]'


def test_a_very_wide_scan_has_several_batches_and_the_last_ends_it(
    loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CHILDREN", 3)
    scan, job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.0/25"], ports="22,8001"), actor="test")
    worker.run(job)
    parts = [one for one, kind in worker.queued(loopback) if kind == "scans.shard"]
    assert len(parts) == 4
    for part in parts[:3]:
        worker.run(part)
    (early,) = [one for one, kind in worker.queued(loopback) if kind == "scans.finish"]
    worker.run(early)
    assert worker.view(loopback, scan).state == "running"
    assert worker.run_all(loopback) == ["scans.shard", "scans.finish"]
    view = worker.view(loopback, scan)
    assert (view.state, view.not_looked_at, view.probes) == ("finished", [], 256)


def test_a_16_times_1000_ports_is_planned_in_little_memory(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    asked = ScanRequest(targets=["127.7.0.0/16"], ports="top-1000", confirmed=True)
    scan, job = jobs.submit_scan(ledger, loopback, asked, actor="test")
    tracemalloc.start()
    worker.run(job)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with ledger.database.transaction(loopback) as session:
        progress = read.scan_progress(session, loopback, scan)
    assert (progress.total, progress.state) == (65_536_000, "running")
    assert 1000 < progress.shards_total < 10_000
    assert peak < 60 << 20  # the interpreter and libraries of a worker's process take the rest of 150 MB
    jobs.stop_scan(ledger, loopback, scan, actor="test")


def test_the_operators_ceilings_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_SCANS_PORTS", "22")
    monkeypatch.setenv("WATCHFLOOR_SCANS_MAX_RATE", "100")
    monkeypatch.setenv("WATCHFLOOR_SCANS_MAX_CONCURRENT", "50")
    asked = run.settled(ScanRequest(targets=["127.0.0.1"], max_rate=1000, max_concurrent=2000))
    assert (asked.ports, asked.max_rate, asked.max_concurrent) == ("22", 100, 50)
    assert run.settled(ScanRequest(targets=["127.0.0.1"], ports="80", max_rate=5)).max_rate == 5


def test_a_profile_fills_what_the_request_leaves_open_and_no_more() -> None:
    polite, fast = (run.settled(ScanRequest(targets=["127.0.0.1"], profile=one)) for one in (Profile.POLITE, Profile.FAST))
    assert (polite.max_concurrent, polite.max_rate) == (64, 200)
    assert (fast.max_concurrent, fast.max_rate) == (6000, None)
    asked = run.settled(ScanRequest(targets=["127.0.0.1"], profile=Profile.POLITE, max_rate=5000, max_concurrent=10))
    assert (asked.max_concurrent, asked.max_rate) == (10, 5000)
    assert run.settled(ScanRequest(targets=["127.0.0.1"])).max_concurrent == 2000
