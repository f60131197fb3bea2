"""A ledger whose time the test moves: its own database, one statement at a time, no broker and no waiting."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from tests.jobs.kinds import Text, echo
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.jobs.board import Board
from watchfloor.kernel.jobs.claim import Claim, End, claim, finish
from watchfloor.kernel.jobs.context import AttemptContext
from watchfloor.kernel.jobs.enqueue import Options, submit
from watchfloor.kernel.jobs.ledger import Ledger, make_ledger
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import Outcome
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind

KEK = bytes(range(32))
CLOCK = """
create table wf_clock (shift interval not null);
insert into wf_clock values ('0');
grant select on wf_clock to public;
create or replace function wf_now() returns timestamptz language sql stable
  as 'select statement_timestamp() + (select shift from wf_clock)';
"""
EMPTIED = (
    "job", "job_done", "job_payload", "job_attempt", "job_effect", "job_progress", "job_event", "job_batch", "schedule", "schedule_tick",
    "schedule_planted", "job_told", "event", "event_due", "reaction", "reaction_run", "idempotency", "lane", "budget",
    "worker_session", "signer", "ticket_rejection", "audit_entry",
)  # fmt: skip
# Deleting the few rows of a test costs a tenth of truncating so many tables.
CLEAN = (
    "".join(f"delete from {table}; " for table in EMPTIED)
    + """
update wf_clock set shift = '0';
update queue set paused = false, max_inflight = 1000000, buffer = 1, age_step = '10 minutes', org_max_running = 1000000, vclock = 0
"""
)
Ticket = tuple[UUID, int]


class Floor:
    """One database, a clock, and the statements of the engine by hand."""

    def __init__(self, owner_url: str, login_url: str) -> None:
        self.owner = psycopg.connect(owner_url, autocommit=True)
        self.owner.execute(CLOCK)
        self.ledger: Ledger = make_ledger(login_url, KEK)

    def clean(self) -> None:
        """Empty the ledger and set the clock right."""
        self.owner.execute(CLEAN)

    def close(self) -> None:
        """Close the connections."""
        self.ledger.database.close()
        self.owner.close()

    def org(self) -> UUID:
        """Make a fresh organisation."""
        return ensure_org(self.ledger.database, self.ledger.vault, f"org-{new_id()}")

    def pass_time(self, seconds: float) -> None:
        """Move the database's clock."""
        self.owner.execute("update wf_clock set shift = shift + make_interval(secs => %s)", (seconds,))

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement as the owner and return its rows, if it has any."""
        found = self.owner.execute(sql, values)
        return found.fetchall() if found.description else []

    def one(self, sql: str, *values: object) -> Any:
        """Return the only value of the only row."""
        ((value,),) = self.ask(sql, *values)
        return value

    def job(self, job: UUID, *columns: str) -> Any:
        """Return one column of a job, or several as a tuple."""
        (row,) = self.ask(f"select {', '.join(columns)} from job where id = %s", job)
        return row[0] if len(columns) == 1 else row

    def stage(self, job: UUID) -> str:
        """Return a job's stage."""
        return str(self.job(job, "stage"))

    def submit(self, org: UUID, kind: JobKind[Any, Any] = echo, request: BaseModel | None = None, **options: Any) -> UUID:
        """Enqueue one job."""
        return submit(self.ledger, org, kind, request or Text(), Options(**options)).id

    def session(self, *queues: str, slots: int = 4, ttl_s: float = 3600) -> UUID:
        """Open a worker session."""
        session = new_id()
        self.engine(
            "open_session", session=session, host="test", pid=1, queues=list(queues or ("default",)), slots=slots, pool="solo",
            kinds=[], code="", ttl_s=ttl_s,
        )  # fmt: skip
        return session

    def engine(self, name: str, /, **values: object) -> list[Any]:
        """Run one named statement as the engine."""
        found = self.ledger.database.wire("wf_engine").execute(statement(name), values)
        return found.fetchall() if found.description else []

    def unpark(self, queue: str = "default") -> None:
        """Put parked jobs with room back in line."""
        self.engine("unpark", queue=queue)

    def credit(self, queue: str = "default") -> int:
        """Return how many tickets this queue's workers have room for."""
        return int(self.engine("credit", queue=queue)[0][0])

    def dispatch(self, credit: int = 100, queue: str = "default") -> list[Ticket]:
        """Pick what runs next."""
        return [(UUID(str(job)), seq) for job, seq, _kind, _short in self.engine("dispatch", queue=queue, credit=credit)]

    def claim(self, session: UUID, *tickets: Ticket, queue: str = "default") -> list[Claim]:
        """Claim tickets as a worker does."""
        return claim(self.ledger, session, queue, tickets) or []

    def started(self, org: UUID, kind: JobKind[Any, Any] = echo, session: UUID | None = None, **options: Any) -> tuple[UUID, Claim]:
        """Bring a fresh job to its first attempt; return session and claim."""
        job = self.submit(org, kind, **options)
        session = session or self.session()
        return session, self.again(session, job)

    def again(self, session: UUID, job: UUID) -> Claim:
        """Dispatch and claim one waiting job."""
        self.engine("promote")
        (ticket,) = [ticket for ticket in self.dispatch() if ticket[0] == job]
        (held,) = self.claim(session, ticket)
        return held

    def end(self, session: UUID, held: Claim, outcome: Outcome = Outcome.SUCCEEDED, **more: Any) -> str | None:
        """End an attempt; None when it was fenced."""
        return finish(self.ledger, session, [(held, End(outcome=outcome, **more))]).get(held.id)

    def reap(self, session: UUID | None = None, dead: Sequence[str] = ()) -> dict[UUID, str]:
        """Reap; return what became of which job."""
        rows = self.engine("reap", session=session, dead=list(dead), max_crashes=3)
        return {UUID(str(job)): str(stage) for _org, job, stage in rows}

    def cancel(self, org: UUID, *jobs: UUID, batch: UUID | None = None) -> list[Any]:
        """Cancel once, without a loop."""
        with self.ledger.database.transaction(org) as session:
            wire = session.connection().connection.driver_connection
            assert wire is not None
            values = {"org": org, "ids": list(jobs), "batch": batch, "by": "test"}
            found: list[Any] = wire.execute(statement("cancel"), values).fetchall()
            return found

    def together(self, *calls: Callable[[], Any]) -> list[Any]:
        """Call all at once, each in a thread with connections of its own; return what they returned."""
        start = threading.Barrier(len(calls))

        def run(call: Callable[[], Any]) -> Any:
            start.wait()
            try:
                return call()
            finally:
                for _pid, wire in self.ledger.database._local.__dict__.pop("held", {}).values():
                    wire.close()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(run, calls))

    def context(self, session: UUID, held: Claim) -> AttemptContext:
        """Return what the handler of this attempt is given."""
        board = Board()
        board.session = session
        return AttemptContext(self.ledger, board, held)
