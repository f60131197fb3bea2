"""Promise 14: a number equals the list it counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.api.floor import Client, work
from watchfloor.doors.probes import render

if TYPE_CHECKING:
    from watchfloor.kernel.jobs.ledger import Ledger

STAGES = {"waiting": "queued", "scheduled": "scheduled", "blocked": "blocked", "dispatched": "dispatched", "running": "running"}


def listed(client: Client, **query: str) -> list[str]:
    """Return the ids of all pages of a list."""
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get("/jobs", limit=7, **query, **after)
        found += [job["id"] for job in page["items"]]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def test_a_queues_counts_are_the_lengths_of_its_lists(owner: Client, ledger: Ledger) -> None:
    owner.post("/jobs/bulk", {"kind": "jobs.test", "arguments": [{}] * 17})
    owner.post("/jobs/bulk", {"kind": "jobs.wait", "arguments": [{}] * 9, "delay": 3600})
    work(ledger, owner.submit())
    dispatched = owner.submit()
    ledger.database.wire("wf_engine").execute(
        "update job set stage = 'dispatched', seq = 1, dispatched_at = wf_now() where id = %s", (dispatched,)
    )
    for queue in owner.get("/queues"):
        for number, stage in STAGES.items():
            assert queue[number] == len(listed(owner, state=stage, queue=queue["name"])), (queue["name"], number)
    assert len(listed(owner, state="active")) == 27
    assert len(listed(owner)) == len(listed(owner, state="active")) + len(listed(owner, state="finished")) == 28


def test_states_part_the_list_without_rest(owner: Client, ledger: Ledger) -> None:
    for _ in range(3):
        work(ledger, owner.submit())
    owner.post(f"/jobs/{owner.submit()}/cancel")
    owner.submit()
    states = ("PENDING", "STARTED", "PROGRESS", "RETRY", "SUCCESS", "FAILURE", "REVOKED")
    parts = {state: listed(owner, state=state) for state in states}
    assert {state: len(part) for state, part in parts.items() if part} == {"PENDING": 1, "SUCCESS": 3, "REVOKED": 1}
    assert sorted(job for part in parts.values() for job in part) == sorted(listed(owner))


def test_metrics_count_what_the_queues_list(owner: Client, ledger: Ledger) -> None:
    owner.post("/jobs/bulk", {"kind": "jobs.test", "arguments": [{}] * 5})
    with ledger.database.engine_transaction() as session:
        from watchfloor.kernel.jobs.queries import list_queues  # noqa: PLC0415 - both in one transaction

        wire = session.connection().connection.cursor()
        wire.execute("set transaction isolation level repeatable read")
        text, queues = render(session), list_queues(session)
    for queue in queues:
        counted = sum(float(value) for value in re.findall(rf'watchfloor_jobs{{[^}}]*queue="{queue.name}"[^}}]*}} (\S+)', text))
        assert counted == queue.waiting + queue.scheduled + queue.blocked + queue.dispatched + queue.running, queue.name
