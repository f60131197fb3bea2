"""The job kinds that start, stop, judge and watch scans, each with its real jobs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.scans import servers
from tests.scans.floor import allow
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.engine.health import Figures, examine
from watchfloor.capabilities.scans.queries import read
from watchfloor.capabilities.scans.schemas import ScanRequest
from watchfloor.catalog import CATALOG
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import InvalidInput, Unconfirmed
from watchfloor.kernel.jobs.enqueue import Options, bind, submit
from watchfloor.kernel.jobs.ledger import use_ledger
from watchfloor.kernel.jobs.queries import get_job, open_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scans.floor import Worker
    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.jobs.ledger import Ledger

WEB = b"HTTP/1.0 200 OK\r\nServer: nginx/1.24.0\r\n\r\nhello"
NAMED = (
    "execute_vulnerability_scan", "security_scan", "vulnerability_analysis", "discover_network", "cancel_scan", "daily_security_scan",
    "system_health_check",
)  # fmt: skip


@pytest.fixture
def here(ledger: Ledger) -> Iterator[Ledger]:
    """Make the test's ledger that of the process, as a script's is."""
    use_ledger(ledger)
    yield ledger
    use_ledger(None)


def do(ledger: Ledger, org: UUID, worker: Worker, kind: JobKind[Any, Any], **arguments: object) -> tuple[UUID, dict[str, Any]]:
    """Run a job of a kind and all that follows from it; return its id and result, or its state and reason."""
    made = submit(ledger, org, kind, bind(kind, arguments))
    worker.run_all(org)
    with ledger.database.transaction(org) as session:
        job = get_job(session, org, made.id)
        if job.state != "SUCCESS":
            return made.id, {"state": job.state, "reason": job.reason}
        return made.id, open_result(ledger, session, org, made.id) or {}


def draft(ledger: Ledger, org: UUID, ports: str = "1") -> UUID:
    """Keep a scan without starting it."""
    with ledger.database.transaction(org) as session:
        return jobs.draft_scan(ledger, session, org, ScanRequest(targets=["127.0.0.1"], ports=ports), actor="test")


def tagged(ledger: Ledger, org: UUID, address: str, tag: str = "daily") -> None:
    """Know an asset with a tag."""
    with ledger.database.transaction(org) as session:
        asset = see(session, org, kind="host", key=address)
        session.connection().exec_driver_sql("update asset set tags = %s where id = %s", ([tag], asset))


def test_the_kinds_are_named_limited_and_routed_as_promised() -> None:
    for name in NAMED:
        kind = CATALOG.kinds()[f"scans.{name}"]
        assert getattr(jobs, name).name == kind.name
        assert (kind.queue, kind.attempts, kind.first_delay) == ("scans", 4, timedelta(seconds=60)), name


def test_a_draft_is_executed_under_its_own_id(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan = draft(ledger, loopback)
    job, result = do(ledger, loopback, worker, jobs.execute_vulnerability_scan, scan_id=scan)
    view = worker.view(loopback, scan)
    assert (result, view.state, view.job) == ({"scan_id": str(scan), "shards": 1}, "finished", job)
    assert worker.count("scan", loopback) == 1


def test_a_repeated_attempt_executes_the_same_draft(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan = draft(ledger, loopback)
    job = submit(ledger, loopback, jobs.execute_vulnerability_scan, bind(jobs.execute_vulnerability_scan, {"scan_id": scan})).id
    worker.run(job)
    worker.again(job)
    assert worker.run_all(loopback) == ["scans.shard", "scans.finish"]
    assert (worker.count("scan", loopback), worker.view(loopback, scan).state) == (1, "finished")


def test_an_ended_scan_is_executed_again_as_a_new_one(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    old = worker.scan(loopback, "127.0.0.1", ports="1")
    job, result = do(ledger, loopback, worker, jobs.execute_vulnerability_scan, scan_id=old.id)
    assert UUID(result["scan_id"]) == job != old.id
    assert worker.view(loopback, job).state == "finished"


def test_another_organisations_scan_is_neither_executed_nor_cancelled_nor_judged(
    loopback: UUID, stranger: UUID, worker: Worker, ledger: Ledger
) -> None:
    scan = draft(ledger, loopback)
    for kind, name in (
        (jobs.execute_vulnerability_scan, "scan_id"),
        (jobs.cancel_scan, "scan_id"),
        (jobs.vulnerability_analysis, "scan_results"),
    ):
        assert do(ledger, stranger, worker, kind, **{name: scan})[1]["state"] == "FAILURE", kind.name
    assert worker.view(loopback, scan).state == "draft"


def test_a_security_scan_looks_at_one_target(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    job, _result = do(ledger, loopback, worker, jobs.security_scan, target_ip="127.0.0.1", scan_type="quick")
    view = worker.view(loopback, job)
    assert (view.state, view.targets, view.ports, view.name) == ("finished", ["127.0.0.1"], "top-100", "quick scan of 127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"target_ip": "192.0.2.7"}, "outside"),
        ({"target_ip": "127.0.0.1", "scan_type": "syn"}, "no scan type 'syn'"),
        ({"target_ip": "http://x/"}, "x"),
    ],
)
def test_a_security_scan_that_cannot_be_fails_at_once_and_says_why(
    loopback: UUID, worker: Worker, ledger: Ledger, arguments: dict[str, str], says: str
) -> None:
    _job, told = do(ledger, loopback, worker, jobs.security_scan, **arguments)
    assert told["state"] == "FAILURE"
    assert says in told["reason"]


def test_discovery_finds_living_hosts_as_assets_and_looks_at_no_service(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    job, _result = do(ledger, loopback, worker, jobs.discover_network, cidr="127.0.0.0/30")
    view = worker.view(loopback, job)
    assert (view.state, view.hosts, view.hosts_up, worker.count("asset", loopback)) == ("finished", 4, 4, 4)
    with ledger.database.transaction(loopback) as session:
        row: Any = session.connection().exec_driver_sql("select request->>'services' from scan").one()
    assert row[0] == "false"


def test_cancelling_as_a_job_stops_the_jobs_of_a_scan_whoever_repeats_it(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, first = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.0/25"], ports="22,8001"), actor="test")
    worker.run(first)
    parts = [one for one, _kind in worker.queued(loopback)]
    job = submit(ledger, loopback, jobs.cancel_scan, bind(jobs.cancel_scan, {"scan_id": scan}), Options(actor="somebody")).id
    worker.run(job)
    with ledger.database.transaction(loopback) as session:
        assert {get_job(session, loopback, one).state for one in parts} == {"REVOKED"}
        assert open_result(ledger, session, loopback, job) == {"scan_id": str(scan), "status": "cancelled", "note": ""}
        row: Any = session.connection().exec_driver_sql("select actor from audit_entry where operation = 'scan.cancel'").one()
    assert row[0] == "somebody"
    worker.again(job)
    with ledger.database.transaction(loopback) as session:
        again = open_result(ledger, session, loopback, job) or {}
    assert (again["status"], "has ended already" in again["note"]) == ("cancelled", True)


def test_cancelling_an_ended_scan_leaves_it_as_it_is(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan = worker.scan(loopback, "127.0.0.1", ports="1")
    _job, result = do(ledger, loopback, worker, jobs.cancel_scan, scan_id=scan.id)
    assert (result["status"], worker.view(loopback, scan.id).state) == ("finished", "finished")


@pytest.mark.parametrize("by_id", [True, False])
def test_analysis_judges_what_was_seen_and_changes_nothing(loopback: UUID, worker: Worker, ledger: Ledger, *, by_id: bool) -> None:
    with servers.listening(servers.site(lambda _asked: WEB)) as port:
        scan = worker.scan(loopback, "127.0.0.1", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        services = [one.model_dump(mode="json") for one in read.list_services(session, loopback, scan.id).items]
        (kept,) = read.list_scan_findings(session, loopback, scan.id).items
    document = {"scan": scan.model_dump(mode="json"), "hosts": [], "services": services, "findings": []}
    before = worker.count("event", loopback)
    given = scan.id if by_id else json.loads(json.dumps(document))
    _job, result = do(ledger, loopback, worker, jobs.vulnerability_analysis, scan_results=given)
    assert (result["services"], result["by_severity"], result["not_listed"]) == (1, {"low": 1}, 0)
    (found,) = result["findings"]["low"]
    assert (found["key"], found["check"], found["port"]) == (kept.key, "cleartext-http", port)
    assert worker.count("event", loopback) == before


@pytest.mark.parametrize(
    "document",
    [
        {}, {"services": "x"}, {"services": [{"address": "127.0.0.1", "port": 0}]}, {"services": [{"address": "x" * 99, "port": 1}]},
        {"services": [{"address": "127.0.0.1", "port": 1, "detail": {"certificate": {"sha256": 1}}}]},
    ],
)  # fmt: skip
def test_a_document_of_something_else_is_refused_with_the_reason(
    loopback: UUID, worker: Worker, ledger: Ledger, document: dict[str, Any]
) -> None:
    _job, told = do(ledger, loopback, worker, jobs.vulnerability_analysis, scan_results=document)
    assert (told["state"], "document" in told["reason"]) == ("FAILURE", True)


def test_an_organisation_that_tagged_nothing_is_not_scanned_daily(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    tagged(ledger, loopback, "127.0.0.1", tag="other")
    _job, result = do(ledger, loopback, worker, jobs.daily_security_scan)
    assert (result["scan_id"], result["targets"], worker.count("scan", loopback)) == (None, 0, 0)
    assert "tag assets `daily`" in result["note"]


def test_the_daily_scan_looks_at_what_is_tagged_or_set_and_within_the_scope(
    loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_SCANS_DAILY_TARGETS", "127.0.0.9, 192.0.2.7,nonsense!")
    monkeypatch.setenv("WATCHFLOOR_SCANS_PORTS", "1")
    for address in ("127.0.0.1", "192.0.2.8"):
        tagged(ledger, loopback, address)
    job, result = do(ledger, loopback, worker, jobs.daily_security_scan)
    view = worker.view(loopback, job)
    assert (result["targets"], view.targets, view.state) == (2, ["127.0.0.1", "127.0.0.9"], "finished")


def test_a_daily_scan_is_left_out_while_the_one_before_runs(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    tagged(ledger, loopback, "127.0.0.1")
    first = submit(ledger, loopback, jobs.daily_security_scan, bind(jobs.daily_security_scan, {})).id
    worker.run(first)
    second = submit(ledger, loopback, jobs.daily_security_scan, bind(jobs.daily_security_scan, {})).id
    worker.run(second)
    with ledger.database.transaction(loopback) as session:
        result = open_result(ledger, session, loopback, second) or {}
    assert (result["scan_id"], str(first) in result["note"]) == (None, True)


def test_a_floor_that_is_well_is_told_without_an_event(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    _job, result = do(ledger, loopback, worker, jobs.system_health_check)
    assert [trouble for trouble in result["troubles"] if trouble["check"] != "disk-full"] == []
    assert result["figures"]["workers"] >= 1
    assert told(ledger, loopback) == (["scans.unhealthy"] if result["troubles"] else [])  # this machine's disk may be full
    assert result["figures"]["disk_size_bytes"] > result["figures"]["disk_free_bytes"] > 0


def test_a_scan_that_nobody_works_for_is_ended_and_told_once(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    scan, _job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1"), actor="test")
    with ledger.database.transaction(loopback) as session:
        session.connection().exec_driver_sql("update scan set created_at = wf_now() - interval '6 minutes'")
    assert (
        do(ledger, loopback, worker, jobs.system_health_check)[1]["figures"]["stuck"] == []
    )  # its job waits, which is no fault of its own
    stuck, _job = jobs.submit_scan(ledger, loopback, ScanRequest(targets=["127.0.0.1"], ports="1"), actor="test")
    with ledger.database.transaction(loopback) as session:
        session.connection().exec_driver_sql("update scan set created_at = wf_now() - interval '6 minutes'")
    ledger.database.wire("wf_engine").execute("delete from job where id = %s", (stuck,))
    assert do(ledger, loopback, worker, jobs.system_health_check)[1]["figures"]["stuck"] == [str(stuck)]
    assert (worker.view(loopback, stuck).state, worker.view(loopback, scan).state) == ("incomplete", "finished")
    assert told(ledger, loopback) == ["scans.unhealthy"]
    do(ledger, loopback, worker, jobs.system_health_check)
    assert told(ledger, loopback) == ["scans.unhealthy", "scans.healthy"]
    do(ledger, loopback, worker, jobs.system_health_check)
    assert told(ledger, loopback) == ["scans.unhealthy", "scans.healthy"]


def told(ledger: Ledger, org: UUID) -> list[str]:
    """Return the events about health, first to last."""
    with ledger.database.transaction(org) as session:
        rows = session.connection().exec_driver_sql("select name from event where name like 'scans.%%healthy' order by id").all()
    return [row[0] for row in rows]


WELL = Figures(workers=1, slots=2, paused=False, waiting=0, oldest_wait_s=0, scans_running=0, disk_free_bytes=50, disk_size_bytes=100)


@pytest.mark.parametrize(
    ("figures", "checks"),
    [
        ({}, []),
        ({"paused": True}, [("queue-paused", "medium")]),
        ({"workers": 0}, [("no-worker", "high")]),
        ({"oldest_wait_s": 301}, [("queue-slow", "medium")]),
        ({"oldest_wait_s": 3601}, [("queue-slow", "high")]),
        ({"stuck": (new_id(),)}, [("scans-stuck", "medium")]),
        ({"overdue": tuple(new_id() for _ in range(5))}, [("scans-overdue", "medium")]),
        ({"disk_free_bytes": 9}, [("disk-full", "high")]),
        ({"disk_free_bytes": 2}, [("disk-full", "critical")]),
        ({"disk_free_bytes": 10}, []),
    ],
)
def test_each_trouble_has_its_check(figures: dict[str, Any], checks: list[tuple[str, str]]) -> None:
    found = examine(WELL.model_copy(update=figures))
    assert [(trouble.check, trouble.severity) for trouble in found.troubles] == checks
    assert found.status == ("unhealthy" if checks else "healthy")


@pytest.mark.parametrize("queue", ["scans", "security", "network"])
def test_other_names_of_the_queue_lead_to_it(here: Ledger, loopback: UUID, worker: Worker, queue: str) -> None:
    result = jobs.security_scan.apply_async(kwargs={"target_ip": "127.0.0.1", "scan_type": "quick"}, queue=queue, org=loopback)
    with here.database.transaction(loopback) as session:
        assert get_job(session, loopback, UUID(result.id)).queue == "scans"
    worker.run_all(loopback)
    assert result.state == "SUCCESS"


def test_a_queue_that_there_is_not_is_refused(here: Ledger, loopback: UUID) -> None:
    allow(here, loopback, "::1")
    with pytest.raises(InvalidInput, match="does not run on queue 'fast'"):
        jobs.security_scan.apply_async(kwargs={"target_ip": "127.0.0.1"}, queue="fast", org=loopback)


def test_what_is_tagged_daily_is_meant_however_much_it_is(
    loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_SCANS_CONFIRM_ADDRESSES", "1")
    monkeypatch.setenv("WATCHFLOOR_SCANS_PORTS", "1-3")
    for address in ("127.0.0.1", "127.0.0.2"):
        tagged(ledger, loopback, address)
    job, result = do(ledger, loopback, worker, jobs.daily_security_scan)
    assert (result["targets"], worker.view(loopback, job).state) == (2, "finished")


def test_a_wide_network_is_discovered_when_that_is_meant(
    loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_SCANS_CONFIRM_ADDRESSES", "1")
    _job, refused = do(ledger, loopback, worker, jobs.discover_network, cidr="127.0.0.0/30")
    assert refused["state"] == "FAILURE"
    assert "wide scan" in refused["reason"]
    meant, _ = do(ledger, loopback, worker, jobs.discover_network, cidr="127.0.0.0/30", confirmed=True)
    assert worker.view(loopback, meant).hosts == 4


def test_a_wide_draft_is_confirmed_when_it_starts(loopback: UUID, worker: Worker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_SCANS_CONFIRM_PROBES", "1")
    with ledger.database.transaction(loopback) as session:
        scan = jobs.draft_scan(ledger, session, loopback, ScanRequest(targets=["127.0.0.1"], ports="1-2"), actor="test")
    with pytest.raises(Unconfirmed, match="2 probes"), ledger.database.transaction(loopback) as session:
        jobs.start_scan(ledger, session, loopback, scan, actor="test")
    with ledger.database.transaction(loopback) as session:
        jobs.start_scan(ledger, session, loopback, scan, actor="test", approver=True)
    worker.run_all(loopback)
    assert worker.view(loopback, scan).state == "finished"
