"""The ledger as a state machine: Hypothesis drives the product's own statements, faults included, in one rolled-back transaction.

Beside the database runs a small account of what must be true: who owns which job, which tickets were used, what was cancelled.
Every step's answer is compared with it, and after every step the rows are read and checked against the promises.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import Outcome, Stage

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Wire

CLOCK = """
create or replace function wf_now() returns timestamptz language sql stable
  as $$ select coalesce(nullif(current_setting('model.now', true), '')::timestamptz, statement_timestamp()) $$
"""
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ORGS = (UUID(int=0xA), UUID(int=0xB))
LIMITED, RATED, BURST, PER_SECOND = "target:limited", "api:rated", 3, 0.05
BUDGETS: tuple[tuple[str, ...], ...] = ((), (LIMITED,), (RATED,), (LIMITED, RATED))
MAX_FAILURES, MAX_CRASHES = 3, 3
TTL_S, GRACE_S, SWEEP_S = 15, 3, 30
QUEUE = "default"
JOBS = (
    "select id, org, stage, seq, fence, owner, attempt, failures, crash_count, cancel_at, expires_at, mutex, budgets, batch, "
    "(select count(*)::int from job_attempt a where a.org = j.org and a.job = j.id) as attempts from job j order by id"
)
BATCHES = (
    "select b.id, b.total, b.open, b.failed, b.cancelled, b.sealed, b.callback, "
    "(select count(*)::int from job j where j.org = b.org and j.batch = b.id), "
    "(select count(*)::int from job j where j.org = b.org and j.batch = b.id and j.finished_at is null), "
    "(select count(*)::int from job j where j.org = b.org and j.batch = b.id and j.stage in ('failed', 'quarantined', 'expired')), "
    "(select count(*)::int from job j where j.org = b.org and j.batch = b.id and j.stage = 'cancelled') from job_batch b"
)
NUMBER = st.integers(0, 999)
REQUEST = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, st.integers(0, 9))


class Row(NamedTuple):
    """A job as the database has it."""

    id: UUID
    org: UUID
    stage: str
    seq: int
    fence: int
    owner: UUID | None
    attempt: int
    failures: int
    crash_count: int
    cancel_at: datetime | None
    expires_at: datetime | None
    mutex: str | None
    budgets: list[str]
    batch: UUID | None
    attempts: int


@dataclass(frozen=True)
class Attempt:
    """What a worker believes to own, for ever: zombies keep theirs."""

    org: UUID
    job: UUID
    fence: int
    session: UUID
    child: str


@dataclass
class Account:
    """What must be true, as told by the answers so far."""

    now: datetime = BEGIN
    accepted: set[UUID] = field(default_factory=set)
    tickets: list[tuple[UUID, int]] = field(default_factory=list)
    rung: list[tuple[UUID, int]] = field(default_factory=list)  # all there ever were
    used: set[tuple[UUID, int]] = field(default_factory=set)
    sessions: list[UUID] = field(default_factory=list)
    quiet: set[UUID] = field(default_factory=set)  # paused or dead: they beat no more
    lost: set[UUID] = field(default_factory=set)
    beats: dict[UUID, datetime] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    owners: dict[UUID, Attempt] = field(default_factory=dict)
    ended: dict[UUID, str] = field(default_factory=dict)
    successes: Counter[UUID] = field(default_factory=Counter)
    batches: dict[UUID, UUID] = field(default_factory=dict)  # batch -> org
    sealed: set[UUID] = field(default_factory=set)
    callbacks: set[UUID] = field(default_factory=set)
    starts: int = 0  # of jobs under the rate
    made: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """Rules are what callers, workers, schedulers, brokers and bad luck can do."""

    wire: ClassVar[Wire]
    faults: ClassVar[dict[str, tuple[str, str]]] = {}  # statement -> text that is dropped, and what stands in its place

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.rows: dict[UUID, Row] = {}
        self.wire.execute("begin")
        self.tell_time()
        self.wire.execute("insert into budget (key, max_running) values (%s, 2)", (LIMITED,))
        self.wire.execute("insert into budget (key, per_second, burst) values (%s, %s, %s)", (RATED, PER_SECOND, BURST))

    def teardown(self) -> None:
        """End: faults stop, so everything must."""
        try:
            if sys.exc_info()[0] is None:  # a step that failed is the news, not what follows from it
                self.settle()
        finally:
            self.wire.execute("rollback")

    # The way into the database

    def run(self, name: str, /, **values: Any) -> list[Any]:
        found = self.wire.execute(self.text(name), values, prepare=True)
        return found.fetchall() if found.description else []

    def text(self, name: str) -> LiteralString:
        sql = statement(name)
        if name not in self.faults:
            return sql
        dropped, instead = self.faults[name]
        assert dropped in sql, f"the statement {name} does not say {dropped!r} any more"
        return sql.replace(dropped, instead)

    def tell_time(self) -> None:
        self.wire.execute("select set_config('model.now', %s, true)", (self.account.now.isoformat(),), prepare=True)

    def breathe(self) -> None:
        """Move on a little: equal ranks would be broken by where rows happen to lie, and no run could be repeated."""
        self.account.now += timedelta(milliseconds=1)
        self.tell_time()

    def new(self) -> UUID:
        self.account.made += 1
        return UUID(int=0x7000 << 64 | 0b10 << 62 | self.account.made)

    # Callers

    @initialize(requests=st.lists(REQUEST, min_size=2, max_size=5))
    def first_workers(self, requests: list[tuple[int, ...]]) -> None:
        self.open_session()
        self.open_session()
        self.enqueue(requests)

    @rule(requests=st.lists(REQUEST, min_size=1, max_size=3))
    def enqueue(self, requests: list[tuple[int, ...]]) -> None:
        for request in requests:
            self.request(*request)

    def request(self, org: int, unique: int, budgets: int, mutex: int, expires: int, delay: int, priority: int) -> None:
        self.insert(
            ORGS[org % 2], priority=priority, unique_key=b"nightly" if unique % 4 == 1 else None,
            budgets=[*BUDGETS[budgets % 4], *(["mutex:m"] if mutex % 5 == 1 else [])], mutex="m" if mutex % 5 == 1 else None,
            expires_at=self.account.now + timedelta(seconds=expires % 120) if expires % 4 == 1 else None,
            delay_s=float(delay % 60) if delay % 4 == 1 else 0.0,
        )  # fmt: skip

    def insert(self, org: UUID, **chosen: Any) -> UUID:
        values = {
            "org": org, "id": chosen.get("id") or self.new(), "kind": "k", "queue": QUEUE, "priority": 4, "run_at": None, "delay_s": 0.0, "expires_at": None,
            "waits_for": None, "max_failures": MAX_FAILURES, "unique_key": None, "mutex": None, "budgets": [], "batch": None,
            "parent": None, "replay_of": None, "actor": "model", "label": None, "limit_s": 3600.0, "soft_s": None, "keep_s": 3600.0,
            "short": False, "kid": "00", "blob": b"x", **chosen,
        }  # fmt: skip
        self.breathe()
        ((made, created),) = self.run("enqueue", **values)
        if created:
            assert made == values["id"]
            self.account.accepted.add(made)
        else:
            assert values["unique_key"] is not None
            assert made in self.account.accepted
            assert made not in self.account.ended
        return UUID(str(made))

    @precondition(lambda self: self.account.owners)
    @rule(which=NUMBER, children=st.integers(0, 3), callback=st.booleans())
    def fan_out(self, which: int, children: int, callback: bool) -> None:  # noqa: FBT001 - drawn, never written
        """A running parent opens a batch; a repeated attempt finds it and adds nothing."""
        owned = sorted(self.account.owners.values(), key=lambda held: held.job)
        parent = owned[which % len(owned)]
        batch, after = self.new(), self.new() if callback else None
        opened = self.run("open_batch", org=parent.org, id=batch, parent=parent.job, name="b", on_failure="continue", callback=after)
        if not opened:
            return
        self.account.batches[batch] = parent.org
        if after:
            self.insert(parent.org, id=after, waits_for=f"batch:{batch}", parent=parent.job)
            self.account.callbacks.add(after)
        for _ in range(children):
            self.insert(parent.org, batch=batch, parent=parent.job)

    @precondition(lambda self: len(self.account.batches) > len(self.account.sealed))
    @rule(which=NUMBER)
    def seal(self, which: int) -> None:
        waiting = [batch for batch in self.account.batches if batch not in self.account.sealed]
        batch = waiting[which % len(waiting)]
        self.run("seal", org=self.account.batches[batch], batch=batch)
        self.account.sealed.add(batch)

    @precondition(lambda self: self.rows)
    @rule(what=st.sampled_from(["job", "job", "job", "batch", "foreign"]), which=NUMBER)
    def told_to_end(self, what: str, which: int) -> None:
        if what == "job":
            self.cancel(which)
        elif what == "foreign":
            self.foreign_cancel(which)
        elif self.account.batches:
            self.cancel_batch(which)

    def cancel(self, which: int) -> None:
        running = [row for row in self.rows.values() if row.stage == "running"]
        rows = running if running and which % 2 else list(self.rows.values())
        row = rows[which % len(rows)]
        told = self.run("cancel", org=row.org, ids=[row.id], batch=None, by="model")
        if row.stage in {stage for stage in Stage if stage.ended} or row.cancel_at is not None:
            assert told == []
        else:
            assert [(found[0], found[1]) for found in told] == [(row.id, "running" if row.stage == "running" else "cancelled")]

    def cancel_batch(self, which: int) -> None:
        batch, org = list(self.account.batches.items())[which % len(self.account.batches)]
        self.run("cancel", org=org, ids=[], batch=batch, by="model")

    def foreign_cancel(self, which: int) -> None:
        row = list(self.rows.values())[which % len(self.rows)]
        assert self.run("cancel", org=ORGS[row.org == ORGS[0]], ids=[row.id], batch=row.batch, by="model") == []

    # The scheduler

    @rule(credit=st.integers(1, 6))
    def dispatch(self, credit: int) -> None:
        self.run("unpark", queue=QUEUE)
        room = self.run("credit", queue=QUEUE)[0][0]
        if room <= 0:
            return
        for job, seq, _kind, _short in self.run("dispatch", queue=QUEUE, credit=min(room, credit)):
            self.account.tickets.append((job, seq))
            self.account.rung.append((job, seq))
            self.account.starts += RATED in self.rows[job].budgets

    def publish_failed(self, which: int) -> None:
        """The broker refused this one; or it had taken it and said nothing, so the ticket may still arrive."""
        job, seq = self.account.tickets[which % len(self.account.tickets)]
        self.run("undo_dispatch", ids=[job], seqs=[seq])

    @rule(what=st.sampled_from(["promote_and_expire", "sweep", "lose_and_reap", "seal_orphans"]))
    def timer(self, what: str) -> None:
        getattr(self, what)()

    def promote_and_expire(self) -> None:
        self.run("promote")
        self.run("expire")

    def sweep(self) -> None:
        self.run("sweep", age_s=float(SWEEP_S), broker_since=None, queues=None)

    def lose_and_reap(self) -> None:
        for session, _queues in self.run("lose", grace_s=float(GRACE_S)):
            silent = self.account.now - self.account.beats[session]
            assert silent > timedelta(seconds=TTL_S + GRACE_S), "a session that beats was declared lost"
            self.account.lost.add(session)
        self.reap(None, [])

    def reap(self, session: UUID | None, dead: list[str]) -> None:
        for _org, job, _stage in self.run("reap", session=session, dead=dead, max_crashes=MAX_CRASHES):
            owner = self.account.owners.pop(job)
            assert owner.session in self.account.lost or (owner.session == session and owner.child in dead), "a living attempt was reaped"

    def seal_orphans(self) -> None:
        for org, batch, stage in self.run("orphans"):
            self.run("seal", org=org, batch=batch)
            self.account.sealed.add(batch)
            if stage != "succeeded":
                self.run("cancel", org=org, ids=[], batch=batch, by="parent failed")

    # The broker

    @precondition(lambda self: self.account.tickets)
    @rule(what=st.sampled_from(["lose_ticket", "double_ticket", "publish_failed"]), which=NUMBER)
    def broker_trouble(self, what: str, which: int) -> None:
        getattr(self, what)(which)

    def lose_ticket(self, which: int) -> None:
        self.account.tickets.pop(which % len(self.account.tickets))

    def double_ticket(self, which: int) -> None:
        self.account.tickets.append(self.account.tickets[which % len(self.account.tickets)])

    # Workers

    def open_session(self) -> None:
        session = self.new()
        self.run(
            "open_session",
            session=session,
            host="model",
            pid=1,
            queues=[QUEUE],
            slots=3,
            pool="solo",
            kinds=[],
            code="",
            ttl_s=float(TTL_S),
        )
        self.account.sessions.append(session)
        self.account.beats[session] = self.account.now

    @precondition(lambda self: self.account.tickets and self.account.sessions)
    @rule(which=NUMBER, who=NUMBER, child=st.integers(0, 1), keep=NUMBER)
    def claim(self, which: int, who: int, child: int, keep: int) -> None:
        at = which % len(self.account.tickets)
        ticket = self.account.tickets[at]
        if keep % 4:
            self.account.tickets.pop(at)
        self.claim_as(self.account.sessions[who % len(self.account.sessions)], f"c{child}", ticket)

    @precondition(lambda self: self.account.sessions)
    @rule(who=NUMBER, child=st.integers(0, 1), credit=st.sampled_from([3, 1, 2, 5]), part=st.sampled_from([5, 1, 0, 2]))
    def work(self, who: int, child: int, credit: int, part: int) -> None:
        """The usual way, in one step: what is due is dispatched and claimed by one worker."""
        self.run("promote")
        self.holds()
        before = len(self.account.tickets)
        self.dispatch(credit)
        session = self.account.sessions[who % len(self.account.sessions)]
        for ticket in self.account.tickets[before : before + part]:
            self.holds()
            self.claim_as(session, f"c{child}", ticket)
        del self.account.tickets[before : before + part]

    @precondition(lambda self: self.account.rung and self.account.sessions)
    @rule(which=NUMBER, who=NUMBER)
    def replay(self, which: int, who: int) -> None:
        """Somebody kept a ticket and rings again: most dangerous where a later one is under way."""
        old = [(job, seq) for job, seq in self.account.rung if self.rows[job].stage == "dispatched" and self.rows[job].seq != seq]
        tickets = old or self.account.rung
        self.claim_as(self.account.sessions[who % len(self.account.sessions)], "c0", tickets[which % len(tickets)])

    def claim_as(self, session: UUID, child: str, ticket: tuple[UUID, int]) -> Attempt | None:
        job, seq = ticket
        row = self.rows[job]
        fits = (
            row.stage == "dispatched" and row.seq == seq and session not in self.account.lost
            and (row.expires_at is None or row.expires_at > self.account.now)
        )  # fmt: skip
        values = {"session": session, "child": child, "queue": QUEUE, "ids": [job], "seqs": [seq]}
        try:
            with self.wire.transaction():
                found = self.run("claim", **values)
        except psycopg.errors.UniqueViolation:
            assert any(other.stage == "running" and other.mutex == row.mutex and other.org == row.org for other in self.rows.values())
            self.run("park", id=job, seq=seq)
            return None
        assert bool(found) == fits, f"claim of a {row.stage} job: {'accepted' if found else 'refused'}"
        if not found:
            return None
        assert ticket not in self.account.used, "one ticket was used twice"
        assert job not in self.account.owners, "a job has two owners"
        self.account.used.add(ticket)
        attempt = Attempt(found[0][0], job, found[0][4], session, child)
        self.account.attempts.append(attempt)
        self.account.owners[job] = attempt
        return attempt

    @precondition(lambda self: self.account.owners)
    @rule(which=NUMBER, outcome=st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.LOST]), delay=st.integers(0, 40))
    def finish(self, which: int, outcome: Outcome, delay: int) -> None:
        owned = sorted(self.account.owners.values(), key=lambda held: held.job)
        self.end(owned[which % len(owned)], outcome, delay)

    @precondition(lambda self: len(self.account.attempts) > len(self.account.owners))
    @rule(which=NUMBER, outcome=st.sampled_from([Outcome.SUCCEEDED, Outcome.RETRY, Outcome.HANDED_BACK]))
    def zombie_finish(self, which: int, outcome: Outcome) -> None:
        """An attempt that was reaped, ended or handed back tries to write."""
        stale = [held for held in self.account.attempts if self.account.owners.get(held.job) != held]
        # Most dangerous where another attempt runs.
        stale = [held for held in stale if held.job in self.account.owners] or stale
        held = stale[which % len(stale)]
        hold = self.run("hold", org=held.org, id=held.job, fence=held.fence, session=held.session)
        assert hold == [], "a stale attempt may write"
        self.end(held, outcome, 0)

    def end(self, held: Attempt, outcome: Outcome, delay: float) -> None:
        self.breathe()
        row = self.rows[held.job]
        current = self.account.owners.get(held.job) == held
        found = self.run(
            "finish", session=held.session, orgs=[held.org], jobs=[held.job], fences=[held.fence], outcomes=[str(outcome)], reasons=[None],
            fps=[None], delays=[float(delay)], parts=["result"], kids=["00"], blobs=[b"r"], cpu_ms=[None], in_force=[],
        )  # fmt: skip
        if not current:
            assert found == [], "a stale attempt wrote"
            return
        assert found == [(held.job, self.expected(row, outcome))], (
            f"{outcome} of a job {'told to end' if row.cancel_at else 'nobody cancelled'}"
        )
        del self.account.owners[held.job]
        self.account.successes[held.job] += outcome is Outcome.SUCCEEDED

    def expected(self, row: Row, outcome: Outcome) -> str:
        if outcome in {Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED}:
            return str(outcome)
        if row.cancel_at is not None:
            return "cancelled"
        if outcome is Outcome.HANDED_BACK:
            return "queued"
        return "failed" if row.failures + 1 >= MAX_FAILURES else "scheduled"

    @precondition(lambda self: self.account.owners)
    @rule(what=st.sampled_from(["fall_silent", "child_dies", "answer_lost", "wake"]), which=NUMBER)
    def worker_trouble(self, what: str, which: int) -> None:
        if what != "wake" or self.account.quiet:
            getattr(self, what)(which)

    def fall_silent(self, who: int) -> None:
        """A worker is paused or dies; nobody but time can tell which."""
        self.account.quiet.add(self.account.sessions[who % len(self.account.sessions)])

    def child_dies(self, which: int) -> None:
        owned = sorted(self.account.owners.values(), key=lambda held: held.job)
        held = owned[which % len(owned)]
        self.reap(held.session, [held.child])

    def answer_lost(self, which: int) -> None:
        owned = sorted(self.account.owners.values(), key=lambda held: held.job)
        held = owned[which % len(owned)]
        for (job,) in self.run("disown", session=held.session, child=held.child):
            owner = self.account.owners.pop(job)
            assert (owner.session, owner.child) == (held.session, held.child)

    def beat(self) -> None:
        for session in self.account.sessions:
            if session not in self.account.quiet:
                self.beat_of(session)

    def wake(self, who: int) -> None:
        """A paused worker goes on; when it was declared lost meanwhile it must hear so."""
        quiet = sorted(self.account.quiet)
        self.account.quiet.discard(quiet[who % len(quiet)])
        self.beat_of(quiet[who % len(quiet)])

    def beat_of(self, session: UUID) -> None:
        rows = self.run("beat", session=session, ttl_s=float(TTL_S), stopping=False)
        alive = bool(rows[0][0])
        assert alive == (session not in self.account.lost)
        if alive:
            self.account.beats[session] = self.account.now
            told = {(row[2], row[3]): row[5] for row in rows if row[2] is not None}
            assert set(told) == {(held.job, held.fence) for held in self.account.owners.values() if held.session == session}
            assert all(told[row.id, row.fence] == (row.cancel_at is not None) for row in self.rows.values() if (row.id, row.fence) in told)

    @rule(seconds=st.sampled_from([3, 0.5, 11, 19, 31, 130]), beats=st.sampled_from([True, True, False]))
    def time(self, seconds: float, beats: bool) -> None:  # noqa: FBT001 - drawn, never written
        self.account.now += timedelta(seconds=seconds)
        self.tell_time()
        if beats:
            self.beat()
        if beats and len(self.account.sessions) - len(self.account.quiet | self.account.lost) < 2:
            self.open_session()

    # The promises

    @invariant()
    def holds(self) -> None:
        self.rows = {row[0]: Row(*row) for row in self.wire.execute(JOBS, prepare=True).fetchall()}
        assert self.rows.keys() == self.account.accepted, "an accepted job is gone, or an unknown one is there"
        for row in self.rows.values():
            self.row_holds(row)
        self.budgets_hold()
        for batch in self.wire.execute(BATCHES, prepare=True).fetchall():
            self.batch_holds(*batch)

    def row_holds(self, row: Row) -> None:
        if row.id in self.account.ended:
            assert row.stage == self.account.ended[row.id], "a final stage changed"
        elif Stage(row.stage).ended:
            self.account.ended[row.id] = row.stage
        owner = self.account.owners.get(row.id)
        assert (row.stage == "running") == (owner is not None), f"a {row.stage} job, owned by {owner}"
        if owner:
            assert (row.owner, row.fence) == (owner.session, owner.fence), "the owner is not who claimed last"
        assert self.account.successes[row.id] == (row.stage == "succeeded"), "a success was counted twice, or not at all"
        assert row.attempts == row.attempt - (row.stage == "running"), "an ended attempt has no row"
        waits = not Stage(row.stage).ended and row.stage != "running"
        assert not (waits and row.cancel_at), "a job that was told to end waits to run again"
        assert row.crash_count <= MAX_CRASHES
        assert row.failures <= MAX_FAILURES

    def budgets_hold(self) -> None:
        under_way = [row for row in self.rows.values() if row.stage in {"dispatched", "running"}]
        assert sum(LIMITED in row.budgets for row in under_way) <= 2, "a budget is over"
        holders = Counter((row.org, row.mutex) for row in self.rows.values() if row.stage == "running" and row.mutex)
        assert max(holders.values(), default=0) <= 1, "a mutex has two holders"
        elapsed = (self.account.now - BEGIN).total_seconds()
        assert self.account.starts <= BURST + PER_SECOND * elapsed + 1e-6, "a rate is over"

    def batch_holds(
        self, batch: UUID, total: int, unended: int, failed: int, cancelled: int, sealed: bool, callback: UUID | None,  # noqa: FBT001 - a row
        *counted: int,
    ) -> None:  # fmt: skip
        assert (total, unended, failed, cancelled) == counted, (
            f"batch {batch}: counters {(total, unended, failed, cancelled)}, rows {counted}"
        )
        if callback is None:
            return
        row = self.rows[callback]
        released = sealed and unended == 0
        assert row.stage != "blocked" or not released, "a finished batch keeps its callback waiting"
        assert released or row.stage in {"blocked", "cancelled"}, "a callback runs before its batch is over"

    def settle(self) -> None:
        """Faults stop: one healthy worker must bring everything to an end."""
        account = self.account
        account.quiet.update(account.sessions)
        for batch in [batch for batch in account.batches if batch not in account.sealed]:
            self.run("seal", org=account.batches[batch], batch=batch)
            account.sealed.add(batch)
        self.holds()
        session = None
        for _ in range(40):
            if all(Stage(row.stage).ended for row in self.rows.values()):
                return
            if session is None:
                self.time(SWEEP_S * 2**6 + 1, beats=False)
                self.open_session()
                session = account.sessions[-1]
            self.time(60, beats=False)
            self.beat_of(session)
            self.lose_and_reap()
            self.sweep()
            self.promote_and_expire()
            self.holds()
            account.tickets.clear()
            self.dispatch(50)
            self.holds()
            for ticket in account.tickets:
                held = self.claim_as(session, "c0", ticket)
                if held:
                    self.holds()
                    self.end(held, Outcome.SUCCEEDED, 0)
                self.holds()
        left = Counter(row.stage for row in self.rows.values() if not Stage(row.stage).ended)
        raise AssertionError(f"faults stopped and these never ended: {dict(left)}")
