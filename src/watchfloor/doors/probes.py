"""What machines ask about this installation: is it alive, is it ready, how much is going on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
from fastapi import APIRouter, Request, Response
from psycopg.rows import dict_row
from sqlalchemy.exc import DBAPIError

from watchfloor.kernel.db import schema
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Forbidden, SetupError
from watchfloor.kernel.jobs.queries import list_queues, list_workers
from watchfloor.kernel.tenancy.keys import authenticate
from watchfloor.kernel.tenancy.permissions import policy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger

routes = APIRouter(tags=["probes"])
FRESH_S = 5.0
LOCAL = {"127.0.0.1", "::1"}
_shown: dict[int, tuple[float, str]] = {}

UNFINISHED = "select kind, queue, state, count(*) as n from job where finished_at is null group by kind, queue, state order by 1, 2, 3"
ENDED = (
    "select kind, queue, state, count(*) as n from job where finished_at > wf_now() - interval '1 hour' and finished_at is not null "
    "group by kind, queue, state order by 1, 2, 3"
)
OLDEST = "select queue, greatest(0, extract(epoch from wf_now() - min(run_at)))::float8 as age from job where stage = 'queued' group by queue order by 1"
REJECTED = "select reason, sum(n)::bigint as n from ticket_rejection group by reason order by 1"


@routes.get("/health")
def health() -> dict[str, str]:
    """Answer while the process lives."""
    return {"status": "alive"}


@routes.get("/ready")
def ready(request: Request, response: Response) -> dict[str, Any]:
    """Answer 200 when requests can be accepted: the database is there, with the schema this program needs.

    Workers are told for information: without them requests are accepted and run once they are back.
    """
    checks = look(request.app.state.ledger)
    response.status_code = 200 if checks["ready"] else 503
    if not checks["ready"]:
        response.headers["Retry-After"] = "5"
    return checks


def look(ledger: Ledger) -> dict[str, Any]:
    """Return what works and what does not."""
    try:
        with ledger.database.engine_transaction() as session:
            found = _revision(session)
            workers = sum(worker.alive for worker in list_workers(session))
    except psycopg.errors.InsufficientPrivilege:
        return {"ready": False, "database": "its schema may not be seen by this login: run `watchfloor migrate`"}
    except (SetupError, psycopg.Error, DBAPIError):
        return {"ready": False, "database": "unreachable: check WATCHFLOOR_DATABASE_URL and that the server runs"}
    if found != schema.HEAD:
        return {"ready": False, "database": f"schema {found}, this program needs {schema.HEAD}: run `watchfloor migrate`"}
    return {"ready": True, "database": "ok", "schema": found, "workers": workers}


def _revision(session: Session) -> str | None:
    row = wire_of(session).execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else None


@routes.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Show figures in Prometheus' text format, of all organisations and without their names.

    Open to this machine; anybody else, and whoever comes through a proxy, needs a key with platform.metrics.
    """
    ledger: Ledger = request.app.state.ledger
    client = request.client.host if request.client else "local"
    if client not in LOCAL or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        _permit(ledger, request)
    at, text = _shown.get(id(ledger), (0.0, ""))
    if not text or time.monotonic() - at > FRESH_S:
        with ledger.database.engine_transaction() as session:
            text = render(session)
        _shown.clear()
        _shown[id(ledger)] = (time.monotonic(), text)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _permit(ledger: Ledger, request: Request) -> None:
    if not authenticate(ledger, request.headers.get("authorization")).may(policy().permission("metrics")):
        message = "These figures need a key with the permission platform.metrics, or a request from this machine itself."
        raise Forbidden(message)


def render(session: Session) -> str:
    """Return all figures as text; needs an engine transaction."""
    queues, workers = list_queues(session), [worker for worker in list_workers(session) if worker.alive]
    slots = {queue.name: sum(worker.slots for worker in workers if queue.name in worker.queues and not worker.stopping) for queue in queues}
    families: list[tuple[str, str, str, list[tuple[dict[str, Any], float]]]] = [
        ("watchfloor_jobs", "gauge", "Unfinished jobs.", _counted(session, UNFINISHED)),
        ("watchfloor_jobs_ended_1h", "gauge", "Jobs that ended within the last hour.", _counted(session, ENDED)),
        ("watchfloor_queue_oldest_seconds", "gauge", "How long the oldest queued job has been due.", _aged(session)),
        ("watchfloor_queue_paused", "gauge", "1 while a queue is paused.", [({"queue": queue.name}, queue.paused) for queue in queues]),
        ("watchfloor_queue_slots", "gauge", "Slots of living workers.", [({"queue": name}, n) for name, n in slots.items()]),
        ("watchfloor_workers", "gauge", "Living workers.", [({}, len(workers))]),
        ("watchfloor_tickets_rejected_total", "counter", "Tickets refused, by reason.", _rejected(session)),
    ]
    lines: list[str] = []
    for name, kind, words, samples in families:
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{_labels(labels)} {float(value):.10g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _counted(session: Session, sql: str) -> list[tuple[dict[str, Any], float]]:
    return [({key: row[key] for key in ("kind", "queue", "state")}, row["n"]) for row in _rows(session, sql)]


def _aged(session: Session) -> list[tuple[dict[str, Any], float]]:
    return [({"queue": row["queue"]}, row["age"]) for row in _rows(session, OLDEST)]


def _rejected(session: Session) -> list[tuple[dict[str, Any], float]]:
    return [({"reason": row["reason"]}, row["n"]) for row in _rows(session, REJECTED)]


def _rows(session: Session, sql: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - text of this file
    return wire_of(session).cursor(row_factory=dict_row).execute(sql).fetchall()


def _labels(labels: dict[str, Any]) -> str:
    escaped = [f'{key}="{_escape(str(value))}"' for key, value in labels.items()]
    return "{" + ",".join(escaped) + "}" if escaped else ""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
