"""One event for many people: how long it takes until every delivery is stored, and that a repetition stores nothing."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import spread
from benchmarks.site import PRODUCTION
from tests.api.worker import Worker
from tests.servers import postgres_server
from watchfloor.capabilities.notifications.jobs import send_bulk_notifications
from watchfloor.capabilities.notifications.schemas.sends import SendBulk
from watchfloor.kernel.db import schema
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.ledger import make_ledger, use_ledger
from watchfloor.kernel.jobs.queries import open_result
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from uuid import UUID

ROOT = Path(__file__).resolve().parents[2]
# Nothing is sent here, so that what is sealed needs no key.
PEOPLE = """
insert into notify_channel (org, id, owner, kind, kid, config, shown, address, host, state, created_by)
select %(org)s, gen_random_uuid(), 'user-' || n, 'email', 'none', ''::bytea, '', sha256(('user-' || n)::bytea), 'relay', 'active', 'benchmark'
from generate_series(1, %(people)s) n
"""
MEMBERS = """
insert into member (org, id, name, role, created_by, changed_by)
select %(org)s, gen_random_uuid(), 'user-' || n, (array['viewer', 'auditor', 'owner'])[1 + n %% 3], 'benchmark', 'benchmark' from generate_series(1, %(people)s) n
"""


def measure(people: int, rounds: int) -> dict[str, Any]:
    """Return seconds until one event is stored for everybody, first and repeated, and how many rows each added."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server(fsync=True, settings=PRODUCTION))
        schema.upgrade(server.url)
        os.environ.setdefault("WATCHFLOOR_PEPPER", "5a" * 32)
        started = stack.enter_context(zygote.start(paths=[ROOT], preload=["watchfloor.kernel.errors", "pydantic"]))
        worker = Worker(make_ledger(server.url, secrets.token_bytes(32)), started)
        stack.callback(worker.leave)
        use_ledger(worker.ledger)
        stack.callback(use_ledger, None)
        org = ensure_org(worker.ledger.database, worker.ledger.vault, "benchmark")
        with worker.ledger.database.transaction(org) as session:
            wire_of(session).execute(PEOPLE, {"org": org, "people": people})
            wire_of(session).execute(MEMBERS, {"org": org, "people": people})
            wire_of(session).execute("analyze notify_channel, member")
        turns = [(_told(worker, org, people, number), _told(worker, org, people, number)) for number in range(rounds)]
    added = {"first": sorted({one[1] for one, _ in turns}), "repeated": sorted({two[1] for _, two in turns})}
    return {
        "people": people, "first_s": spread([one[0] for one, _ in turns]), "repeated_s": spread([two[0] for _, two in turns]), "rows": added,
        "complete": added == {"first": [people], "repeated": [0]},
    }  # fmt: skip


def _told(worker: Worker, org: UUID, people: int, number: int) -> tuple[float, int]:
    """Run the job once; return its seconds and the rows that it added."""
    asked = SendBulk(event="finding.opened", user_ids=tuple(f"user-{n}" for n in range(1, people + 1)), dedup_key=f"round {number}")
    before = _rows(worker, org)
    job = submit(worker.ledger, org, send_bulk_notifications, asked).id
    began = time.perf_counter()
    worker.run(job)
    took = time.perf_counter() - began
    with worker.ledger.database.transaction(org) as session:
        if open_result(worker.ledger, session, org, job) is None:
            message = f"the job {job} has no result"
            raise RuntimeError(message)
    return took, _rows(worker, org) - before


def _rows(worker: Worker, org: UUID) -> int:
    with worker.ledger.database.transaction(org) as session:
        row: Any = wire_of(session).execute("select count(*) from delivery where org = %s", (org,)).fetchone()
    return int(row[0])
