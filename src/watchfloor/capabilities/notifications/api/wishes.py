"""REST: channels, routes and what people wish."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from watchfloor.capabilities.notifications.api.sends import accepted
from watchfloor.capabilities.notifications.engine.quiet import check_quiet
from watchfloor.capabilities.notifications.engine.to_webhook import own_headers
from watchfloor.capabilities.notifications.jobs import changing, send_notification, verifying
from watchfloor.capabilities.notifications.jobs.addresses import check_address
from watchfloor.capabilities.notifications.queries import channels, keys, wishes
from watchfloor.capabilities.notifications.queries.changing import change_route as save_route
from watchfloor.capabilities.notifications.schemas.changes import ChannelChange, RouteChange
from watchfloor.capabilities.notifications.schemas.channels import (
    ChannelCreate,
    Channels,
    ChannelSecret,
    ChannelView,
    NewChannel,
    RouteCreate,
    Routes,
    RouteView,
    SigningKind,
    UserId,
    VerifyChannel,
)
from watchfloor.capabilities.notifications.schemas.preferences import DefaultPreference, PreferenceView, Wishes
from watchfloor.capabilities.notifications.schemas.sends import SendNotification
from watchfloor.capabilities.notifications.schemas.views import Accepted
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

routes = APIRouter(tags=["notifications"])
Signing = Annotated[SigningKind, Query(description="v1: a shared secret; v1a: Ed25519, whose public key checks and cannot sign.")]
User = Annotated[UserId, Path(description="Whose.")]


@routes.get("/channels")
def list_channels(caller: Caller, owner: str | None = None) -> Channels:
    """List channels by owner, kind and age; addresses are masked."""
    with caller.transaction() as session:
        return Channels(items=channels.list_channels(session, caller.org, owner=owner))


@routes.post("/channels", status_code=201)
def create_channel(caller: Caller, body: ChannelCreate) -> NewChannel:
    """Make a channel. A webhook's secret is shown this once; a channel with the same owner and address is the same channel."""
    own_headers(body.headers)
    settings = read_settings(NotificationSettings, "notifications")
    check_address(body, settings)
    vault = caller.ledger.vault
    with caller.transaction() as session:
        made, new = channels.add_channel(session, vault, caller.org, body, actor=caller.name, verify=settings.verify_webhooks)
        shown = channels.get_channel(session, caller.org, made)
        secret = keys.open_secrets(session, vault, caller.org, [made]).get(made, [None])[0] if new else None
    return NewChannel(**shown.model_dump(), secret=secret)


@routes.get("/channels/{channel}")
def get_channel(caller: Caller, channel: UUID) -> ChannelView:
    """Show one channel."""
    with caller.transaction() as session:
        return channels.get_channel(session, caller.org, channel)


@routes.patch("/channels/{channel}")
def change_channel(caller: Caller, channel: UUID, body: ChannelChange) -> ChannelView:
    """Change a channel's label, address or headers; messages that wait go to the new address. With a new URL headers are given anew."""
    with caller.transaction() as session:
        return changing.change_channel(session, caller.ledger.vault, caller.org, channel, body, actor=caller.name)


@routes.delete("/channels/{channel}", status_code=204)
def delete_channel(caller: Caller, channel: UUID) -> None:
    """Remove a channel; what was to go over it is suppressed, what went stays on record."""
    with caller.transaction() as session:
        channels.remove_channel(session, caller.org, channel, actor=caller.name)


@routes.post("/channels/{channel}/enable", status_code=204)
def enable_channel(caller: Caller, channel: UUID) -> None:
    """Switch a channel on that failed or was switched off."""
    with caller.transaction() as session:
        verify = read_settings(NotificationSettings, "notifications").verify_webhooks
        channels.enable(session, caller.org, channel, actor=caller.name, verify=verify)


@routes.post("/channels/{channel}/disable", status_code=204)
def disable_channel(caller: Caller, channel: UUID) -> None:
    """Switch a channel off; messages for it are suppressed."""
    with caller.transaction() as session:
        channels.set_state(session, caller.org, channel, "disabled", reason="switched off", actor=caller.name)


