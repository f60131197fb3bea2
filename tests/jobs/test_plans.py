"""The hot statements read what they need and no more: on a ledger full of history and of waiting jobs, as the product plans them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from tests.conftest import as_login, create
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import Database
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.db.session import Wire

ENDED, QUEUED, SCHEDULED, BLOCKED, RUNNING, DISPATCHED = 200_000, 16_000, 8_000, 6_000, 200, 200
ORG, SESSION, BATCH, LOST = UUID(int=0xA0), UUID(int=0xB0), UUID(int=0xC0), UUID(int=0xD0)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

FILL = f"""
create function made(n int) returns uuid language sql immutable as $$ select lpad(to_hex(n), 32, '0')::uuid $$;
insert into job (org, id, kind, queue, stage, run_at, rank_at, created_at, finished_at, keep_s, priority, attempt)
select made(n % 100 + 160), made(n), 'k', 'default', 'succeeded', at, at, at, at, 1e9, 4, 1
from generate_series(1, {ENDED}) n, lateral (select wf_now() - n * interval '2 s' as at) t;
insert into job (org, id, kind, queue, stage, run_at, rank_at, budgets, unique_key, expires_at)
select made(n % 100 + 160), made(1000000 + n), 'k', 'default', 'queued', wf_now(), wf_now() + n * interval '1 ms', '{{kind:k}}', n::text::bytea,
       case when n % 10 = 0 then wf_now() + interval '1 day' end
