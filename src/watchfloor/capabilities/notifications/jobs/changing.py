"""Change a channel: what is new is judged as a new channel's is, what is not named stays sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine.to_webhook import own_headers
from watchfloor.capabilities.notifications.jobs.addresses import check_address
from watchfloor.capabilities.notifications.jobs.envelopes import HEADER
from watchfloor.capabilities.notifications.queries import changing, channels
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.changes import ChannelChange
    from watchfloor.capabilities.notifications.schemas.channels import ChannelView
    from watchfloor.kernel.tenancy.vault import Vault

ADDRESS: Final = ("to", "url", "token", "channel")


def change_channel(session: Session, vault: Vault, org: UUID, channel: UUID, wanted: ChannelChange, *, actor: str) -> ChannelView:
    """Change what is named; messages that wait go to the new address.

    Where webhooks have to be verified, one with a new URL takes no messages until its receiver has repeated a challenge.

    Raises:
        NotFound: There is no such channel.
        InvalidInput: What is named makes no channel.
        Conflict: Its owner has another channel with this address.
    """
    changing.lock_channel(session, org, channel)
    held = channels.get_channel(session, org, channel)
    config = channels.open_channels(session, vault, org, [channel])[channel].config
    given = wanted.model_dump(exclude_unset=True)
    wish = _whole({"kind": held.kind, "owner": held.owner, "label": held.label, **_stored(config)}, given)
    settings = read_settings(NotificationSettings, "notifications")
    if given.keys() - {"label"}:
        own_headers(wish.headers)
        check_address(wish, settings)
    moved = any(wish.config().get(name) != config.get(name) for name in ADDRESS)
    changing.save_channel(
        session, vault, org, channel, wish, actor=actor, changed=sorted(given), moved=moved, verify=settings.verify_webhooks
    )
    return channels.get_channel(session, org, channel)


def _stored(config: Mapping[str, str]) -> dict[str, Any]:
    """Return what is sealed as it was asked for."""
    told: dict[str, Any] = {
        name: config.get(key) for name, key in (("email", "to"), ("url", "url"), ("token", "token"), ("room", "channel"))
    }
    return told | {"headers": {name.removeprefix(HEADER): value for name, value in config.items() if name.startswith(HEADER)}}


def _whole(held: dict[str, Any], given: dict[str, Any]) -> ChannelCreate:
    """Put what is given over what is held. Headers may be secrets of the old address, so they do not go along to a new one."""
    if "url" in given:
        held |= {"token": None, "room": None} | ({"headers": {}} if given["url"].get_secret_value() != held["url"] else {})
    if given.keys() & {"token", "room"}:
        held |= {"url": None}
    try:
        return ChannelCreate.model_validate(held | given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = "/" + "/".join(str(part) for part in first["loc"])
        raise InvalidInput(str(first["msg"]).removeprefix("Value error, "), field=where) from None
