"""What webhooks are signed with: sealed at rest, older ones signing along until they retire."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.sign import key_pair, shared_key
from watchfloor.capabilities.notifications.schemas.channels import SigningKind
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.tenancy.vault import Vault

SECRET_BYTES: Final = 32
MOST: Final = 4  # of a kind that sign together
RETIRE: Final = """
update notify_secret set retires_at = least(retires_at, wf_now() + %(overlap)s)
where org = %(org)s and channel = %(channel)s and kind = %(kind)s
"""
# Rotated once more before the day is over, and again: receivers read a few signatures, not all that a day can hold.
CROWD: Final = """
update notify_secret set retires_at = wf_now()
where org = %(org)s and channel = %(channel)s and kind = %(kind)s and coalesce(retires_at, 'infinity') > wf_now() and id not in (
  select id from notify_secret where org = %(org)s and channel = %(channel)s and kind = %(kind)s order by id desc limit %(most)s)
"""
ADD: Final = """
insert into notify_secret (org, id, channel, kind, kid, key, public)
values (%(org)s, %(id)s, %(channel)s, %(kind)s, %(kid)s, %(key)s, %(public)s)
"""
OPEN: Final = """
select channel, id, kid, key from notify_secret
where org = %(org)s and channel = any (%(channels)s) and coalesce(retires_at, 'infinity') > wf_now() order by id desc
"""


@dataclass(frozen=True, repr=False)
class Key:
    """What signs, and for v1a what receivers check it with; of v1 both are the same secret, so `public` is None."""

    kind: SigningKind
    private: str
    public: str | None


def make(kind: SigningKind) -> Key:
    """Make a new key."""
    random = secrets.token_bytes(SECRET_BYTES)
    return Key(kind, *key_pair(random)) if kind is SigningKind.V1A else Key(kind, shared_key(random), None)


def add(session: Session, vault: Vault, org: UUID, channel: UUID, key: Key, *, overlap: timedelta | None = None) -> None:
    """Let a channel sign with a key; older ones of its kind sign along until the overlap is over."""
    wire, made = wire_of(session), new_id()
    kid, sealed = vault.seal(org, _place(made), key.private.encode())
    values = {
        "org": org,
        "id": made,
        "channel": channel,
        "kind": str(key.kind),
        "kid": kid,
        "key": sealed,
        "public": key.public,
        "most": MOST,
    }
    if overlap is not None:
        wire.execute(RETIRE, {**values, "overlap": overlap})
    wire.execute(ADD, values)
    wire.execute(CROWD, values)


def open_secrets(session: Session, vault: Vault, org: UUID, channels: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return what channels sign with now, newest first: keys of both kinds."""
    found: dict[UUID, list[str]] = {}
    for channel, secret, kid, key in wire_of(session).execute(OPEN, {"org": org, "channels": list(set(channels))}).fetchall():
        found.setdefault(channel, []).append(vault.open(org, kid, _place(secret), bytes(key)).decode())
    return found


def _place(secret: UUID) -> str:
    return f"notify_secret|key|{secret}"
