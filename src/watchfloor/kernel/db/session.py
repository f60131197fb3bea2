"""The one way into PostgreSQL, and the only commit.

Two roles, both under forced row-level security: `wf_app` sees one organisation, `wf_engine` moves jobs of all.
Connections belong to the process that opened them: a forked child opens its own.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

Role = Literal["wf_app", "wf_engine"]
Wire = psycopg.Connection[TupleRow]
RINGS = "rings"

# A call that waits for ever holds a job for ever; every wait in the database ends.
LIMITS = "-c statement_timeout={statement} -c lock_timeout=4s -c idle_in_transaction_session_timeout=60s -c timezone=UTC -c jit=off"
# The hot path's statements are prepared once, perhaps while their tables are empty: a plan made then must still be right with a
# million rows. So it always goes by key, never through a whole table.
GENERIC = " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
KEEPALIVE = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3}


class _Wires(dict[Role, tuple[int, Wire]]):
    """One thread's connections, closed with the thread; what a fork inherited stays open, it is the parent's."""

    def close(self) -> None:
        for pid, wire in self.values():
            if pid == os.getpid():
                wire.close()

    __del__ = close


class Database:
    """One PostgreSQL database, reached under our two roles."""

    def __init__(self, url: str) -> None:
        """Remember the address; nothing is opened yet."""
        self.url = url
        self.bell: Callable[[str, str], object] = lambda _channel, _payload: (
            None
        )  # what rings after a commit; the doorbell hangs itself up here
        self._engines: dict[tuple[int, Role], Engine] = {}
        self._local = threading.local()

    def connect(self, role: Role, *, autocommit: bool = True, statement: str = "30s") -> Wire:
        """Open a connection of your own under `role`.

        Raises:
            SetupError: The database cannot be reached; the address is named without its password.
        """
        options = f"-c role={role} {LIMITS.format(statement=statement)}{GENERIC if autocommit else ''}"
        try:
            return psycopg.connect(self.url, autocommit=autocommit, options=options, application_name="watchfloor", **KEEPALIVE)  # type: ignore[arg-type] # psycopg's stubs want literal keywords
        except psycopg.OperationalError as error:
            raise SetupError(_unreachable(self.url, error)) from error

    def wire(self, role: Role) -> Wire:
        """Return this thread's own autocommit connection for the hot path, reopened when it broke."""
        held: _Wires = self._local.__dict__.setdefault("held", _Wires())
        pid, wire = held.get(role, (0, None))
        if wire is not None and pid == os.getpid() and wire.info.transaction_status is TransactionStatus.ACTIVE:
            wire.close()  # a signal interrupted its last statement: it would refuse every further one
        if wire is None or wire.closed or pid != os.getpid():
            wire = self.connect(role, statement="5s")
            held[role] = (os.getpid(), wire)
        return wire

    @contextmanager
    def transaction(self, org: UUID) -> Iterator[Session]:
        """Open the transaction in which exactly `org`'s rows exist; commit at the end, roll back on any error."""
        with self._session("wf_app") as session:
            wire_of(session).execute("select set_config('watchfloor.org', %s, true)", (str(org),))
            yield session

    @contextmanager
    def reading(self, org: UUID) -> Iterator[Session]:
        """Open a transaction that sees `org`'s rows as they are now, however long it reads, and writes nothing; a statement may take a minute."""
        with self._session("wf_app") as session:
            wire = wire_of(session)
            wire.execute("set transaction isolation level repeatable read, read only")
            wire.execute("select set_config('watchfloor.org', %s, true), set_config('statement_timeout', '60s', true)", (str(org),))
            yield session

    @contextmanager
    def engine_transaction(self) -> Iterator[Session]:
        """Open a transaction of the job engine: it sees the ledger of every organisation and nothing else of theirs."""
        with self._session("wf_engine") as session:
            yield session

    @contextmanager
    def _session(self, role: Role) -> Iterator[Session]:
        # Half a second of imports that schedulers and short jobs never need.
        from sqlalchemy.exc import OperationalError  # noqa: PLC0415
        from sqlalchemy.orm import Session  # noqa: PLC0415

        try:
            with Session(self._engine(role), expire_on_commit=False) as session, session.begin():
                yield session
            for channel in session.info.get(RINGS, ()):
                self.bell(channel, "")
        except OperationalError as error:
            if error.connection_invalidated:
                raise SetupError(_unreachable(self.url, error.orig)) from error
            raise

    def _engine(self, role: Role) -> Engine:
        from sqlalchemy import create_engine  # noqa: PLC0415 - see _session

        key = (os.getpid(), role)
        if key not in self._engines:
            self._engines[key] = create_engine(
                "postgresql+psycopg://",
                creator=lambda: self.connect(role, autocommit=False),
                pool_size=5,
                max_overflow=15,
                pool_pre_ping=True,
                pool_recycle=1800,
            )
        return self._engines[key]

    def close(self) -> None:
        """Close what this process and thread opened."""
        self._local.__dict__.pop("held", _Wires()).close()
        for key in [key for key in self._engines if key[0] == os.getpid()]:
            self._engines.pop(key).dispose()


def ring_after_commit(session: Session, channel: str) -> None:
    """Wake whoever listens once this transaction has committed; one that rolls back rings nothing."""
    session.info.setdefault(RINGS, set()).add(channel)


def wire_of(session: Session) -> Wire:
    """Return the psycopg connection beneath a session, to run the hot path's SQL in its transaction."""
    raw: Any = session.connection().connection.driver_connection
    return raw  # type: ignore[no-any-return] # SQLAlchemy types it as Any


def _unreachable(url: str, error: object) -> str:
    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        parts = {}
    where = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
    return f"PostgreSQL at {where} cannot be reached: {str(error).strip()}. Check WATCHFLOOR_DATABASE_URL and that the server runs."