@routes.post("/channels/{channel}/rotate-secret")
def rotate_channel_secret(caller: Caller, channel: UUID, kind: Signing = SigningKind.V1) -> ChannelSecret:
    """Give a webhook a new key; those of its kind before it sign along for a day. A secret is shown this once, of v1a only the public key."""
    with caller.transaction() as session:
        made = channels.rotate_secret(session, caller.ledger.vault, caller.org, channel, kind, actor=caller.name)
    return ChannelSecret(kind=kind, secret=None if made.public else made.private, public_key=made.public)


@routes.post("/channels/{channel}/verify", status_code=202, response_model=Accepted)
def verify_channel(caller: Caller, channel: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Send a webhook's receiver a challenge that it must repeat; the job's result says whether it did. 409 for other channels."""
    with caller.transaction() as session:
        if channels.get_channel(session, caller.org, channel).kind is not ChannelKind.WEBHOOK:
            raise Conflict("only webhooks are verified: other channels say nothing back")
    return accepted(caller, verifying.verify_channel, VerifyChannel(channel=channel), idempotency_key)


@routes.post("/channels/{channel}/test", status_code=202, response_model=Accepted)
def send_test_message(caller: Caller, channel: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Send a message over a channel as every other is sent; the job's result says whether it was taken."""
    with caller.transaction() as session:
        channels.get_channel(session, caller.org, channel)
    told = {"event": "message.test", "user_id": caller.name, "channel_id": channel, "title": "This is a test message", "data": {}}
    return accepted(caller, send_notification, SendNotification.model_validate({"notification": told}), idempotency_key)


@routes.get("/routes")
def list_routes(caller: Caller) -> Routes:
    """List routes by owner and name."""
    with caller.transaction() as session:
        return Routes(items=wishes.list_routes(session, caller.org))


@routes.post("/routes", status_code=201)
def create_route(caller: Caller, body: RouteCreate) -> RouteView:
    """Send events to channels from now on."""
    with caller.transaction() as session:
        made = wishes.add_route(session, caller.org, body, actor=caller.name)
        return wishes.get_route(session, caller.org, made)


@routes.get("/routes/{route}")
def get_route(caller: Caller, route: UUID) -> RouteView:
    """Show one route."""
    with caller.transaction() as session:
        return wishes.get_route(session, caller.org, route)


@routes.patch("/routes/{route}")
def change_route(caller: Caller, route: UUID, body: RouteChange) -> RouteView:
    """Change what is named of a route; what was told or is held already stays as it is."""
    with caller.transaction() as session:
        save_route(session, caller.org, route, body, actor=caller.name)
        return wishes.get_route(session, caller.org, route)


@routes.delete("/routes/{route}", status_code=204)
def delete_route(caller: Caller, route: UUID) -> None:
    """Send these events no longer; what was told stays told."""
    with caller.transaction() as session:
        wishes.remove_route(session, caller.org, route, actor=caller.name)


@routes.get("/preferences/default")
def get_default_preference(caller: Caller) -> DefaultPreference:
    """Show what people have who never said what they wish."""
    with caller.transaction() as session:
        return wishes.get_default_preference(session, caller.org)


@routes.put("/preferences/default")
def set_default_preference(caller: Caller, body: Wishes) -> DefaultPreference:
    """Set what people have who never said what they wish, from now on and for what is held already. An empty body is ours again."""
    check_quiet(body.quiet, body.timezone)
    with caller.transaction() as session:
        wishes.set_default_preference(session, caller.org, body, actor=caller.name)
        return wishes.get_default_preference(session, caller.org)


@routes.get("/preferences/{user}")
def get_preference(caller: Caller, user: User) -> PreferenceView:
    """Show what a person wishes; the organisation's defaults when they never said."""
    with caller.transaction() as session:
        return wishes.get_preference(session, caller.org, user)


@routes.put("/preferences/{user}")
def set_preference(caller: Caller, user: User, body: Wishes) -> PreferenceView:
    """Keep what a person wishes, in the place of what they wished before."""
    check_quiet(body.quiet, body.timezone)
    with caller.transaction() as session:
        wishes.set_preference(session, caller.org, user, body, actor=caller.name)
        return wishes.get_preference(session, caller.org, user)
