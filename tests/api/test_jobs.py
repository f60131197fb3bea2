"""Jobs over REST: from the request to its result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import UUID

from tests.api.floor import Client, client_of, work

if TYPE_CHECKING:
    import httpx

    from watchfloor.kernel.jobs.ledger import Ledger


def test_a_job_travels_from_the_request_to_its_result(owner: Client, ledger: Ledger) -> None:
    job = owner.submit("jobs.wait", arguments={"seconds": 0}, label="nightly", priority=9)
    shown = owner.get(f"/jobs/{job}")
    assert (shown["state"], shown["label"], shown["priority"], shown["attempt"]) == ("PENDING", "nightly", 9, 0)
    work(ledger, job)
    assert owner.get(f"/jobs/{job}/result") == {
        "id": str(job),
        "state": "SUCCESS",
        "result": {"seconds": 0.0, "attempt": 1},
        "reason": None,
        "error": None,
    }
    assert [attempt["outcome"] for attempt in owner.get(f"/jobs/{job}/attempts")] == ["succeeded"]
    assert owner.get(f"/jobs/{job}/arguments") == {"seconds": 0.0}
    assert owner.get(f"/jobs/{job}/events") == []


def test_a_task_is_the_same_job_in_celerys_words(owner: Client, ledger: Ledger) -> None:
    job = owner.post("/tasks/jobs.wait", {"seconds": 0})["id"]
    assert owner.get(f"/tasks/{job}")["status"] == "PENDING"
    work(ledger, UUID(job))
    shown = owner.get(f"/tasks/{job}")
    assert (shown["status"], shown["ready"], shown["successful"], shown["result"]["attempt"]) == ("SUCCESS", True, True, 1)


def test_a_revoked_task_never_runs(owner: Client) -> None:
    job = owner.post("/tasks/jobs.test", {})["id"]
    assert owner.ask("DELETE", f"/tasks/{job}").status_code == 202
    assert owner.get(f"/tasks/{job}")["status"] == "REVOKED"


def test_a_waiting_job_is_cancelled_at_once_and_asking_again_is_harmless(owner: Client) -> None:
    job = owner.submit()
    assert owner.post(f"/jobs/{job}/cancel") == {"id": str(job), "stage": "cancelled"}
    assert owner.post(f"/jobs/{job}/cancel") == {"id": str(job), "stage": "cancelled"}


def test_a_job_that_succeeded_cannot_be_cancelled(owner: Client, ledger: Ledger) -> None:
    job = owner.submit()
    work(ledger, job)
    assert owner.ask("POST", f"/jobs/{job}/cancel").status_code == 409


def test_a_retry_is_a_new_job_that_names_the_old_one(owner: Client, ledger: Ledger) -> None:
    job = owner.submit("jobs.wait", arguments={"seconds": 0})
    assert owner.ask("POST", f"/jobs/{job}/retry").status_code == 409
    work(ledger, job)
    again = owner.post(f"/jobs/{job}/retry")["id"]
    assert owner.get(f"/jobs/{again}")["replay_of"] == str(job)
    assert owner.get(f"/jobs/{again}/arguments") == {"seconds": 0.0}


def test_the_same_idempotency_key_answers_the_same_and_acts_once(owner: Client) -> None:
    first = owner.ask("POST", "/jobs", json={"kind": "jobs.test"}, headers={"Idempotency-Key": "k1"})
    second = owner.ask("POST", "/jobs", json={"kind": "jobs.test"}, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    assert len(owner.get("/jobs")["items"]) == 1


def test_an_idempotency_key_with_another_body_is_a_conflict(owner: Client) -> None:
    owner.post("/jobs", {"kind": "jobs.test"}, headers={"Idempotency-Key": "k1"})
    answer = owner.ask("POST", "/jobs", json={"kind": "jobs.test", "priority": 9}, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert owner.ask("POST", "/tasks/jobs.test", json={}, headers={"Idempotency-Key": "k1"}).status_code == 409


def test_a_refused_request_leaves_its_idempotency_key_unused(owner: Client) -> None:
    body = {"kind": "jobs.test", "queue": "scans"}
    assert owner.ask("POST", "/jobs", json=body, headers={"Idempotency-Key": "k1"}).status_code == 422
    owner.post("/jobs", {"kind": "jobs.test"}, headers={"Idempotency-Key": "k1"})


def test_racing_requests_with_one_key_make_one_job(owner: Client) -> None:
    def ask(_: int) -> httpx.Response:
        return owner.ask("POST", "/jobs", json={"kind": "jobs.test"}, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(owner.get("/jobs")["items"]) == 1


def test_another_keys_idempotency_key_is_its_own(owner: Client, http: httpx.Client, ledger: Ledger) -> None:
    other = client_of(http, ledger, owner.org, "operator")
    made = {client.post("/jobs", {"kind": "jobs.test"}, headers={"Idempotency-Key": "k1"})["id"] for client in (owner, other)}
    assert len(made) == 2


def test_a_unique_key_stands_for_the_unfinished_job(owner: Client, ledger: Ledger) -> None:
    body = {"kind": "jobs.test", "unique": "only one"}
    first, second = owner.post("/jobs", body), owner.post("/jobs", body)
    assert second == {"id": first["id"], "created": False}
    work(ledger, UUID(first["id"]))
    assert owner.post("/jobs", body)["created"] is True


def test_many_jobs_are_accepted_at_once_or_none(owner: Client) -> None:
    made = owner.post("/jobs/bulk", {"kind": "jobs.wait", "arguments": [{"seconds": n} for n in range(30)]})["jobs"]
    assert len({job["id"] for job in made}) == 30
    answer = owner.ask("POST", "/jobs/bulk", json={"kind": "jobs.wait", "arguments": [{"seconds": 1}, {"seconds": -1}]})
    assert answer.status_code == 422
    assert len(owner.get("/jobs")["items"]) == 30


def test_pages_hold_every_job_once(owner: Client) -> None:
    made = [job["id"] for job in owner.post("/jobs/bulk", {"kind": "jobs.test", "arguments": [{}] * 25})["jobs"]]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = owner.get("/jobs", limit=10, **after)
        seen += [job["id"] for job in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == sorted(made, reverse=True)


def test_filters_narrow_the_list(owner: Client, ledger: Ledger) -> None:
    done, waiting = owner.submit(label="x"), owner.submit("jobs.wait")
    work(ledger, done)

    def ids(**query: str) -> list[str]:
        return [job["id"] for job in owner.get("/jobs", **query)["items"]]

    assert ids(state="SUCCESS") == ids(state="finished") == ids(label="x") == ids(kind="jobs.test") == [str(done)]
    assert ids(state="active") == ids(state="queued") == ids(state="PENDING,RETRY") == [str(waiting)]
    assert ids(queue="default,scans") == [str(waiting), str(done)]
    assert ids(created_after="2999-01-01T00:00:00Z") == ids(queue="scans") == []


def test_purge_cancels_what_waits(owner: Client) -> None:
    owner.submit()
    keep = owner.submit("jobs.wait")
    assert owner.post("/jobs/purge", {"kind": "jobs.test"}) == {"cancelled": 1}
    assert [job["id"] for job in owner.get("/jobs", state="active")["items"]] == [str(keep)]
    assert owner.post("/jobs/cancel", {"ids": [str(keep), str(keep)]}) == [{"id": str(keep), "stage": "cancelled"}]


def test_an_analyst_runs_reports_only(http: httpx.Client, ledger: Ledger, owner: Client) -> None:
    analyst = client_of(http, ledger, owner.org, "analyst")
    assert analyst.ask("POST", "/jobs", json={"kind": "jobs.test"}).status_code == 403
    assert analyst.ask("POST", "/tasks/jobs.test", json={}).status_code == 403


def test_kinds_tell_the_schema_of_their_arguments(owner: Client) -> None:
    kinds = {kind["name"]: kind for kind in owner.get("/kinds")}
    assert kinds["jobs.wait"]["arguments"]["properties"]["seconds"]["maximum"] == 3600
    assert kinds["jobs.wait"]["description"]
