"""What tests of kernel nouns stand on: a ledger on the real database, fresh organisations, keys, a client, one attempt of a job."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import psycopg
import pytest
import uvicorn
from psycopg.types.json import Jsonb

from watchfloor.catalog import CATALOG
from watchfloor.doors.api import make_app, openapi
from watchfloor.kernel.artifacts.settings import artifact_settings
from watchfloor.kernel.artifacts.store import store
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.board import Board
from watchfloor.kernel.jobs.ledger import Ledger, make_ledger
from watchfloor.kernel.jobs.runner import Runner
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.keys import make_key
from watchfloor.kernel.tenancy.limits import Limits
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from sqlalchemy.orm import Session

KEK = bytes(range(32))

# One red pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


@dataclass(frozen=True)
class Client:
    """One key at the REST door."""

    http: httpx.Client
    key: str
    org: UUID

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send one request under /api/v1, or to an address of its own that begins with /api."""
        headers = {"Authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return self.http.request(method, path if path.startswith("/api/") else f"/api/v1{path}", headers=headers, **more)

    def get(self, path: str, **query: Any) -> Any:
        """Return what a path shows, which must succeed."""
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """Return the answer to a body, which must be accepted."""
        answer = self.ask("POST", path, json=body, **more)
        assert answer.status_code in {200, 201, 202}, answer.text
        return answer.json()

    def submit(self, kind: str = "jobs.test", **more: Any) -> UUID:
        """Enqueue one job."""
        return UUID(self.post("/jobs", {"kind": kind, **more})["id"])


@pytest.fixture(scope="session")
def ledger(postgres: str, login_url: str) -> Iterator[Ledger]:
    """Open the ledger as the product does, under wf_login, with a pepper from the environment."""
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("grant select on alembic_version to public")  # as `watchfloor migrate` does
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATCHFLOOR_PEPPER", "5a" * 32)
        # Without a floor of its own a test would store files where this machine's installation has them.
        patch.setenv("WATCHFLOOR_ARTIFACTS_PLACE", "postgres")
        kernel_settings.cache_clear()
        artifact_settings.cache_clear()
        opened = make_ledger(login_url, KEK)
        yield opened
        opened.database.close()
    kernel_settings.cache_clear()
    artifact_settings.cache_clear()


@pytest.fixture
def org(ledger: Ledger) -> UUID:
    """Make a fresh organisation."""
    return make_org(ledger)


@pytest.fixture
def stranger(ledger: Ledger) -> UUID:
    """Make another organisation."""
    return make_org(ledger)


def make_org(ledger: Ledger, name: str | None = None) -> UUID:
    """Make an organisation and load its key in this thread, whose connection `ledger` closes."""
    made = ensure_org(ledger.database, ledger.vault, name or f"org-{new_id()}")
    ledger.vault.blind(made, "")
    return made


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return openapi()


@contextmanager
def served(app: FastAPI) -> Iterator[httpx.Client]:
    """Run an application behind a real server on a free loopback port."""
    # The protocol is named because asyncio switches Nagle's delay off for named ones only.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            # The listening socket queues what comes before the server is up.
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def http(ledger: Ledger) -> Iterator[httpx.Client]:
    """Open the REST door."""
    limits = Limits(requests_a_minute=1_000_000, failures_a_minute=1_000_000)
    with served(make_app(ledger, CATALOG, kernel_settings(), limits=limits)) as client:
        yield client


@pytest.fixture
def owner(http: httpx.Client, ledger: Ledger, org: UUID) -> Client:
    """Be the owner of the organisation."""
    return client_of(http, ledger, org, "owner")


@pytest.fixture
def platform(http: httpx.Client, ledger: Ledger) -> Client:
    """Be the owner of the default organisation, who runs the machine as well."""
    return client_of(http, ledger, make_org(ledger, kernel_settings().default_org), "owner")


def client_of(http: httpx.Client, ledger: Ledger, org: UUID, role: str) -> Client:
    """Return a client with a fresh key of this role."""
    return Client(http, make_key(ledger, org, name=f"{role} of a test", role=role, actor="test"), org)


def work(ledger: Ledger, job: UUID) -> UUID:
    """Run one attempt of a queued job in this process, as a worker does after the dispatcher; return the worker's session, which is lost."""
    board = Board()
    board.session = new_id()
    wire = ledger.database.wire("wf_engine")
    session = {
        "session": board.session,
        "host": "test",
        "pid": 1,
        "queues": ["default"],
        "slots": 1,
        "pool": "solo",
        "kinds": [],
        "code": "",
        "ttl_s": 60,
    }
    wire.execute(statement("open_session"), session)
    row = wire.execute(
        "update job set stage = 'dispatched', seq = seq + 1, dispatched_at = wf_now() where id = %s and stage = 'queued' returning kind, seq, queue",
        (job,),
    ).fetchone()
    assert row is not None, "the job is not queued"
    Runner(ledger, CATALOG.kinds(), board).on_ticket(row[0], [(job, row[1])], row[2])
    wire.execute(statement("lose_session"), {"session": board.session})
    return board.session


def a_report(ledger: Ledger, session: Session, org: UUID) -> UUID:
    """Write down a report that is ready, with its file."""
    snapshot, report = new_id(), new_id()
    artifact = store(ledger, session, org, name="report.json", media_type="application/json", content=b"{}")
    wire = wire_of(session)
    wire.execute(
        "insert into report_snapshot (org, id, scope, scope_hash, redaction, as_of, rows, counts, sha256, size_bytes) "
        "values (%s, %s, '{}', 'x', 'internal', wf_now(), 0, '{}', 'x', 0)",
        (org, snapshot),
    )
    wire.execute(
        "insert into report (org, id, snapshot, scope_hash, format, options, redaction, spec_hash, template_version, state, artifact, sha256, "
        "size_bytes, retention, created_by, ready_at) values (%s, %s, %s, 'x', 'json', %s, 'internal', %s, 1, 'ready', %s, 'x', 2, 'standard', 't', wf_now())",
        (org, report, snapshot, Jsonb({"audience": "engineer", "locale": "en", "full": False}), report.bytes, artifact),
    )
    return report
