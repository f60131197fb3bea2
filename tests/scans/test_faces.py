"""The addresses and answers that clients of other platforms know, over real scans."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.api.floor import Client, client_of
from tests.scans import servers
from tests.scans.floor import allow
from watchfloor.capabilities.scans import jobs
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    import httpx

    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

FACE = "/vulnerabilities/scans"
FOUND = b"HTTP/1.0 200 OK\r\nServer: nginx/1.24.0\r\n\r\nhello"


@pytest.fixture
def client(owner: Client, ledger: Ledger) -> Client:
    """Be the owner of an organisation that may scan loopback."""
    allow(ledger, owner.org, "127.0.0.0/8")
    return owner


def test_a_task_travels_from_the_request_to_its_result(client: Client, worker: Worker) -> None:
    with servers.listening(servers.site(lambda _asked: FOUND)) as port, servers.refusing() as closed:
        asked = {
            "target": "127.0.0.1",
            "ports": f"{port},{closed}",
            "config": {"scan_type": "standard", "timeout": 60, "max_concurrent": 100},
        }
        answer = client.ask("POST", "/api/scan", json=asked)
        made = answer.json()
        assert (answer.status_code, made["status"], made["task_id"]) == (202, "queued", made["scan_id"])
        assert "127.0.0.1" in made["message"]
        waiting = client.get(f"/api/scan/{made['task_id']}")
        assert (waiting["state"], waiting["progress"], waiting["result"]) == ("PENDING", 0, None)
        worker.run_all(client.org)
    done = client.get(f"/api/scan/{made['task_id']}")
    assert (done["state"], done["progress"]) == ("SUCCESS", 100)
    assert done["result"] == {
        "scan_id": made["scan_id"], "target": "127.0.0.1", "ports": f"{port},{closed}", "total_ports_scanned": 2, "open_ports": [port],
        "findings": 1, "status": "completed", "progress": 100, "not_looked_at": [],
    }  # fmt: skip
    assert client.get(f"/scans/{made['scan_id']}")["state"] == "finished"


def test_a_running_task_tells_its_group_and_how_far_it_is(client: Client, worker: Worker) -> None:
    task = client.post("/api/scan", {"target": "127.0.0.0/25", "ports": [22, 8001]})["task_id"]
    worker.run(UUID(task))
    begun = client.get(f"/api/scan/{task}")
    assert begun == {
        "state": "PROGRESS", "status": "Scanning critical priority ports", "progress": 0, "current_group": "critical", "group_size": 128,
        "result": None, "error": None,
    }  # fmt: skip
    for _ in range(2):
        worker.run(worker.queued(client.org)[0][0])
    half = client.get(f"/api/scan/{task}")
    assert (half["status"], half["progress"], half["current_group"]) == ("Scanning high priority ports", 50, "high")


def test_a_task_that_could_not_look_has_failed_and_says_why(owner: Client, worker: Worker, ledger: Ledger) -> None:
    allow(ledger, owner.org, "127.9.9.9")
    task = owner.post("/api/scan", {"target": "localhost", "ports": "1"})["task_id"]
    worker.run_all(owner.org)
    failed = owner.get(f"/api/scan/{task}")
    assert (failed["state"], failed["result"]) == ("FAILURE", None)
    assert "localhost" in failed["error"]


def test_a_task_that_missed_a_part_does_not_call_it_completed(client: Client, worker: Worker) -> None:
    task = client.post("/api/scan", {"target": "127.0.0.1", "ports": "1-1000", "config": {"timeout": 0.000001}})["task_id"]
    worker.run_all(client.org)
    result = client.get(f"/api/scan/{task}")["result"]
    assert (result["status"], result["open_ports"]) == ("incomplete", [])
    assert "1,000 ports were not looked at" in result["not_looked_at"][0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"target": ""},
        {"target": ","},
        {"target": "x" * 301},
        {"target": "127.0.0.1", "ports": "0"},
        {"target": "127.0.0.1", "ports": [70000]},
        {"target": "127.0.0.1", "config": {"scan_type": "syn"}},
        {"target": "127.0.0.1", "config": {"timeout": 0}},
        {"target": "127.0.0.1", "config": {"speed": 9}},
    ],
)
def test_a_malformed_task_is_a_422_and_writes_nothing(client: Client, body: dict[str, object]) -> None:
    answer = client.ask("POST", "/api/scan", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert client.get("/scans")["items"] == []


def test_a_target_outside_the_scope_is_a_403_that_names_it(client: Client) -> None:
    answer = client.ask("POST", "/api/scan", json={"target": "192.0.2.7"})
    assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
    assert "192.0.2.7" in answer.json()["detail"]


def test_the_scan_type_decides_what_was_left_open(client: Client) -> None:
    quick = client.post("/api/scan", {"target": "127.0.0.1", "config": {"scan_type": "Quick"}})["scan_id"]
    named = client.post("/api/scan", {"target": "127.0.0.1,127.0.0.2", "ports": "80", "config": {"scan_type": "full"}})["scan_id"]
    assert client.get(f"/scans/{quick}")["ports"] == "top-100"
    assert (client.get(f"/scans/{named}")["ports"], client.get(f"/scans/{named}")["targets"]) == ("80", ["127.0.0.1", "127.0.0.2"])


def test_the_same_idempotency_key_makes_one_task(client: Client) -> None:
    asked = {"json": {"target": "127.0.0.1", "ports": "1"}, "headers": {"Idempotency-Key": "once"}}
    assert client.ask("POST", "/api/scan", **asked).content == client.ask("POST", "/api/scan", **asked).content
    assert len(client.get("/scans")["items"]) == 1


def test_a_draft_waits_until_it_is_started(client: Client, worker: Worker) -> None:
    made = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "name": "night", "start": False})
    scan = made["id"]
    assert (made["job"], worker.queued(client.org)) == (None, [])
    assert (client.get(f"/scans/{scan}")["state"], client.get(f"/scans/{scan}")["name"]) == ("draft", "night")
    before = client.get(f"{FACE}/{scan}/status")
    assert (before["scan_status"], before["task_id"], before["task_state"]) == ("pending", None, "PENDING")
    started = client.post(f"{FACE}/{scan}/start")
    assert started == {"id": scan, "name": "night", "status": "queued", "celery_task_id": scan}
    assert client.ask("POST", f"{FACE}/{scan}/start").status_code == 409
    assert worker.run_all(client.org) == ["scans.run", "scans.shard", "scans.finish"]
    after = client.get(f"{FACE}/{scan}/status")
    assert (after["scan_id"], after["scan_status"], after["task_id"], after["task_state"]) == (scan, "completed", scan, "SUCCESS")
    assert after["task_info"]["result"]["total_ports_scanned"] == 1


def test_a_draft_is_checked_like_a_scan(client: Client) -> None:
    assert client.ask("POST", "/scans", json={"targets": ["192.0.2.7"], "start": False}).status_code == 403
    assert client.ask("POST", "/scans", json={"targets": ["127.0.0.1"], "ports": "0", "start": False}).status_code == 422
    assert client.get("/scans")["items"] == []


def test_a_draft_whose_targets_left_the_scope_does_not_start(client: Client) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "start": False})["id"]
    (entry,) = client.get("/scope")["items"]
    assert client.ask("DELETE", f"/scope/{entry['id']}").status_code == 204
    assert client.ask("POST", f"/scans/{scan}/start").status_code == 403
    assert client.get(f"/scans/{scan}")["state"] == "draft"


def test_an_ended_scan_started_again_is_a_new_scan_of_the_same(client: Client, worker: Worker) -> None:
    first = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "name": "night"})["id"]
    worker.run_all(client.org)
    second = client.post(f"/scans/{first}/start")["id"]
    worker.run_all(client.org)
    old, new = client.get(f"/scans/{first}"), client.get(f"/scans/{second}")
    assert first != second
    assert (new["state"], new["name"], new["targets"], new["ports"]) == (old["state"], "night", old["targets"], old["ports"])


def test_cancelling_by_the_face_stops_a_scan_once(client: Client, worker: Worker) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1"})["id"]
    assert client.post(f"{FACE}/{scan}/cancel") == {"scan_id": scan, "status": "cancelled"}
    assert client.ask("POST", f"{FACE}/{scan}/cancel").status_code == 409
    assert worker.run_all(client.org) == []
    assert client.get(f"/api/scan/{scan}")["state"] == "REVOKED"
    assert client.get(f"{FACE}/{scan}/status")["scan_status"] == "cancelled"


def test_a_cancelled_draft_never_ran(client: Client, worker: Worker) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "start": False})["id"]
    assert client.post(f"/scans/{scan}/cancel")["state"] == "cancelled"
    assert worker.run_all(client.org) == []


def test_a_task_is_found_by_the_job_that_made_its_scan(client: Client, worker: Worker, ledger: Ledger) -> None:
    draft = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "start": False})["id"]
    job = submit(ledger, client.org, jobs.execute_vulnerability_scan, jobs.execute_vulnerability_scan.arguments(scan_id=draft)).id
    worker.run_all(client.org)
    assert client.get(f"/api/scan/{job}")["result"]["scan_id"] == draft


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/scan/{0}"), ("GET", FACE + "/{0}/status"), ("POST", FACE + "/{0}/start"), ("POST", FACE + "/{0}/cancel"), ("POST", "/scans/{0}/start")],
)  # fmt: skip
def test_another_organisations_scan_is_unknown(
    client: Client, http: httpx.Client, ledger: Ledger, stranger: UUID, method: str, path: str
) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "start": False})["id"]
    other = client_of(http, ledger, stranger, "owner")
    for unknown in (scan, uuid4()):
        assert other.ask(method, path.format(unknown)).status_code == 404
    assert client.get(f"/scans/{scan}")["state"] == "draft"


def test_who_may_only_read_looks_and_starts_nothing(client: Client, http: httpx.Client, ledger: Ledger) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1", "start": False})["id"]
    viewer = client_of(http, ledger, client.org, "viewer")
    assert viewer.get(f"/api/scan/{scan}")["state"] == "PENDING"
    assert viewer.ask("POST", "/api/scan", json={"target": "127.0.0.1"}).status_code == 403
    assert viewer.ask("POST", f"{FACE}/{scan}/start").status_code == 403
    assert viewer.ask("POST", f"{FACE}/{scan}/cancel").status_code == 403
    assert client.http.post("/api/scan", json={"target": "127.0.0.1"}).status_code == 401
