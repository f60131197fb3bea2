"""The servers of one run: private, durable as in production, the same for every peer."""

from __future__ import annotations

import contextlib
import os
import secrets
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from benchmarks.board import VARIABLE as BOARD
from benchmarks.processes import Tree
from tests.servers import Server, postgres_server, rabbitmq_missing, rabbitmq_server, valkey_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers import Peer

ROOT: Final = Path(__file__).resolve().parent.parent
PRODUCTION: Final = {"shared_buffers": "256MB", "max_wal_size": "2GB", "synchronous_commit": "on", "full_page_writes": "on", "jit": "off"}
PATIENCE_S: Final = 60.0


class Site:
    """Broker, PostgreSQL and a folder for shared pages; a context manager."""

    def __init__(self, broker: str, *, database: bool) -> None:
        """Name what to start; `database` says whether any peer needs PostgreSQL."""
        self.kind, self._wants_database = broker, database
        self._stack = ExitStack()
        self._templates: set[str] = set()
        self.broker: Server | None = None
        self.postgres: Server | None = None

    def __enter__(self) -> Self:
        """Start the servers."""
        with ExitStack() as stack:
            shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made inside
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wf-bench-", dir=shared)))
            self.broker = stack.enter_context(valkey_server(durable=True) if self.kind == "valkey" else rabbitmq_server())
            if self._wants_database:
                self.postgres = stack.enter_context(postgres_server(fsync=True, settings=PRODUCTION))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self._stack.close()

    def clean(self, peer: Peer, install: Callable[[dict[str, str]], None]) -> None:
        """Empty the broker and give the peer a new database; `install` makes its tables once, later ones are copies."""
        if self.kind == "valkey":
            self._empty_valkey()
        if not peer.database:
            return
        name = peer.name.replace("-", "_")
        if name not in self._templates:
            self._execute("CREATE DATABASE {}", name + "_template")
            install(self.environment(peer, database=name + "_template"))
            self._templates.add(name)
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, name + "_template")
        self._execute("CHECKPOINT")

    def restart_broker(self) -> None:
        """Begin with an empty broker after a round that failed and may have left messages."""
        if self.broker:
            self.broker.stop()
            self.broker.wipe()
            self.broker.start()

    def _empty_valkey(self) -> None:
        with contextlib.closing(redis.Redis.from_url(self._client_url())) as client:
            client.flushall()
            client.bgrewriteaof()
            deadline = time.monotonic() + PATIENCE_S
            while any(client.info("persistence")[key] for key in ("aof_rewrite_in_progress", "aof_rewrite_scheduled")):
                if time.monotonic() > deadline:
                    message = "Valkey did not finish rewriting its log"
                    raise TimeoutError(message)
                time.sleep(0.01)

    def _execute(self, statement: str, *names: str) -> None:
        assert self.postgres is not None  # noqa: S101 - peers that need it are why it was started
        with psycopg.connect(_at(self.postgres.url, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _client_url(self) -> str:
        """Return redis-py's spelling of the broker's address."""
        url = self.broker.url if self.broker else ""
        return url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")

    def environment(self, peer: Peer, *, board: Path | None = None, database: str = "") -> dict[str, str]:
        """Return the environment of a peer's processes; addresses hold passwords and go no other way."""
        given = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("WATCHFLOOR_", "CELERY_", "PG"))},
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "BENCHMARK_BROKER": self.broker.url if self.broker else "",
            "BENCHMARK_BROKER_CLIENT": self._client_url(),
            **peer.environment,
        }
        if board:
            given[BOARD] = str(board)
        if peer.database and self.postgres:
            url = _at(self.postgres.url, database or peer.name.replace("-", "_"))
            given |= {"BENCHMARK_DATABASE": url, "WATCHFLOOR_DATABASE_URL": url.replace("//wf_owner:", "//wf_login:", 1)}
            given |= {"WATCHFLOOR_BROKER_URL": given["BENCHMARK_BROKER"], "WATCHFLOOR_DATA_DIR": str(self._data_dir())}
            given |= {"WATCHFLOOR_KEK": self._kek, "WATCHFLOOR_LOG_LEVEL": "WARNING"}
        return given

    _kek: Final = secrets.token_hex(32)

    def _data_dir(self) -> Path:
        path = self.folder / "watchfloor"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def trees(self, peer: Peer) -> dict[str, Tree]:
        """Return the servers that a peer uses, as trees of processes."""
        found = {}
        if peer.broker and self.broker:
            found["broker"] = Tree((self.broker.pid,))
        if peer.database and self.postgres:
            found["database"] = Tree((self.postgres.pid,))
        return found


def unusable(peer: Peer, broker: str) -> str | None:
    """Return why a peer cannot take part here, or None."""
    if missing := peer.missing():
        return f"not installed: {missing}"
    if peer.broker and broker not in peer.brokers:
        return f"does not use {broker}"
    return rabbitmq_missing() if peer.broker and broker == "rabbitmq" else None


def fsync_ms(count: int = 50) -> float:
    """Return the median time of making 8 KiB durable where the servers keep their data."""
    with tempfile.TemporaryFile(buffering=0) as file:
        times = []
        for _ in range(count):
            begun = time.perf_counter()
            file.seek(0)
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def _at(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()
