"""The schema's version: what the database has, what this program needs, and the way from one to the other."""

from __future__ import annotations

from pathlib import Path

import psycopg
from sqlalchemy import create_engine, pool

from watchfloor.kernel.errors import SetupError

HEAD = "0023"


def current(url: str) -> str | None:
    """Return the revision the database has, or None when it is empty."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            if connection.execute("select to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("select version_num from alembic_version").fetchone()
    except psycopg.OperationalError as error:
        message = f"PostgreSQL cannot be reached: {str(error).strip()}. Check WATCHFLOOR_DATABASE_URL and that the server runs."
        raise SetupError(message) from error
    return str(row[0]) if row else None


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`; does nothing, and loads no library, when it is there already.

    Args:
        url: A login that owns the database and may create roles.
        revision: An Alembic revision, "head" by default.
    """
    if revision == "head" and current(url) == HEAD:
        return
    _run(url, "upgrade", revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`."""
    _run(url, "downgrade", revision)


def _run(url: str, direction: str, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - 300 ms that only a migration should pay
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=pool.NullPool)
    with psycopg.connect(url, autocommit=True) as lock, engine.connect() as connection:
        # One migration at a time, however many processes start at once.
        lock.execute("select pg_advisory_lock(22342, 7)")
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)
