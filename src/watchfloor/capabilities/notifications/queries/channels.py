"""Channels: addresses that are sealed at rest, equal ones kept once, failing ones set aside."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID  # noqa: TC003 - dataclasses name it

from psycopg.rows import dict_row

from watchfloor.capabilities.notifications.queries import keys
from watchfloor.capabilities.notifications.schemas.apprise import shown
from watchfloor.capabilities.notifications.schemas.channels import ChannelView, SigningKind
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
    from watchfloor.kernel.tenancy.vault import Vault

OVERLAP: Final = timedelta(days=1)
COLUMNS: Final = """id, kind, owner, label, shown as address, state, reason, failing_since, verified_at, created_by, created_at,
  array(select public from notify_secret s where s.org = c.org and s.channel = c.id and s.public is not null
    and coalesce(s.retires_at, 'infinity') > wf_now() order by s.id desc) as public_keys"""
ADD: Final = """
insert into notify_channel (org, id, owner, kind, label, kid, config, shown, address, host, state, given, created_by)
values (%(org)s, %(id)s, %(owner)s, %(kind)s, %(label)s, %(kid)s, %(config)s, %(shown)s, %(address)s, %(host)s, %(state)s, %(given)s, %(actor)s)
on conflict (org, owner, kind, address) do update set given = notify_channel.given and excluded.given returning id
"""
# Five days in a row and a dozen attempts, as those who run webhooks for others do it.
FAILED: Final = """
update notify_channel set failed = failed + 1, failing_since = coalesce(failing_since, wf_now()),
  state = case when %(now)s or (failed >= 11 and failing_since < wf_now() - interval '3 days') then 'disabled' else state end,
  reason = case when %(now)s or (failed >= 11 and failing_since < wf_now() - interval '3 days') then %(reason)s else reason end, changed_at = wf_now()
