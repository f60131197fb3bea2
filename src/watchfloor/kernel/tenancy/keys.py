"""API keys: minted once, stored as a keyed hash, checked at every request, so that a revoked one stops at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from watchfloor.kernel import security
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound, Unauthenticated
from watchfloor.kernel.settings import Profile, kernel_settings
from watchfloor.kernel.tenancy.permissions import PLATFORM, grants, policy

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.kernel.jobs.ledger import Ledger

LIFE = timedelta(days=90)
LIFE_MAX = timedelta(days=366)
HEADER_CHARACTERS = 200
REFUSED = "This API key is unknown, revoked or expired. Ask an administrator for a new one: `watchfloor keys add`."


@dataclass(frozen=True)
class Actor:
    """Who asks, for which organisation, and what they may; `name` is the key's name and public part: `deploy#a1B2c3D4`."""

    org: UUID
    name: str
    role: str
    permissions: frozenset[str]
    key: UUID

    def may(self, permission: str) -> bool:
        """Tell whether the actor has a permission such as job.read or job.run:scans.run."""
        return grants(self.permissions, permission)


def make_key(ledger: Ledger, org: UUID, *, name: str, role: str, actor: str, expires: timedelta | None = LIFE) -> str:
    """Make a key and return its text, which is shown this once; None as expiry means that it never expires.

    Raises:
        InvalidInput: The role does not exist, the name is empty or too long, or the expiry is outside 0 to 366 days.
    """
    policy().of_role(role)
    if not name.strip() or len(name) > 200 or not name.isprintable():  # noqa: PLR2004 - the limit of names
        message = "a key's name has 1 to 200 printable characters"
        raise InvalidInput(message, field="/name")
    if expires is not None and not timedelta(0) < expires <= LIFE_MAX:
        message = f"a key lives at most {LIFE_MAX.days} days"
        raise InvalidInput(message, field="/expires")
    key, row = security.mint_api_key(), new_id()
    with ledger.database.transaction(org) as session:
        wire_of(session).execute(
            "insert into api_key (org, id, public_id, digest, name, role, created_by, expires_at) values (%s, %s, %s, %s, %s, %s, %s, wf_now() + %s)",
            (org, row, key.id, key.hash(_pepper()), name, role, actor, expires),
        )
        record(session, org, actor=actor, operation="key.create", object=str(row), reason=f"{name}, role {role}")
    return key.text


def revoke(ledger: Ledger, org: UUID, key: UUID, *, actor: str) -> None:
    """Make a key useless from now on; raises NotFound. Revoking twice is harmless."""
    with ledger.database.transaction(org) as session:
        sql = "update api_key set revoked_at = coalesce(revoked_at, wf_now()) where org = %s and id = %s"
        if wire_of(session).execute(sql, (org, key)).rowcount == 0:
            message = f"there is no API key {key}; `watchfloor keys list` shows those there are"
            raise NotFound(message)
        record(session, org, actor=actor, operation="key.revoke", object=str(key))


def authenticate(ledger: Ledger, header: str | None) -> Actor:
    """Return who presents this `Authorization` header; asks the database each time.

    Raises:
        Unauthenticated: There is no key, it is mistyped, unknown, revoked or expired; the last three sound alike.
    """
    scheme, _, text = (header or "")[: HEADER_CHARACTERS + 1].partition(" ")
    if not header or scheme.lower() != "bearer" or len(header) > HEADER_CHARACTERS:
        message = "Send your API key with each request: `Authorization: Bearer wf_…`."
        raise Unauthenticated(message)
    key = security.parse_api_key(text.strip())
    row = _asked(ledger, public_id=key.id)
    if row is None or not security.api_key_fits(key, bytes(row[5]), _pepper()) or not row[6]:
        raise Unauthenticated(REFUSED)
    return _actor(row)


def still_valid(ledger: Ledger, actor: Actor) -> bool:
    """Tell whether an actor's key may still be used; for streams that outlive their first check."""
    row = _asked(ledger, org=actor.org, key=actor.key)
    return row is not None and bool(row[6]) and _actor(row) == actor


def _asked(ledger: Ledger, *, public_id: str | None = None, org: UUID | None = None, key: UUID | None = None) -> tuple[Any, ...] | None:
    sql = (
        "with found as (select k.org, k.id, k.name || '#' || k.public_id as name, k.role, o.name as org_name, k.digest, k.used_at, "
        "k.revoked_at is null and (k.expires_at is null or k.expires_at > wf_now()) as valid "
        "from api_key k join org o on o.id = k.org where k.public_id = %(public_id)s or (k.org = %(org)s and k.id = %(key)s)), "
        "used as (update api_key k set used_at = wf_now() from found f where k.org = f.org and k.id = f.id and f.valid "
        "and (f.used_at is null or f.used_at < wf_now() - interval '1 minute')) "
        "select org, id, name, role, org_name, digest, valid from found"
    )
    # A pooled connection, checked before use: a database that restarted costs nobody an error.
    with ledger.database.engine_transaction() as session:
        return wire_of(session).execute(sql, {"public_id": public_id, "org": org, "key": key}, prepare=True).fetchone()


def _actor(row: tuple[Any, ...]) -> Actor:
    org, key, name, role, org_name, *_ = row
    permissions = policy().roles.get(role, frozenset())
    settings = kernel_settings()
    # On an embedded floor whoever owns the default organisation runs the machine as well.
    if role == "owner" and org_name == settings.default_org and settings.profile is Profile.EMBEDDED:
        permissions |= policy().roles[PLATFORM]
    return Actor(UUID(str(org)), str(name), str(role), permissions, UUID(str(key)))


def _pepper() -> bytes:
    """Return the key under which key secrets are hashed; it lies beside the key-encryption key and is made together with it."""
    settings = kernel_settings()
    if settings.pepper:
        return security.parse_key(settings.pepper.get_secret_value(), "WATCHFLOOR_PEPPER")
    return _read_once(settings.pepper_path())


@cache
def _read_once(path: Path) -> bytes:
    return security.read_key_file(path)