from generate_series(1, {QUEUED}) n;
insert into job (org, id, kind, queue, stage, run_at, rank_at)
select made(n % 100 + 160), made(2000000 + n), 'k', 'default', 'scheduled', wf_now() + interval '1 h', wf_now() + interval '1 h'
from generate_series(1, {SCHEDULED}) n;
insert into job (org, id, kind, queue, stage, run_at, rank_at, waits_for, budgets)
select made(n % 100 + 160), made(3000000 + n), 'k', 'default', 'blocked', wf_now(), wf_now(), 'budget:target:' || n % 20, array['target:' || n % 20]
from generate_series(1, {BLOCKED}) n;
insert into job (org, id, kind, queue, stage, run_at, rank_at, attempt, fence, owner, child, attempt_at, batch)
select made(n % 100 + 160), made(4000000 + n), 'k', 'default', 'running', wf_now(), wf_now(), 1, 1, '{SESSION}', 'c' || n % 4, wf_now(), '{BATCH}'
from generate_series(1, {RUNNING}) n;
insert into job (org, id, kind, queue, stage, run_at, rank_at, seq, dispatched_at, mutex)
select made(n % 100 + 160), made(5000000 + n), 'k', 'default', 'dispatched', wf_now(), wf_now(), 1, wf_now(), 'm' || n
from generate_series(1, {DISPATCHED}) n;
insert into job_payload (org, job, part, blob) select org, id, 'args', 'x' from job;
insert into job_attempt (org, job, attempt, fence, ended_at, outcome) select org, id, 1, 1, wf_now(), 'succeeded' from job where stage = 'succeeded';
insert into budget (key, max_running) select 'target:' || n, 0 from generate_series(0, 19) n;
insert into job_batch (org, id, parent, name, total, open, sealed) values ('{ORG}', '{BATCH}', '{BATCH}', 'b', 200, 200, true);
insert into worker_session (id, host, pid, queues, slots, expires_at) values ('{SESSION}', 'h', 1, '{{default}}', 400, wf_now() + interval '1 h');
"""


def made(number: int) -> UUID:
    return UUID(int=number)


def org_of(n: int) -> UUID:
    return made(n % 100 + 160)


ONE_END: dict[str, Any] = {
    "session": SESSION, "orgs": [org_of(7)], "jobs": [made(4000007)], "fences": [1], "outcomes": ["succeeded"], "reasons": [None], "fps": [None],
    "delays": [0.0], "parts": ["result"], "kids": ["00"], "blobs": [b"r"], "cpu_ms": [None], "in_force": [],
}  # fmt: skip
NEW_JOB: dict[str, Any] = {
    "org": ORG, "kind": "k", "queue": "default", "priority": 4, "run_at": None, "delay_s": 0.0, "expires_at": None, "waits_for": None,
    "max_failures": 5, "unique_key": b"17", "mutex": None, "budgets": ["kind:k"], "batch": None, "parent": None, "replay_of": None,
    "actor": "a", "label": None, "limit_s": 1.0, "soft_s": None, "keep_s": 1.0, "short": False, "kid": "00",
}  # fmt: skip
# Statement, values, and how many rows of `job` it may touch: what it changes, what is under way, and a little.
UNDER_WAY = RUNNING + DISPATCHED
HOT: list[tuple[str, str, dict[str, Any], int]] = [
    ("enqueue", "wf_app", NEW_JOB | {"id": new_id(), "blob": b"x"}, 5),
    ("enqueue", "wf_engine", NEW_JOB | {"id": new_id(), "blob": b"x"}, 5),
    ("bulk", "wf_app", NEW_JOB | {"ids": [new_id()] * 1, "uniq": [b"117"], "blob": [b"x"]}, 5),
    ("credit", "wf_engine", {"queue": "default"}, 4 * UNDER_WAY),
    ("unpark", "wf_engine", {"queue": "default"}, 3 * UNDER_WAY + 100),
    # An organisation's best candidates, then what is picked, once for reading and once for writing.
    ("dispatch", "wf_engine", {"queue": "default", "credit": 64}, 100 * 20 + 4 * UNDER_WAY + 400),
    # By key, or through all tickets under way when they fill a page or two; the credit bounds them.
    ("undo_dispatch", "wf_engine", {"ids": [made(5000003)], "seqs": [1]}, UNDER_WAY),
    ("claim", "wf_engine", {"session": SESSION, "child": "c", "queue": "default", "ids": [made(5000003), made(5000004)], "seqs": [1, 1]}, UNDER_WAY),
    ("hold", "wf_app", {"org": org_of(7), "id": made(4000007), "fence": 1, "session": SESSION}, 3),
    ("finish", "wf_engine", ONE_END, 10),
    ("finish_single", "wf_engine", ONE_END, 10),
    ("finish_failing", "wf_engine", ONE_END, 10),
    ("park", "wf_engine", {"id": made(5000003), "seq": 1}, 5),
    ("progress", "wf_engine", {"org": org_of(7), "id": made(4000007), "fence": 1, "phase": "", "done": 1, "total": 2, "note": ""}, 10),
    ("disown", "wf_engine", {"session": SESSION, "child": "nobody"}, UNDER_WAY),
    ("meta", "wf_engine", {"org": org_of(7), "id": made(7)}, 5),
    ("beat", "wf_engine", {"session": SESSION, "ttl_s": 15.0, "stopping": False}, UNDER_WAY),
    ("reap", "wf_engine", {"session": SESSION, "dead": ["nobody"], "max_crashes": 3}, UNDER_WAY),
    ("sweep", "wf_engine", {"age_s": 30.0, "broker_since": None, "queues": None}, UNDER_WAY),
    ("sweep", "wf_engine", {"age_s": 30.0, "broker_since": LONG_AGO, "queues": ["default"]}, UNDER_WAY),
    ("promote", "wf_engine", {}, 5),
    ("expire", "wf_engine", {}, 5),
    ("cancel", "wf_app", {"org": org_of(7), "ids": [made(1000007)], "batch": None, "by": "t"}, 10),
    ("cancel", "wf_engine", {"org": org_of(7), "ids": [made(1000007)], "batch": None, "by": "t"}, 10),
    ("cancel", "wf_app", {"org": org_of(7), "ids": [], "batch": BATCH, "by": "t"}, 10),
    ("seal", "wf_engine", {"org": ORG, "batch": BATCH}, 5),
    ("orphans", "wf_engine", {}, 5),
    ("archive", "wf_engine", {}, 10),
    ("unfinished", "wf_engine", {"org": ORG, "schedule": BATCH}, 5),
    ("forget_payloads", "wf_engine", {}, 10),
]  # fmt: skip


@pytest.fixture(scope="module")
def full(postgres: str) -> Iterator[Database]:
    """Fill a database with history."""
    url = create(postgres, "jobs_full")
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("set work_mem = '64MB'")
        owner.execute(FILL)
        owner.execute("vacuum analyze")
    database = Database(as_login(url))
    yield database
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "role", "values", "allowed"), HOT, ids=[f"{at}-{hot[0]}-{hot[1]}" for at, hot in enumerate(HOT)])
def test_statement_touches_few_rows(full: Database, name: str, role: str, values: dict[str, Any], allowed: int) -> None:
    wire = full.connect("wf_engine" if role == "wf_engine" else "wf_app")
    try:
        for tree in executed(wire, name, values):
            assert [node for node in scans(tree) if node["Node Type"] == "Seq Scan"] == [], f"{name} reads the whole table job"
            touched = {index(node): rows(node) for node in scans(tree)}
            assert sum(rows(node) for node in scans(tree)) <= allowed, f"{name} touches {touched}"
    finally:
        wire.close()


def executed(wire: Wire, name: str, values: dict[str, Any]) -> Iterator[Any]:
    """Run a statement as the product does, under a generic plan, and yield its plan with what really happened; then undo it."""
    sql = statement(name)
    order: list[str] = []
    for key in values:
        if f"%({key})s" in sql:
            order.append(key)
            sql = sql.replace(f"%({key})s", f"${len(order)}")
    marks = f"({', '.join(['%s'] * len(order))})" if order else ""
    types = f"({', '.join(kind(values[key]) for key in order)})" if order else ""
    with wire.transaction(force_rollback=True):
        if "org" in values:
            wire.execute("select set_config('watchfloor.org', %s, true)", (str(values["org"]),))
        wire.execute(f"prepare hot{types} as {sql.replace('%%', '%')}")
        plain = psycopg.ClientCursor(wire)
        found = plain.execute(f"explain (analyze, format json) execute hot{marks}", [values[key] for key in order]).fetchone()
        wire.execute("deallocate hot")
        assert found is not None
        yield found[0][0]["Plan"]


def kind(value: Any) -> str:
    """Return the type psycopg gives a value; text and None leave it to the server."""
    if isinstance(value, list):
        inner = kind(value[0]) if value else "unknown"
        return inner if inner == "unknown" else f"{inner}[]"
    return TYPES.get(type(value), "unknown")


def scans(tree: Any) -> Iterator[Any]:
    """Yield every node that reads `job`."""
    if (tree.get("Relation Name") == "job" and "Scan" in tree["Node Type"]) or (
        tree["Node Type"] == "Bitmap Index Scan" and tree["Index Name"].startswith("job_")
    ):
        yield tree
    for below in tree.get("Plans", []):
        yield from scans(below)


TYPES = {UUID: "uuid", bool: "boolean", int: "integer", float: "float8", bytes: "bytea", datetime: "timestamptz"}


def index(tree: Any) -> str:
    return f"{tree['Node Type']} {tree.get('Index Name', tree.get('Relation Name'))}"


def rows(tree: Any) -> int:
    dropped = sum(tree.get(key, 0) for key in ("Rows Removed by Filter", "Rows Removed by Index Recheck"))
    return int(tree["Actual Loops"] * (tree["Actual Rows"] + dropped))