where org = %(org)s and id = %(id)s and state <> 'disabled' returning state
"""
WORKS: Final = "update notify_channel set failed = 0, failing_since = null where org = %(org)s and id = any (%(ids)s) and failed > 0"


@dataclass(frozen=True)
class Opened:
    """A channel with its address in clear."""

    id: UUID
    kind: ChannelKind
    state: str
    host: str
    config: dict[str, str]


def add_channel(
    session: Session, vault: Vault, org: UUID, wish: ChannelCreate, *, actor: str, given: bool = False, verify: bool = False
) -> tuple[UUID, bool]:  # fmt: skip
    """Keep a channel; one with the same owner and address is the same channel. Return it and whether it is new.

    With `verify` a webhook takes no messages until its receiver has repeated a challenge.
    """
    wire, made, config = wire_of(session), new_id(), wish.config()
    kid, sealed = vault.seal(org, place(made), json.dumps(config).encode())
    values = {
        "org": org, "id": made, "owner": wish.owner, "kind": str(wish.kind), "label": wish.label, "kid": kid, "config": sealed,
        "shown": masked(wish.kind, config), "address": address_of(vault, org, wish), "host": host_of(wish.kind, config), "given": given, "actor": actor,
        "state": "unverified" if verify and wish.kind is ChannelKind.WEBHOOK else "active",
    }  # fmt: skip
    row: Any = wire.execute(ADD, values).fetchone()
    if row[0] == made:
        if wish.kind is ChannelKind.WEBHOOK:
            keys.add(session, vault, org, made, keys.make(SigningKind.V1))
        record(session, org, actor=actor, operation="notify.add_channel", object=str(made), reason=str(wish.kind))
    return row[0], row[0] == made


def list_channels(session: Session, org: UUID, *, owner: str | None = None, channel: UUID | None = None) -> list[ChannelView]:
    """Return channels by owner, kind and age, addresses masked."""
    sql = (
        f"select {COLUMNS} from notify_channel c where org = %(org)s and (%(owner)s::text is null or owner = %(owner)s) "  # noqa: S608 - our own columns
        "and (%(id)s::uuid is null or id = %(id)s) order by owner, kind, id"
    )
    rows = wire_of(session).cursor(row_factory=dict_row).execute(sql, {"org": org, "owner": owner, "id": channel}).fetchall()
    return [ChannelView.model_validate(row) for row in rows]


def get_channel(session: Session, org: UUID, channel: UUID) -> ChannelView:
    """Return one channel; raises NotFound."""
    found = list_channels(session, org, channel=channel)
    if not found:
        message = f"there is no channel {channel}"
        raise NotFound(message)
    return found[0]


def masked_addresses(session: Session, org: UUID, channels: Sequence[UUID]) -> dict[UUID, str]:
    """Return addresses as people may see them, by channel."""
    sql = "select id, shown from notify_channel where org = %s and id = any (%s)"
    return {row[0]: row[1] for row in wire_of(session).execute(sql, (org, list(channels))).fetchall()}


def remove_channel(session: Session, org: UUID, channel: UUID, *, actor: str) -> None:
    """Remove a channel and its secrets; what was to go over it is suppressed, what went stays on record. Raises NotFound."""
    get_channel(session, org, channel)
    wire = wire_of(session)
    wire.execute(
        "update delivery set state = 'suppressed', reason = 'channel_removed', ended_at = wf_now() "
        "where org = %s and channel = %s and state in ('due', 'held')",
        (org, channel),
    )
    # Routes are locked in the order of their ids, as they are where messages join groups.
    wire.execute("select 1 from notify_route where org = %s and %s = any (channels) order by id for update", (org, channel))
    wire.execute(
        "update notify_route set channels = array_remove(channels, %s) where org = %s and %s = any (channels)", (channel, org, channel)
    )
    wire.execute("delete from notify_channel where org = %s and id = %s", (org, channel))
    record(session, org, actor=actor, operation="notify.remove_channel", object=str(channel))


def set_state(session: Session, org: UUID, channel: UUID, state: str, *, reason: str | None, actor: str) -> None:
    """Switch a channel on or off; raises NotFound."""
    get_channel(session, org, channel)
    wire_of(session).execute(
        "update notify_channel set state = %s, reason = %s, failed = 0, failing_since = null, changed_at = wf_now() where org = %s and id = %s",
        (state, reason, org, channel),
    )
    record(session, org, actor=actor, operation=f"notify.channel_{state}", object=str(channel), reason=reason)


def enable(session: Session, org: UUID, channel: UUID, *, actor: str, verify: bool) -> None:
    """Switch a channel on.

    Raises:
        NotFound: There is no such channel.
        Conflict: With `verify`, a webhook whose receiver never repeated a challenge.
    """
    found = get_channel(session, org, channel)
    if verify and found.kind is ChannelKind.WEBHOOK and found.verified_at is None:
        message = f"this webhook's receiver has not repeated a challenge yet: watchfloor notifications channels verify {channel}"
        raise Conflict(message)
    set_state(session, org, channel, "active", reason=None, actor=actor)


def verified(session: Session, org: UUID, channel: UUID, *, actor: str) -> None:
    """Remember that a receiver repeated a challenge; a channel that waited for this is switched on, one that was switched off is not."""
    wire_of(session).execute(
        "update notify_channel set verified_at = wf_now(), state = case state when 'unverified' then 'active' else state end, changed_at = wf_now() "
        "where org = %s and id = %s",
        (org, channel),
    )
    record(session, org, actor=actor, operation="notify.channel_verified", object=str(channel))


def open_channels(session: Session, vault: Vault, org: UUID, channels: Sequence[UUID]) -> dict[UUID, Opened]:
    """Return channels with their addresses in clear, those that are still there."""
    rows = (
        wire_of(session)
        .execute(
            "select id, kind, state, host, kid, config from notify_channel where org = %s and id = any (%s)", (org, list(set(channels)))
        )
        .fetchall()
    )
    return {
        row[0]: Opened(row[0], ChannelKind(row[1]), row[2], row[3], json.loads(vault.open(org, row[4], place(row[0]), bytes(row[5]))))
        for row in rows
    }


def rotate_secret(session: Session, vault: Vault, org: UUID, channel: UUID, kind: SigningKind, *, actor: str) -> keys.Key:
    """Give a webhook a new key of a kind and return it; those of that kind before it sign along for a day, those of the other kind go on.

    Raises:
        NotFound: There is no such channel.
        Conflict: It signs nothing.
    """
    if get_channel(session, org, channel).kind is not ChannelKind.WEBHOOK:
        message = "only webhooks have a secret to sign with"
        raise Conflict(message)
    made = keys.make(kind)
    keys.add(session, vault, org, channel, made, overlap=OVERLAP)
    record(session, org, actor=actor, operation="notify.rotate_secret", object=str(channel), reason=str(kind))
    return made


def failed(session: Session, org: UUID, channel: UUID, *, reason: str, disable: bool) -> bool:
    """Count a failure of a channel; True when it is disabled by this one."""
    row = wire_of(session).execute(FAILED, {"org": org, "id": channel, "reason": reason, "now": disable}).fetchone()
    return row is not None and row[0] == "disabled"


def works(session: Session, org: UUID, channels: Sequence[UUID]) -> None:
    """Forget the failures of channels that took a message."""
    if channels:
        wire_of(session).execute(WORKS, {"org": org, "ids": list(channels)})


def may_tell_of_dead(session: Session, org: UUID, channel: UUID) -> bool:
    """Tell whether a dead delivery of this channel is news: one in an hour is."""
    sql = "update notify_channel set dead_told_at = wf_now() where org = %s and id = %s and coalesce(dead_told_at < wf_now() - interval '1 hour', true)"
    return wire_of(session).execute(sql, (org, channel)).rowcount == 1


def suppress(session: Session, vault: Vault, org: UUID, address: str, *, reason: str, keep: timedelta, actor: str) -> None:
    """Send nothing to a mail address for a while."""
    wire_of(session).execute(
        "insert into notify_suppression (org, id, address, shown, reason, until, created_by) values (%s, %s, %s, %s, %s, wf_now() + %s, %s) "
        "on conflict (org, address) do update set until = excluded.until, reason = excluded.reason",
        (org, new_id(), vault.blind(org, f"email|{address}"), _masked_mail(address), reason, keep, actor),
    )


def masked(kind: ChannelKind, config: dict[str, str]) -> str:
    """Return an address as people may see it."""
    if kind is ChannelKind.EMAIL:
        return _masked_mail(config["to"])
    if kind is ChannelKind.APPRISE:
        return shown(config["url"])
    if "url" in config:
        parts = urlsplit(config["url"])
        return f"{parts.scheme}://{parts.hostname or ''}/…"
    return config.get("channel", "")


def host_of(kind: ChannelKind, config: dict[str, str]) -> str:
    """Return what fails together: a webhook's host and port, one chat room, the mail relay."""
    if kind is ChannelKind.EMAIL:
        return "relay"
    if kind in {ChannelKind.SLACK, ChannelKind.APPRISE}:
        return f"{kind}:{hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]}"
    parts = urlsplit(config["url"])
    return f"{parts.hostname or ''}:{parts.port or (443 if parts.scheme == 'https' else 80)}"[:300]


def _masked_mail(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def address_of(vault: Vault, org: UUID, wish: ChannelCreate) -> bytes:
    """Return what equal addresses have in common, which tells nobody the address."""
    config = wish.config()
    where = config.get("to") or config.get("url") or f"{config.get('token')}|{config.get('channel')}"
    return vault.blind(org, f"{wish.kind}|{where}")


def place(channel: UUID) -> str:
    """Return what a channel's sealed address is bound to."""
    return f"notify_channel|config|{channel}"
