"""What the doctor sees of the services: database, roles, row-level security, schema, clock, broker."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import psycopg

from watchfloor.doors.cli.doctor import Line, State, first, guarded, judge
from watchfloor.kernel import telemetry
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.db import schema
from watchfloor.kernel.embedded import floor, programs
from watchfloor.kernel.settings import mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.settings import KernelSettings

OLDEST_POSTGRES: Final = 150_000
SKEW_SECONDS: Final = 2.0
JOIN_PATIENCE: Final = timedelta(seconds=60)
UNPROTECTED: Final = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'org' and a.attnotnull)
order by 1
"""


def services(settings: KernelSettings) -> Iterator[Line]:
    """Look at database and broker: the operator's, the running floor's, or those of a floor started for the look."""
    with ExitStack() as stack:
        found = None
        if settings.database_url is None or settings.broker_url is None:
            yield from guarded("PostgreSQL program", _postgres_program)
            yield from guarded("Valkey program", _valkey_program)
            if not (settings.data_dir / "postgres").exists():
                yield Line(State.OK, "embedded services", "not made yet; `watchfloor up` or `watchfloor scan` makes them")
                if settings.database_url is None and settings.broker_url is None:
                    return
            else:
                found = _embedded(settings, stack)
        login = settings.database_url.get_secret_value() if settings.database_url else found.login_url if found else None
        broker = settings.broker_url.get_secret_value() if settings.broker_url else found.broker_url if found else None
        telemetry.keep_secret(password for url in (login, broker) if url and (password := urlsplit(url).password))
        if login:
            yield from guarded("database", lambda: _database(login))
        if broker:
            yield from guarded("broker", lambda: _broker(broker))


def _embedded(settings: KernelSettings, stack: ExitStack) -> floor.Services | None:
    running = floor.running(settings.data_dir)
    if running is not None:
        return running
    try:
        return stack.enter_context(floor.start(settings.data_dir)).services
    except floor.Taken:
        return floor.join(settings.data_dir, JOIN_PATIENCE)


def _postgres_program() -> Iterator[Line]:
    program = programs.find_postgres()
    yield Line(State.OK, "PostgreSQL program", f"{program.version} at {program.file}")


def _valkey_program() -> Iterator[Line]:
    program = programs.find_valkey()
    yield Line(State.OK, "Valkey program", f"{program.version} at {program.file}")


def _database(url: str) -> Iterator[Line]:
    try:
        line = psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        yield Line(
            State.FAIL,
            "database",
            " ".join(telemetry.redact(str(error)).split()),
            "Check WATCHFLOOR_DATABASE_URL and that the server runs.",
        )
        return
    with line:
        number = int(first(line.execute("show server_version_num")))
        version = first(line.execute("show server_version"))
        yield judge(
            "database", f"PostgreSQL {version} at {line.info.host}", fine=number >= OLDEST_POSTGRES, remedy="Use PostgreSQL 15 or later."
        )
        yield from _schema(url)
        yield from _roles(line)
        yield from _clock(line)
        settings: Any = line.execute(
            "select current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')"
        ).fetchone()
        yield judge("durability", "fsync {}, synchronous_commit {}, full_page_writes {}".format(*settings), fine="off" not in settings,
                    remedy="Switch them on: accepted jobs may be lost in a power cut.", otherwise=State.WARN)  # fmt: skip


def _schema(url: str) -> Iterator[Line]:
    try:
        found = schema.current(url)
    except psycopg.errors.InsufficientPrivilege:
        found = "hidden from this login"
    yield judge(
        "schema", found or "empty", fine=found == schema.HEAD, remedy=f"Run `watchfloor migrate`: this program needs schema {schema.HEAD}."
    )


def _roles(line: psycopg.Connection[Any]) -> Iterator[Line]:
    row: Any = line.execute("select rolname, rolsuper, rolbypassrls from pg_roles where rolname = session_user").fetchone()
    found = f"{row[0]}: " + (
        " and ".join(word for word, true in (("superuser", row[1]), ("bypasses row-level security", row[2])) if true) or "no special rights"
    )
    yield judge(
        "login",
        found,
        fine=not (row[1] or row[2]),
        remedy="Use a login that is neither superuser nor BYPASSRLS in WATCHFLOOR_DATABASE_URL; migrate with WATCHFLOOR_DATABASE_OWNER_URL.",
    )
    may = [name for name in ("wf_app", "wf_engine") if _may_be(line, name)]
    yield judge(
        "roles",
        f"may become {', '.join(may) or 'neither wf_app nor wf_engine'}",
        fine=set(may) == {"wf_app", "wf_engine"},
        remedy="Run `watchfloor migrate` with WATCHFLOOR_DATABASE_URL set to this login.",
    )
    open_tables = [name for (name,) in line.execute(UNPROTECTED).fetchall()]
    if "wf_app" in may and not open_tables:
        with line.transaction():
            line.execute("set local role wf_app")
            leaked = first(
                line.execute("select (select count(*) from job) + (select count(*) from finding) + (select count(*) from artifact)")
            )
        yield judge("row-level security", "in force: without an organisation nothing is seen" if not leaked else f"{leaked} rows are seen without an organisation",
                    fine=not leaked, remedy="Restore the policies: run `watchfloor migrate`, and see who changed them.")  # fmt: skip
    elif open_tables:
        yield Line(
            State.FAIL,
            "row-level security",
            f"not forced on {', '.join(open_tables)}",
            "Restore the policies: run `watchfloor migrate`, and see who changed them.",
        )


