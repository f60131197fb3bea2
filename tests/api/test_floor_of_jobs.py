"""Queues, workers, schedules and probes over REST."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tests.api.floor import Client, work

if TYPE_CHECKING:
    import httpx

    from watchfloor.kernel.jobs.ledger import Ledger

NIGHTLY = {"name": "nightly", "kind": "jobs.wait", "arguments": {"seconds": 0}, "cron": "30 2 * * *", "tz": "Europe/Berlin"}


def test_only_the_platform_pauses_a_queue(owner: Client, platform: Client) -> None:
    assert owner.ask("POST", "/queues/cookies/pause").status_code == 403
    assert platform.post("/queues/cookies/pause")["paused"] is True
    assert platform.post("/queues/cookies/resume")["paused"] is False
    assert platform.ask("POST", "/queues/nothing/pause").status_code == 404
    assert {entry["operation"] for entry in platform.get("/audit", object="cookies")["items"]} == {"pause_queue", "resume_queue"}


def test_queues_count_the_callers_jobs_only(owner: Client, platform: Client) -> None:
    before = {queue["name"]: queue for queue in platform.get("/queues")}["default"]
    for _ in range(3):
        owner.submit()
    owner.submit(delay=3600)
    mine = {queue["name"]: queue for queue in owner.get("/queues")}["default"]
    assert (mine["waiting"], mine["scheduled"], mine["running"]) == (3, 1, 0)
    assert {queue["name"]: queue for queue in platform.get("/queues")}["default"] == before


def test_workers_are_listed_and_a_lost_one_is_not_alive(owner: Client, ledger: Ledger) -> None:
    session = work(ledger, owner.submit())
    (worker,) = (one for one in owner.get("/workers") if one["id"] == str(session))
    assert (worker["host"], worker["alive"], worker["active"]) == ("test", False, [])


def test_a_schedule_lives_from_creation_to_removal(owner: Client) -> None:
    made = owner.post("/schedules", NIGHTLY)
    upcoming = [datetime.fromisoformat(moment) for moment in made["upcoming"]]
    assert len(upcoming) == 5
    assert upcoming == sorted(set(upcoming))
    assert made["upcoming"][0] == made["next_tick"]
    assert owner.get("/schedules") == [{**made, "upcoming": []}]
    path = f"/schedules/{made['id']}"
    assert owner.post(f"{path}/pause")["enabled"] is False
    assert owner.post(f"{path}/resume")["enabled"] is True
    job = owner.post(f"{path}/run")["id"]
    assert owner.get(f"/jobs/{job}")["kind"] == "jobs.wait"
    assert owner.ask("DELETE", path).status_code == 204
    assert owner.ask("GET", path).status_code == 404


def test_an_interval_is_a_schedule_too(owner: Client) -> None:
    made = owner.post("/schedules", {"name": "often", "kind": "jobs.test", "every": 90, "priority": 9})
    assert (made["every"], made["priority"]) == ("PT1M30S", 9)


def test_a_schedule_that_makes_no_sense_is_a_clear_error(owner: Client) -> None:
    for change in (
        {"cron": "61 * * * *"}, {"cron": "nonsense"}, {"cron": "0 0 30 2 *"}, {"cron": None}, {"every": 60}, {"tz": "Mars/Olympus"},
        {"kind": "no.such"}, {"arguments": {"seconds": -1}}, {"name": ""}, {"queue": "scans"}, {"catch_up": "sometimes"},
    ):  # fmt: skip
        answer = owner.ask("POST", "/schedules", json={**NIGHTLY, **change})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), change
    assert owner.get("/schedules") == []


def test_two_schedules_of_one_name_are_a_conflict(owner: Client) -> None:
    owner.post("/schedules", NIGHTLY)
    assert owner.ask("POST", "/schedules", json=NIGHTLY).status_code == 409


def test_ready_says_which_schema_the_database_has(http: httpx.Client) -> None:
    answer = http.get("/ready")
    assert answer.status_code == 200, answer.text
    assert answer.json()["database"] == "ok"


def test_metrics_name_no_organisation(owner: Client, ledger: Ledger) -> None:
    from watchfloor.doors.probes import render  # noqa: PLC0415 - the figures of this moment, not the cached ones

    owner.submit()
    with ledger.database.engine_transaction() as session:
        text = render(session)
    assert 'watchfloor_jobs{kind="jobs.test",queue="default",state="PENDING"}' in text
    assert str(owner.org) not in text
    for line in text.splitlines():
        assert line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0


def test_metrics_behind_a_proxy_need_the_platforms_key(owner: Client, platform: Client) -> None:
    asked = {"X-Forwarded-For": "192.0.2.1"}
    assert owner.http.get("/metrics").status_code == 200
    assert owner.http.get("/metrics", headers=asked).status_code == 401
    assert owner.http.get("/metrics", headers={**asked, "Authorization": f"Bearer {owner.key}"}).status_code == 403
    assert owner.http.get("/metrics", headers={**asked, "Authorization": f"Bearer {platform.key}"}).status_code == 200
