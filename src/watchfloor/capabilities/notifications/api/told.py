"""REST: what was told, to whom, and how it went."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.capabilities.notifications.engine.known import EVENTS
from watchfloor.capabilities.notifications.jobs.upkeep import health_of, statistics_of
from watchfloor.capabilities.notifications.queries import acknowledging, inbox, lists
from watchfloor.capabilities.notifications.schemas.channels import UserId
from watchfloor.capabilities.notifications.schemas.upkeep import WINDOW, AskStatistics, By, Health, Statistics
from watchfloor.capabilities.notifications.schemas.views import (
    Attempts,
    DeliveryView,
    EventTypes,
    InboxView,
    Marked,
    NotificationDetail,
    NotificationView,
    ReadMark,
    Unread,
)
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["notifications"])
User = Annotated[UserId | None, Query(description="Whose inbox; the caller's own when nobody is named.")]
Words = Annotated[str | None, Query(max_length=200, description="Words of the title, all of which must be there.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


@routes.get("")
def list_notifications(
    caller: Caller, severity: str | None = None, type: str | None = None, limit: Limit = LIMIT, after: str | None = None  # noqa: A002 - the parameter's name
) -> Page[NotificationView]:  # fmt: skip
    """List notifications, newest first. `severity` and `type` take words joined by commas."""
    with caller.transaction() as session:
        return lists.list_notifications(session, severity=severity, type_=type, limit=limit, after=after)


@routes.get("/inbox")
def list_inbox(
    caller: Caller, user: User = None, severity: str | None = None, type: str | None = None, q: Words = None,  # noqa: A002 - the parameter's name
    *, unread: bool = False, limit: Limit = LIMIT, after: str | None = None,
) -> Page[InboxView]:  # fmt: skip
    """List what a person was told over any channel, newest first; the caller's own when nobody is named. `q` is words of titles."""
    with caller.transaction() as session:
        return inbox.list_inbox(
            session, user=user or caller.name, unread=unread, severity=severity, type_=type, q=q, limit=limit, after=after
        )


@routes.get("/inbox/unread")
def count_unread(caller: Caller, user: User = None) -> Unread:
    """Count what a person has not read, by severity."""
    with caller.transaction() as session:
        return inbox.count_unread(session, user or caller.name)


@routes.post("/inbox/read")
def mark_read(caller: Caller, body: ReadMark) -> Marked:
    """Mark messages as read. Somebody else's inbox takes the permission to manage notifications."""
    if body.user is not None and body.user != caller.name:
        caller.require("notification.manage")
    with caller.transaction() as session:
        user = body.user or caller.name
        return Marked(marked=inbox.mark_read(session, caller.org, user, ids=body.ids, until=body.until, actor=caller.name))


@routes.get("/event-types")
def list_event_types(caller: Caller) -> EventTypes:
    """List the events that can be followed."""
    del caller
    return EventTypes(items=list(EVENTS))


@routes.get("/health")
def get_notification_health(caller: Caller) -> Health:
    """Tell how notifications fare."""
    with caller.transaction() as session:
        return health_of(session, caller.org)


@routes.get("/statistics")
def get_notification_statistics(caller: Caller, window: Annotated[str, Query(pattern=WINDOW)] = "24h", by: By = "channel") -> Statistics:
    """Count deliveries of the last while: `window` is such as 30m, 24h or 7d, `by` is channel, state, user or host."""
    asked = AskStatistics(window=window, by=(by,))
    with caller.transaction() as session:
        return statistics_of(session, caller.org, asked)


@routes.get("/deliveries")
def list_deliveries(
    caller: Caller, state: str | None = None, channel: str | None = None, user: str | None = None, limit: Limit = LIMIT, after: str | None = None
) -> Page[DeliveryView]:  # fmt: skip
    """List deliveries, newest first. `state`, `channel` (a kind) and `user` take words joined by commas."""
    with caller.transaction() as session:
        return lists.list_deliveries(session, state=state, channel=channel, user=user, limit=limit, after=after)


@routes.get("/deliveries/{delivery}/attempts")
def list_delivery_attempts(caller: Caller, delivery: UUID) -> Attempts:
    """List every attempt of a delivery: when, how long, to which address, and what came back."""
    with caller.transaction() as session:
        return Attempts(items=lists.list_attempts(session, caller.org, delivery))


@routes.get("/{notification}")
def get_notification(caller: Caller, notification: UUID) -> NotificationDetail:
    """Show a notification, its text and its deliveries."""
    with caller.transaction() as session:
        return lists.get_notification(session, caller.ledger.vault, caller.org, notification)


@routes.post("/{notification}/acknowledge", status_code=204)
def acknowledge_notification(caller: Caller, notification: UUID) -> None:
    """Say that you look after it: its escalations end, and it is not repeated. Who was first stays."""
    with caller.transaction() as session:
        acknowledging.acknowledge(session, caller.org, notification, actor=caller.name)
