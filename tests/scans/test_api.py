"""Scans over REST: from the request to what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.api.floor import Client, client_of
from tests.scans import servers
from tests.scans.floor import allow

if TYPE_CHECKING:
    import httpx

    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/1.24.0\r\n\r\nhello"


@pytest.fixture
def client(owner: Client, ledger: Ledger) -> Client:
    """Be the owner of an organisation that may scan loopback."""
    allow(ledger, owner.org, "127.0.0.0/8")
    return owner


def test_a_scan_travels_from_the_request_to_what_it_found(client: Client, worker: Worker) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE)) as port:
        answer = client.ask("POST", "/scans", json={"targets": ["127.0.0.1"], "ports": str(port)})
        made = answer.json()
        assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/scans/{made['id']}")
        assert client.get(f"/scans/{made['id']}")["state"] == "planned"
        worker.run_all(client.org)
    scan = f"/scans/{made['id']}"
    assert (client.get(scan)["state"], client.get(scan)["open_ports"]) == ("finished", 1)
    assert [host["address"] for host in client.get(f"{scan}/hosts")["items"]] == ["127.0.0.1"]
    assert [(one["port"], one["product"], one["version"]) for one in client.get(f"{scan}/services", port=port)["items"]] == [
        (port, "nginx", "1.24.0")
    ]
    assert [one["check"] for one in client.get(f"{scan}/findings", severity="low")["items"]] == ["cleartext-http"]
    assert client.get(f"{scan}/findings", severity="critical,high")["items"] == []
    assert client.get(f"{scan}/progress")["done"] == 1
    assert client.get(f"/jobs/{made['job']}")["state"] == "SUCCESS"


def test_a_target_outside_the_scope_is_a_403_that_names_target_and_remedy(client: Client) -> None:
    answer = client.ask("POST", "/scans", json={"targets": ["127.0.0.1", "192.0.2.7"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
    assert "192.0.2.7" in answer.json()["detail"]
    assert "watchfloor scope add" in answer.json()["detail"]
    assert client.get("/scans")["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"targets": []},
        {"targets": ["127.0.0.1"], "ports": "0"},
        {"targets": ["127.0.0.1"], "ports": "70000"},
        {"targets": ["http://127.0.0.1/"]},
        {"targets": ["127.0.0.0/8"], "ports": "1"},
        {"targets": ["127.0.0.1"], "timeout": "P2D"},
        {"targets": ["127.0.0.1"], "speed": "fast"},
        {"targets": ["x" * 301]},
        {"targets": ["127.0.0.1\x00"]},
        {"targets": ["127.0.0.1"], "exclude": ["tag:web"]},
        {"targets": ["127.0.0.1"], "exclude": ["127.0.0.1"]},
        {"targets": ["127.0.0.1"], "profile": "insane"},
        {"targets": ["tag:nobody"]},
    ],
)
def test_a_malformed_request_is_a_422_and_writes_nothing(client: Client, body: dict[str, object]) -> None:
    assert client.ask("POST", "/scans", json=body).status_code == 422
    assert client.get("/scans")["items"] == []


def test_the_same_idempotency_key_makes_one_scan(client: Client) -> None:
    body = {"targets": ["127.0.0.1"], "ports": "1"}
    first, second = (client.ask("POST", "/scans", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.content, first.headers["location"]) == (second.content, second.headers["location"])
    assert len(client.get("/scans")["items"]) == 1


def test_cancelling_is_accepted_once(client: Client, worker: Worker) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1"})["id"]
    assert client.post(f"/scans/{scan}/cancel")["state"] == "cancelled"
    assert client.ask("POST", f"/scans/{scan}/cancel").status_code == 409
    assert worker.run_all(client.org) == []


def test_lists_are_paged_by_key(client: Client) -> None:
    made = [client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1"})["id"] for _ in range(3)]
    first = client.get("/scans", limit=2)
    rest = client.get("/scans", limit=2, after=first["next"])
    assert sorted(one["id"] for one in first["items"] + rest["items"]) == sorted(made)
    assert rest["next"] is None
    assert client.get("/scans", state="finished")["items"] == []
    assert client.ask("GET", "/scans", params={"state": "done"}).status_code == 422


@pytest.mark.parametrize("path", ["", "/progress", "/hosts", "/services", "/findings"])
def test_another_organisation_sees_nothing(client: Client, http: httpx.Client, ledger: Ledger, stranger: UUID, path: str) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1"})["id"]
    other = client_of(http, ledger, stranger, "owner")
    assert other.ask("GET", f"/scans/{scan}{path}").status_code == 404
    assert client.ask("GET", f"/scans/{uuid4()}{path}").status_code == 404


def test_another_organisation_cancels_nothing(client: Client, http: httpx.Client, ledger: Ledger, stranger: UUID) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1"})["id"]
    assert client_of(http, ledger, stranger, "owner").ask("POST", f"/scans/{scan}/cancel").status_code == 404
    assert client.get(f"/scans/{scan}")["state"] == "planned"


def test_who_may_only_read_starts_and_stops_nothing(client: Client, http: httpx.Client, ledger: Ledger) -> None:
    scan = client.post("/scans", {"targets": ["127.0.0.1"], "ports": "1"})["id"]
    viewer = client_of(http, ledger, client.org, "viewer")
    assert viewer.get(f"/scans/{scan}")["state"] == "planned"
    assert viewer.ask("POST", "/scans", json={"targets": ["127.0.0.1"]}).status_code == 403
    assert viewer.ask("POST", f"/scans/{scan}/cancel").status_code == 403
