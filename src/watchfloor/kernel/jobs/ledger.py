"""What the ledger's functions need in hand: the database, the keys, the doorbell; one per process, opened at a door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from watchfloor.kernel import security
from watchfloor.kernel.db.session import Database
from watchfloor.kernel.embedded import floor
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.jobs.doorbell import Doorbell
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.vault import Vault

if TYPE_CHECKING:
    from watchfloor.kernel.settings import KernelSettings


@dataclass(frozen=True)
class Ledger:
    """The job ledger as one process sees it."""

    database: Database
    vault: Vault
    doorbell: Doorbell
    orgs: dict[str, UUID] = field(default_factory=dict)  # names already looked up; an organisation's id never changes


_open: list[Ledger] = []


def make_ledger(database_url: str, kek: bytes) -> Ledger:
    """Open a ledger on a database; nothing is connected before the first use."""
    database = Database(database_url)
    return Ledger(database, Vault(kek, database), Doorbell(database))


def use_ledger(ledger: Ledger | None) -> None:
    """Make this the process's ledger; a door does this once, a test as it likes."""
    _open[:] = [ledger] if ledger else []


def ledger() -> Ledger:
    """Return this process's ledger; a script that never opened one gets the one its settings name.

    Raises:
        SetupError: No database is named and no embedded floor runs.
    """
    if not _open:
        settings = kernel_settings()
        use_ledger(make_ledger(database_url(settings), read_kek(settings)))
    return _open[0]


def database_url(settings: KernelSettings) -> str:
    """Return the database the settings name, or the running embedded one."""
    return settings.database_url.get_secret_value() if settings.database_url else _embedded(settings, "DATABASE").login_url


def broker_url(settings: KernelSettings) -> str:
    """Return the broker the settings name, or the running embedded one."""
    return settings.broker_url.get_secret_value() if settings.broker_url else _embedded(settings, "BROKER").broker_url


def _embedded(settings: KernelSettings, wanted: str) -> floor.Services:
    services = floor.running(settings.data_dir)
    if services is None:
        message = f"no floor is running here: start one with `watchfloor up`, or set WATCHFLOOR_{wanted}_URL"
        raise SetupError(message)
    return services


def read_kek(settings: KernelSettings) -> bytes:
    """Return the key-encryption key from the environment or its file.

    Raises:
        SetupError: There is none; it is made by `watchfloor up` or `watchfloor migrate`, never in passing.
    """
    if settings.kek:
        return security.parse_key(settings.kek.get_secret_value(), "WATCHFLOOR_KEK")
    return security.read_key_file(settings.kek_path())


def org_named(name: str) -> UUID:
    """Return the id of an organisation.

    Raises:
        SetupError: There is none of that name.
    """
    here = ledger()
    if name not in here.orgs:
        here.orgs[name] = _look_up(here, name)
    return here.orgs[name]


def _look_up(here: Ledger, name: str) -> UUID:
    row = here.database.wire("wf_engine").execute("select id from org where name = %s", (name,)).fetchone()
    if row is None:
        message = f"there is no organisation named {name!r}; `watchfloor orgs list` shows those there are"
        raise SetupError(message)
    return UUID(str(row[0]))
