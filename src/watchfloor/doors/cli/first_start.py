"""Make what must exist before anything runs: keys, schema, the default organisation and its scope; repeating it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from watchfloor.catalog import CATALOG
from watchfloor.kernel import security, telemetry
from watchfloor.kernel.assets.scope import ensure_default_scope
from watchfloor.kernel.db import schema
from watchfloor.kernel.embedded.directory import unusable
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.jobs.ledger import Ledger, broker_url, database_url, make_ledger, org_named, read_kek, use_ledger
from watchfloor.kernel.jobs.planting import plant
from watchfloor.kernel.tenancy.keys import make_key
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.kernel.embedded.floor import Services
    from watchfloor.kernel.settings import KernelSettings

Opened: TypeAlias = tuple[Ledger, UUID]

ROLE_OF_THE_FIRST_KEY = "owner"


def prepare(settings: KernelSettings, services: Services) -> Opened:
    """Bring an embedded floor to the point where work can begin and open its ledger."""
    keep_secret(services.owner_url, services.login_url, services.broker_url)
    make_keys(settings, services.owner_url)
    if schema.current(services.owner_url) != schema.HEAD:
        _migrate(services.owner_url)
    ledger, org = _open(settings, services.login_url)
    with ledger.database.transaction(org) as session:
        ensure_default_scope(session, org)
    return ledger, org


def open_operators(settings: KernelSettings) -> Opened:
    """Open the ledger of the operator's own database, which `watchfloor migrate` has prepared."""
    url = database_url(settings)
    keep_secret(url, *([settings.broker_url.get_secret_value()] if settings.broker_url else []))
    demand_schema(url)
    ledger = make_ledger(url, read_kek(settings))
    use_ledger(ledger)
    return ledger, org_named(settings.default_org)


def make_ready(settings: KernelSettings, login_url: str, owner_url: str) -> Opened:
    """Bring the operator's own database to this program's schema and open its ledger."""
    keep_secret(login_url, owner_url)
    make_keys(settings, owner_url)
    _migrate(owner_url)
    _let_in(login_url, owner_url)
    return _open(settings, login_url)


def _open(settings: KernelSettings, login_url: str) -> Opened:
    ledger = make_ledger(login_url, read_kek(settings))
    use_ledger(ledger)
    org = ensure_org(ledger.database, ledger.vault, settings.default_org)
    plant(ledger, CATALOG.schedules(), CATALOG.kinds)
    return ledger, org


def close(ledger: Ledger) -> None:
    """Close what `prepare` opened."""
    use_ledger(None)
    ledger.database.close()


def demand_schema(url: str) -> None:
    """Raise SetupError unless the database has exactly the schema this program was written for."""
    try:
        found = schema.current(url)
    except psycopg.errors.InsufficientPrivilege:
        found = "that this login may not see"
    if found != schema.HEAD:
        state = "is empty" if found is None else f"has schema {found}, and this program needs {schema.HEAD}"
        raise SetupError(f"The database {state}. Run `watchfloor migrate`, with the same version of Watchfloor as all other processes.")


def make_keys(settings: KernelSettings, owner_url: str) -> list[Path]:
    """Make the key-encryption key and the pepper where there are none and nothing was sealed with them; return the new files."""
    made = []
    for given, file, table in ((settings.kek, settings.kek_path(), "org_key"), (settings.pepper, settings.pepper_path(), "api_key")):
        if given is None and not file.exists() and not _has_rows(owner_url, table):
            try:
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise unusable(file.parent, error) from error
            security.create_key_file(file)
            made.append(file)
    return made


def first_key(ledger: Ledger, org: UUID) -> str | None:
    """Return the text of a new administrator's key when the organisation never had one, else None."""
    row: Any = ledger.database.wire("wf_engine").execute("select exists (select 1 from api_key where org = %s)", (org,)).fetchone()
    if row[0]:
        return None
    return make_key(ledger, org, name="first key", role=ROLE_OF_THE_FIRST_KEY, actor="first start", expires=None)


def keep_secret(*urls: str) -> None:
    """Have the passwords in these addresses masked in logs."""
    telemetry.keep_secret(password for url in urls if (password := urlsplit(url).password))


def broker_of(settings: KernelSettings) -> str:
    """Return the broker's address, its password masked in logs from now on."""
    url = broker_url(settings)
    keep_secret(url)
    return url


def _has_rows(owner_url: str, table: str) -> bool:
    try:
        with psycopg.connect(owner_url, connect_timeout=5) as line:
            there: Any = line.execute("select to_regclass(%s) is not null", (table,)).fetchone()
            if not there[0]:
                return False
            row: Any = line.execute(sql.SQL("select exists (select 1 from {})").format(sql.Identifier(table))).fetchone()
    except psycopg.OperationalError as error:
        raise SetupError(
            f"PostgreSQL cannot be reached: {str(error).strip()}. Check WATCHFLOOR_DATABASE_URL and that the server runs."
        ) from error
    return bool(row[0])


def _migrate(owner_url: str) -> None:
    """Bring the schema up to date and let every login see which one it is."""
    schema.upgrade(owner_url)
    with psycopg.connect(owner_url, autocommit=True, connect_timeout=5) as line:
        line.execute("grant select on alembic_version to public")


def _let_in(login_url: str, owner_url: str) -> None:
    """Let the everyday login take our two roles, where it is another than the owner."""
    login = psycopg.conninfo.conninfo_to_dict(login_url).get("user")
    if not login or login == psycopg.conninfo.conninfo_to_dict(owner_url).get("user"):
        return
    with psycopg.connect(owner_url, autocommit=True, connect_timeout=5) as line:
        if line.execute("select 1 from pg_roles where rolname = %s", (login,)).fetchone() is None:
            raise SetupError(f"The database has no login named {login}, which WATCHFLOOR_DATABASE_URL uses. Create it, then migrate again.")
        line.execute(sql.SQL("grant wf_app, wf_engine to {}").format(sql.Identifier(str(login))))
