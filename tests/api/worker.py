"""A worker in this process: runs an organisation's jobs when told to, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.catalog import CATALOG
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.jobs.board import Board
from watchfloor.kernel.jobs.runner import Runner
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


@pytest.fixture(scope="session")
def nursery() -> Iterator[zygote.Zygote]:
    """Start one zygote for all tests of jobs that need one."""
    with zygote.start(paths=[Path(__file__).parents[2]], preload=["watchfloor.kernel.errors", "pydantic"]) as started:
        yield started


class Worker:
    """Runs an organisation's jobs in this process, one after the other, as a worker does after the dispatcher."""

    def __init__(self, ledger: Ledger, nursery: zygote.Zygote) -> None:
        """Open a session."""
        self.ledger, self.nursery, self.board = ledger, nursery, Board()
        self.board.session = new_id()
        self.wire = ledger.database.wire("wf_engine")
        values = {
            "session": self.board.session,
            "host": "test",
            "pid": 1,
            "queues": [str(queue) for queue in Queue],
            "slots": 1,
            "pool": "solo",
            "kinds": [],
            "code": "",
            "ttl_s": 600,
        }
        self.wire.execute(statement("open_session"), values)
        self.runner = Runner(
            ledger, CATALOG.kinds(), self.board, sandbox=lambda: Sandbox(nursery.address), sections=CATALOG.sections, holds=CATALOG.holds
        )

    def leave(self) -> None:
        """Close the session."""
        self.wire.execute(statement("lose_session"), {"session": self.board.session})

    def queued(self, org: UUID) -> list[tuple[UUID, str]]:
        """Return what may run now, as ids and kinds, first come first."""
        rows = self.wire.execute("select id, kind from job where org = %s and stage = 'queued' order by rank_at, id", (org,)).fetchall()
        return [(row[0], row[1]) for row in rows]

    def run(self, job: UUID) -> None:
        """Run one attempt."""
        row: Any = self.wire.execute(
            "update job set stage = 'dispatched', seq = seq + 1, dispatched_at = wf_now() where id = %s and stage = 'queued' returning kind, seq, queue",
            (job,),
        ).fetchone()
        assert row is not None, "the job is not queued"
        self.runner.on_ticket(row[0], [(job, row[1])], row[2])

    def run_all(self, org: UUID) -> list[str]:
        """Run until nothing is queued; return the kinds in the order in which they ran."""
        ran = []
        while waiting := self.queued(org):
            job, kind = waiting[0]
            self.run(job)
            ran.append(kind)
        return ran

    def again(self, job: UUID) -> None:
        """Bring an ended job back as if its worker had died before it could say so."""
        self.wire.execute("update job_batch set open = open + 1 where id = (select batch from job where id = %s)", (job,))
        self.wire.execute("update job set stage = 'queued', finished_at = null where id = %s", (job,))
        self.run(job)

    def lost(self, job: UUID) -> None:
        """Bring a job back whose worker vanished in the middle of its attempt, as the reaper does."""
        self.wire.execute("update job set stage = 'queued', owner = null, child = null, fence = fence + 1 where id = %s", (job,))

    def count(self, table: str, org: UUID) -> int:
        """Return how many rows an organisation has in a table."""
        with self.ledger.database.transaction(org) as session:
            row: Any = session.connection().exec_driver_sql(f"select count(*) from {table}").fetchone()
            return int(row[0])
