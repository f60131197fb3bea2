"""Channels and routes that are changed in place: their ids, and what was told over them, stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from watchfloor.capabilities.notifications.queries import channels
from watchfloor.capabilities.notifications.schemas.channels import GATHERED_TWICE, MANDATORY_OF_ALL
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.changes import RouteChange
    from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
    from watchfloor.capabilities.notifications.schemas.rules import AssetFilter
    from watchfloor.kernel.tenancy.vault import Vault

# What an address did wrong, and that it was verified, says nothing about another.
CHANNEL: Final = """
update notify_channel set label = %(label)s, kid = %(kid)s, config = %(config)s, shown = %(shown)s, address = %(address)s, host = %(host)s,
  failed = case when %(moved)s then 0 else failed end, failing_since = case when %(moved)s then null else failing_since end,
  verified_at = case when %(moved)s then null else verified_at end,
  state = case when %(moved)s and %(verify)s and kind = 'webhook' and state = 'active' then 'unverified' else state end, changed_at = wf_now()
where org = %(org)s and id = %(id)s
"""
MOVE: Final = "update delivery set host = %s where org = %s and channel = %s and state in ('due', 'held')"


def lock_channel(session: Session, org: UUID, channel: UUID) -> None:
    """Let nobody else change a channel until this transaction ends."""
    wire_of(session).execute("select 1 from notify_channel where org = %s and id = %s for update", (org, channel))


def save_channel(
    session: Session, vault: Vault, org: UUID, channel: UUID, wish: ChannelCreate, *, actor: str, changed: Sequence[str], moved: bool, verify: bool
) -> None:  # fmt: skip
    """Keep a channel as it is wished now; raises Conflict where its owner has another with this address.

    One that `moved` has another address; with `verify` a webhook's new receiver has to repeat a challenge before it takes messages.
    """
    config, wire = wish.config(), wire_of(session)
    kid, sealed = vault.seal(org, channels.place(channel), json.dumps(config).encode())
    host = channels.host_of(wish.kind, config)
    values = {
        "org": org, "id": channel, "label": wish.label, "kid": kid, "config": sealed, "shown": channels.masked(wish.kind, config),
        "address": channels.address_of(vault, org, wish), "host": host, "moved": moved, "verify": verify,
    }  # fmt: skip
    try:
        wire.execute(CHANNEL, values)
    except UniqueViolation as error:
        message = "there is another channel with this address already"
        raise Conflict(message) from error
    if moved:
        wire.execute(MOVE, (host, org, channel))
        wire.execute("delete from notify_thread where org = %s and channel = %s", (org, channel))
    record(session, org, actor=actor, operation="notify.change_channel", object=str(channel), reason=", ".join(changed))


def change_route(session: Session, org: UUID, route: UUID, wanted: RouteChange, *, actor: str) -> None:
    """Change what is named of a route; what waits in its groups goes out as it says now.

    Raises:
        NotFound: There is no such route.
        InvalidInput: It names channels or an escalation that there are not, or would contradict itself.
        Conflict: Its name is taken.
    """
    given = {name: getattr(wanted, name) for name in sorted(wanted.model_fields_set)}
    if wanted.channels is not None:
        demand_channels(session, org, wanted.channels)
    demand_escalation(session, org, wanted.escalation_id)
    values = {name: _stored(name, value) for name, value in given.items()}
    sets = ", ".join(f"{name} = %({name})s" for name in values)
    sql = f"update notify_route set {sets} where org = %(of_org)s and id = %(of_id)s returning mandatory and asset_filter is not null, digest is not null and group_by is not null"  # noqa: S608 - a model's own fields
    try:
        row = wire_of(session).execute(sql, values | {"of_org": org, "of_id": route}).fetchone()
    except UniqueViolation as error:
        message = f"there is a route {wanted.name!r} already"
        raise Conflict(message) from error
    if row is None:
        message = f"there is no route {route}"
        raise NotFound(message)
    if row[0]:
        raise InvalidInput(MANDATORY_OF_ALL, field="/asset_filter")
    if row[1]:
        raise InvalidInput(GATHERED_TWICE, field="/group_by")
    record(session, org, actor=actor, operation="notify.change_route", object=str(route), reason=", ".join(given))


def demand_channels(session: Session, org: UUID, wanted: Sequence[UUID]) -> None:
    """Raise InvalidInput for channels that there are not."""
    sql = "select id from notify_channel where org = %s and id = any (%s)"
    known = {row[0] for row in wire_of(session).execute(sql, (org, list(wanted))).fetchall()}
    if unknown := [str(one) for one in wanted if one not in known]:
        message = f"there is no channel {unknown[0]}"
        raise InvalidInput(message, field="/channels")


def demand_escalation(session: Session, org: UUID, wanted: UUID | None) -> None:
    """Raise InvalidInput for an escalation that there is not; one that there is stays until this transaction ends."""
    sql = "select 1 from escalation where org = %s and id = %s for key share"
    if wanted is not None and wire_of(session).execute(sql, (org, wanted)).fetchone() is None:
        message = f"there is no escalation {wanted}"
        raise InvalidInput(message, field="/escalation_id")


def filter_of(wanted: AssetFilter | None) -> Jsonb | None:
    """Return a filter as it is kept; None for one that says nothing."""
    return None if wanted is None or wanted.empty else Jsonb(wanted.model_dump(mode="json", exclude_defaults=True))


def _stored(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if name == "asset_filter":
        return filter_of(value)
    if name == "digest":
        return None if value is None else Jsonb(value.model_dump(mode="json"))
    if name == "min_severity":
        return str(value)
    return list(dict.fromkeys(value)) if isinstance(value, tuple) else value
