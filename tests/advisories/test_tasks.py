"""The three tasks at the addresses that clients of other platforms know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.api.floor import client_of

if TYPE_CHECKING:
    from tests.api.floor import Client
    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

TASKS = {
    "update-vulnerabilities": ("advisories.update_vulnerabilities", {"sources": ["kev", "epss"], "full": True}),
    "clean-cache": ("advisories.clean_cache", {"older_than": "P3D", "dry_run": True}),
    "update-stats": ("advisories.update_statistics", {"scope": "all"}),
}


@pytest.mark.parametrize(("name", "kind", "arguments"), [(name, *rest) for name, rest in TASKS.items()], ids=list(TASKS))
def test_a_task_is_accepted_and_stands_for_the_next_request_of_the_same(
    owner: Client, name: str, kind: str, arguments: dict[str, Any]
) -> None:
    first = owner.ask("POST", f"/tasks/{name}", json=arguments)
    assert first.status_code == 202, first.text
    task = first.json()
    assert (task["kind"], task["state"], task["coalesced"]) == (kind, "PENDING", False)
    assert first.headers["Location"] == task["links"]["self"] == f"/api/v1/tasks/{task['id']}"
    assert owner.get(first.headers["Location"])["id"] == task["id"]
    assert owner.get(f"/jobs/{task['id']}/arguments").keys() == arguments.keys()
    again = owner.ask("POST", f"/tasks/{name}", json=arguments)
    assert (again.status_code, again.json()["id"], again.json()["coalesced"]) == (202, task["id"], True)
    other = owner.ask("POST", f"/tasks/{name}")
    assert (other.json()["coalesced"], other.json()["id"] == task["id"]) == (False, False)


def test_the_same_idempotency_key_is_answered_with_the_same_task(owner: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first = owner.ask("POST", "/tasks/clean-cache", json={}, headers=headers)
    again = owner.ask("POST", "/tasks/clean-cache", json={}, headers=headers)
    assert (again.json(), again.headers["Location"]) == (first.json(), first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"


def test_what_is_no_source_or_no_duration_is_refused(owner: Client) -> None:
    for name, body in (
        ("update-vulnerabilities", {"sources": ["nvdd"]}),
        ("update-vulnerabilities", {"source": "nvd"}),
        ("clean-cache", {"older_than": "soon"}),
        ("clean-cache", {"older_than": -5}),
        ("update-stats", {"scope": "everything"}),
    ):
        assert owner.ask("POST", f"/tasks/{name}", json=body).status_code == 422, (name, body)


def test_an_operator_may_and_an_analyst_may_not(owner: Client, ledger: Ledger) -> None:
    assert client_of(owner.http, ledger, owner.org, "operator").ask("POST", "/tasks/update-stats").status_code == 202
    for role in ("analyst", "viewer"):
        assert client_of(owner.http, ledger, owner.org, role).ask("POST", "/tasks/update-stats").status_code == 403


def test_the_task_ends_with_its_counts(owner: Client, worker: Worker) -> None:
    task = UUID(owner.post("/tasks/clean-cache", {"dry_run": True})["id"])
    worker.run(task)
    done = owner.get(f"/tasks/{task}")
    assert (done["state"], set(done["result"]) >= {"files", "bytes", "rows"}) == ("SUCCESS", True)
