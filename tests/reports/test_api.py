"""Reports over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from tests.api.floor import Client, client_of

if TYPE_CHECKING:
    import httpx

    from watchfloor.kernel.jobs.ledger import Ledger


def test_a_report_is_accepted_as_a_job(owner: Client) -> None:
    subject = str(uuid4())
    answer = owner.ask("POST", "/reports", json={"scan_id": subject, "formats": ["json"]})
    job = answer.json()["job"]
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/jobs/{job}")
    assert owner.get(f"/jobs/{job}")["kind"] == "reports.generate"
    assert owner.get(f"/jobs/{job}/arguments") == {"scan_id": subject, "formats": ["json"]}


def test_the_same_idempotency_key_makes_one_report(owner: Client) -> None:
    body = {"scan_id": str(uuid4())}
    answers = [owner.ask("POST", "/reports", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


def test_a_request_without_a_subject_is_a_422(owner: Client) -> None:
    assert owner.ask("POST", "/reports", json={"formats": ["html"]}).status_code == 422
    assert owner.ask("POST", "/reports", json={"scan_id": "all"}).status_code == 422


def test_who_may_only_read_writes_no_reports(http: httpx.Client, ledger: Ledger, owner: Client) -> None:
    viewer, analyst = (client_of(http, ledger, owner.org, role) for role in ("viewer", "analyst"))
    assert viewer.ask("POST", "/reports", json={"scan_id": str(uuid4())}).status_code == 403
    assert analyst.ask("POST", "/reports", json={"scan_id": str(uuid4())}).status_code == 202