def _may_be(line: psycopg.Connection[Any], role: str) -> bool:
    known = first(line.execute("select exists (select 1 from pg_roles where rolname = %s)", (role,)))
    return bool(known and first(line.execute("select pg_has_role(session_user, %s, 'member')", (role,))))


def _clock(line: psycopg.Connection[Any]) -> Iterator[Line]:
    before = time.time()
    there = first(line.execute("select extract(epoch from clock_timestamp())::float8"))
    skew = there - (before + time.time()) / 2
    yield judge("clock", f"{abs(skew):.3f} s {'behind' if skew > 0 else 'ahead of'} the database", fine=abs(skew) < SKEW_SECONDS,
                remedy="Synchronise the clocks (NTP); leases and schedules follow the database's, tickets expire by it.", otherwise=State.WARN)  # fmt: skip


def _broker(url: str) -> Iterator[Line]:
    from watchfloor.kernel.errors import SourceUnavailable  # noqa: PLC0415 - beside its use
    from watchfloor.kernel.jobs.broker.address import read_address  # noqa: PLC0415 - loads the broker's libraries
    from watchfloor.kernel.jobs.broker.publish import Publisher  # noqa: PLC0415 - see above

    address = read_address(url)
    try:
        with Publisher(url, [str(queue) for queue in Queue], timeout_s=5) as publisher:
            publisher.ping()
    except SourceUnavailable as error:
        yield Line(
            State.FAIL,
            "broker",
            telemetry.redact(" ".join(str(error).split())),
            "Check WATCHFLOOR_BROKER_URL and that the broker runs; accepted jobs wait meanwhile.",
        )
        return
    shown = mask(url.partition("?")[0])
    if address.is_redis:
        yield from _redis(address.url, shown)
    else:
        yield Line(State.OK, "broker", f"{shown} answers; queues are kept on a quorum")


def _redis(url: str, shown: str) -> Iterator[Line]:
    import redis  # noqa: PLC0415 - only where it is the broker

    with _client(url) as client:
        about: Any = client.info("server")
        name = "Valkey" if "valkey_version" in about else "Redis"
        version = about.get("valkey_version") or about.get("redis_version")
        yield Line(State.OK, "broker", f"{name} {version} at {shown}")
        try:
            aof: Any = client.config_get("appendonly")
            policy: Any = client.config_get("maxmemory-policy")
        except redis.ResponseError:
            yield Line(
                State.UNKNOWN,
                "broker persistence",
                "this broker does not tell its configuration",
                "Make sure of appendonly yes and maxmemory-policy noeviction.",
            )
            return
    found = f"appendonly {aof.get('appendonly')}, maxmemory-policy {policy.get('maxmemory-policy')}"
    fine = aof.get("appendonly") == "yes" and policy.get("maxmemory-policy") == "noeviction"
    yield judge(
        "broker persistence",
        found,
        fine=fine,
        remedy="Set appendonly yes and maxmemory-policy noeviction; without, lost tickets are rung again after a while.",
        otherwise=State.WARN,
    )


def _client(url: str) -> Any:  # noqa: ANN401 - redis-py's
    """Return redis-py's client for an address as kombu spells it."""
    import redis  # noqa: PLC0415 - see above

    if not url.startswith("redis+socket://"):
        return redis.Redis.from_url(url, socket_timeout=5)
    plain = url.removeprefix("redis+socket://")
    place, _, query = plain.partition("?")
    _, _, path = place.rpartition("@")
    password = place.removesuffix(f"@{path}").partition(":")[2] if "@" in place else None
    database = int(parse_qs(query).get("virtual_host", ["0"])[0].strip("/") or 0)
    return redis.Redis(unix_socket_path=path, password=password, db=database, socket_timeout=5)
