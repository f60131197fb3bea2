"""What the REST door refuses, and how it says so."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from fastapi import APIRouter

from tests.api.floor import KEK, Client, client_of, document, served
from watchfloor.catalog import CATALOG
from watchfloor.doors.api import make_app, operations
from watchfloor.kernel.contract import Capability, Catalog
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.jobs import queries
from watchfloor.kernel.jobs.ledger import Ledger, make_ledger
from watchfloor.kernel.security import mint_api_key
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.keys import revoke
from watchfloor.kernel.tenancy.limits import Limits
from watchfloor.kernel.tenancy.permissions import policy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    import httpx


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["code"] == code
    assert told["detail"]
    assert told["remedy"]
    assert told["request_id"] == answer.headers["x-request-id"]
    return told


OPEN = {
    "open_link",
    "head_link",
    "show_unsubscription",
    "unsubscribe",
    "show_acknowledgement",
    "acknowledge_by_link",
}  # whoever has the link


def test_every_operation_needs_a_key(http: httpx.Client) -> None:
    for path, methods in document()["paths"].items():
        if path.startswith("/api/"):
            for method, operation in methods.items():
                answer = http.request(method, path.replace("{", "").replace("}", ""))
                if operation["operationId"] in OPEN:
                    assert answer.status_code == 404
                    assert method == "head" or problem(answer, 404, "not_found")
                    continue
                if method == "head":
                    assert answer.status_code == 401
                else:
                    problem(answer, 401, "unauthenticated")
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer nonsense", "Basic dXNlcjpwYXNz", "Bearer wf_" + "a" * 8 + "_" + "b" * 43 + "_123456", "Bearer " + "x" * 5000],
)
def test_a_key_that_is_none_is_refused(http: httpx.Client, header: str) -> None:
    problem(http.get("/api/v1/jobs", headers={"Authorization": header}), 401, "unauthenticated")


def test_a_revoked_key_stops_at_once(owner: Client, ledger: Ledger) -> None:
    key = owner.get("/keys")["items"][0]["id"]
    revoke(ledger, owner.org, key, actor="test")
    problem(owner.ask("GET", "/jobs"), 401, "unauthenticated")


def test_an_expired_key_is_refused(owner: Client, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("update api_key set expires_at = now() - interval '1 second' where org = %s", (owner.org,))
    problem(owner.ask("GET", "/jobs"), 401, "unauthenticated")


def test_a_role_without_the_permission_is_refused_and_that_is_written_down(http: httpx.Client, ledger: Ledger, owner: Client) -> None:
    viewer = client_of(http, ledger, owner.org, "viewer")
    problem(viewer.ask("POST", "/jobs", json={"kind": "jobs.test"}), 403, "forbidden")
    entry = owner.get("/audit", outcome="refused")["items"][0]
    assert (entry["operation"], entry["reason"]) == ("submit_job", "forbidden")


def test_an_announced_oversized_body_is_refused_unread(owner: Client) -> None:
    head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {owner.key}\r\nContent-Length: 1048577\r\n\r\n"
    with socket.create_connection(("127.0.0.1", owner.http.base_url.port or 0), timeout=10) as line:
        line.sendall(head.encode())
        answer = line.makefile("rb").read()  # the server closes: nothing of the body was waited for
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"too_large"' in answer


def test_an_endless_body_is_cut_off(owner: Client) -> None:
    sent = 0

    def flood() -> Iterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b" " * 65536

    problem(owner.ask("POST", "/jobs", content=flood()), 413, "too_large")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b'{"kind": "jobs.test", "label": "\xc3\x28"}', 400),
        (b"[" * 100_000, 400),
        (b"[1]", 422),
        (b'{"kind": 7}', 422),
        (b'{"kind": "no.such"}', 422),
        (b'{"kind": "jobs.test", "surprise": 1}', 422),
        (b'{"kind": "jobs.test", "arguments": {"surprise": 1}}', 422),
        (b'{"kind": "jobs.wait", "arguments": {"seconds": NaN}}', 422),
        (b'{"kind": "jobs.wait", "arguments": {"seconds": 1e999}}', 422),
        (b'{"kind": "jobs.wait", "arguments": {"seconds": ' + b"9" * 5000 + b"}}", 400),
        (b'{"kind": "jobs.test", "priority": 11}', 422),
        (b'{"kind": "jobs.test", "priority": -1}', 422),
        (b'{"kind": "jobs.test", "queue": "scans"}', 422),
        (b'{"kind": "jobs.test", "label": "a\\u0000b"}', 422),
        (b'{"kind": "jobs.test", "unique": "\\ud800"}', 422),
        (b'{"kind": "jobs.test", "run_at": "tomorrow"}', 422),
        (b'{"kind": "jobs.test", "run_at": "2030-01-01T00:00:00"}', 422),
        (b'{"kind": "jobs.test", "run_at": "2030-01-01T00:00:00Z", "delay": 5}', 422),
        (b'{"kind": "jobs.test", "delay": 99999999999}', 422),
    ],
)
def test_a_body_that_makes_no_sense_is_a_clear_error(owner: Client, body: bytes, status: int) -> None:
    problem(owner.ask("POST", "/jobs", content=body, headers={"Content-Type": "application/json"}), status, "invalid_input")
    assert owner.get("/jobs")["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "after=!!",
        "after=W10",
        "after=WyJ4Il0",
        "state=lost",
        "stat=queued",
        "label=%00",
        "created_after=never",
        "kind=,",
    ],
)
def test_a_query_that_makes_no_sense_is_a_clear_error(owner: Client, query: str) -> None:
    problem(owner.ask("GET", f"/jobs?{query}"), 422, "invalid_input")


def test_the_value_that_was_wrong_is_not_repeated(owner: Client) -> None:
    told = problem(owner.ask("POST", "/jobs", json={"kind": "jobs.test", "priority": "hunter2"}), 422, "invalid_input")
    assert "hunter2" not in str(told)
    assert told["field"] == "/priority"


def test_unknown_addresses_ids_and_methods_are_clear_errors(owner: Client) -> None:
    problem(owner.ask("GET", "/nothing"), 404, "not_found")
    problem(owner.ask("GET", "/jobs/not-an-id"), 422, "invalid_input")
    problem(owner.ask("GET", "/jobs/00000000-0000-7000-8000-000000000000"), 404, "not_found")
    assert "GET" in owner.ask("PATCH", "/jobs").headers["allow"]


def test_another_host_name_is_refused_on_loopback(http: httpx.Client) -> None:
    problem(http.get("/health", headers={"Host": "evil.example"}), 400, "invalid_input")
    assert http.get("/health", headers={"Host": "localhost:8000"}).status_code == 200
    assert http.get("/health", headers={"Host": "[::1]:8000"}).status_code == 200


def test_every_answer_carries_the_security_headers(owner: Client) -> None:
    for answer in (owner.ask("GET", "/jobs"), owner.ask("GET", "/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_a_database_that_is_down_is_a_503_and_says_when_to_come_back() -> None:
    nowhere = make_ledger("postgresql://wf_login@127.0.0.1:1/watchfloor", KEK)
    with served(make_app(nowhere, CATALOG, kernel_settings())) as client:
        answer = client.get("/api/v1/jobs", headers={"Authorization": f"Bearer {mint_api_key().text}"})
        problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "5"
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503


def test_a_fault_of_the_server_is_a_500_that_names_the_request_and_nothing_else(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret is hunter2")

    monkeypatch.setattr(queries, "list_schedules", fail)
    answer = owner.ask("GET", "/schedules")
    assert "hunter2" not in str(problem(answer, 500, "error"))
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_too_many_requests_and_guesses_are_429(ledger: Ledger, org: UUID) -> None:
    limits = Limits(requests_a_minute=3, failures_a_minute=2)
    with served(make_app(ledger, CATALOG, kernel_settings(), limits=limits)) as client:
        owner = client_of(client, ledger, org, "owner")
        answers = [owner.ask("GET", "/whoami") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert problem(answers[3], 429, "too_much")
        assert "retry-after" in answers[3].headers
        guesses = [client.get("/api/v1/jobs", headers={"Authorization": "Bearer x"}).status_code for _ in range(3)]
        assert guesses == [401, 401, 429]


def test_an_operation_without_permission_does_not_start(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def unmapped() -> None:
        """Do nothing."""

    router = APIRouter()
    router.get("/unmapped")(unmapped)
    monkeypatch.setattr(Capability, "load", lambda _self, _face: router)
    monkeypatch.setattr(Capability, "kinds", lambda _self: iter(()))
    with pytest.raises(SetupError, match="unmapped has no permission"):
        make_app(ledger, CATALOG, kernel_settings())


def test_two_operations_of_one_name_do_not_start(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()

    def list_jobs() -> None:
        """Do nothing."""

    router.get("/one")(list_jobs)
    monkeypatch.setattr(Capability, "load", lambda _self, _face: router)
    monkeypatch.setattr(Capability, "kinds", lambda _self: iter(()))
    with pytest.raises(SetupError, match="two operations are named list_jobs"):
        make_app(ledger, CATALOG, kernel_settings())


def test_what_needs_a_permission_is_never_mounted_where_nobody_is_asked(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()

    def list_jobs() -> None:
        """Do nothing."""

    router.get("/open")(list_jobs)
    opened = Capability(name="artifacts", open_routes="api:open_routes")
    monkeypatch.setattr(Capability, "load", lambda _self, _face: router)
    monkeypatch.setattr(Catalog, "__iter__", lambda _self: iter((opened,)))
    monkeypatch.setattr(Catalog, "kinds", lambda _self: {})
    with pytest.raises(SetupError, match="list_jobs needs a permission"):
        make_app(ledger, CATALOG, kernel_settings())


def test_the_document_names_every_operation_and_no_permission_is_unused() -> None:
    described = document()
    assert described["openapi"].startswith("3.1")
    named = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(named) == len(set(named))
    assert set(named) == set(policy().operations)
    held = {permission for role in policy().roles.values() for permission in role}
    needed = {permission for permission in policy().operations.values() if permission != "public" and not permission.startswith("job.run:")}
    assert needed <= held
    assert {kind.permission for kind in CATALOG.kinds().values() if kind.permission} <= held


def test_the_check_sees_routes_inside_included_routers() -> None:
    outer, inner = APIRouter(), APIRouter()

    def deep() -> None:
        """Do nothing."""

    inner.get("/deep")(deep)
    outer.include_router(inner)
    assert [route.name for route in operations(outer)] == ["deep"]
