"""Who may do what: commits, Celery, sockets and raw SQL each have their places."""

from __future__ import annotations

import ast

from tests.architecture.source import ROOT, callers, importers, modules

OUTSIDE = (
    *("capabilities/*/connect.py", "capabilities/*/connect", "capabilities/*/browser", "capabilities/*/feeds", "capabilities/*/channels"),
    *("kernel/fetch", "kernel/sandbox"),
)


def test_only_the_session_commits() -> None:
    assert callers("commit", "rollback", allowed=("kernel/db/session.py", "kernel/db/migrations")) == []


def test_only_the_ledger_sends_jobs_to_celery() -> None:
    assert callers("delay", "apply_async", "send_task", allowed=("kernel/jobs", "kernel/contract.py", "doors/worker.py")) == []


def test_celery_is_imported_in_the_broker_and_the_worker_only() -> None:
    assert importers("celery", "kombu", "billiard", allowed=("kernel/jobs/broker", "doors/worker.py")) == []


def test_sockets_are_opened_in_the_outside_files_only() -> None:
    # The broker sets options on sockets that redis-py opened, the warden hears its worker over a socket pair, the scope reads this
    # machine's own networks, and the private Valkey is asked whether it is ready.
    places = (
        *OUTSIDE,
        "kernel/jobs/broker",
        "kernel/jobs/warden.py",
        "kernel/assets/scope.py",
        "kernel/assets/control.py",
        "kernel/embedded/valkey.py",
        "doors",
    )
    assert importers("socket", "socketserver", "asyncio.open_connection", allowed=places) == []


def test_http_clients_are_used_in_the_outside_files_only() -> None:
    clients = ("http.client", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "smtplib", "ftplib")
    assert importers(*clients, allowed=OUTSIDE) == []


def test_raw_sql_stays_where_data_is_kept() -> None:
    places = ("kernel/db", "kernel/jobs", "kernel/audit", "kernel/*/queries.py", "capabilities/*/queries.py")
    assert importers("sqlalchemy.text", "sqlalchemy.sql.text", allowed=places) == []


def test_migrations_are_loaded_by_the_schema_only() -> None:
    assert importers("alembic", allowed=("kernel/db/schema.py", "kernel/db/migrations")) == []


def test_no_test_of_one_capability_names_another() -> None:
    capabilities = {
        module.path.split("/")[1] for module in modules() if module.path.startswith("capabilities/") and module.path.count("/") > 1
    }
    strangers = []
    for own in capabilities:
        for file in (ROOT / "tests" / own).rglob("*.py"):
            text = ast.unparse(ast.parse(file.read_text(encoding="utf-8")))
            strangers += [
                f"{file.relative_to(ROOT)}: {other}" for other in capabilities - {own} if f"watchfloor.capabilities.{other}" in text
            ]
    assert strangers == []


def test_no_module_reads_the_environment_when_imported() -> None:
    readers = []
    for module in modules():
        if module.within("kernel/db/migrations"):
            continue
        for statement in module.tree.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            names = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
            if names & {"environ", "getenv"}:
                readers.append(f"{module.path}:{statement.lineno}")
    assert readers == []
