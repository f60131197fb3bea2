"""REST: one person's inbox as it grows."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header
from starlette.responses import StreamingResponse

from watchfloor.capabilities.notifications.api.told import User
from watchfloor.capabilities.notifications.queries import inbox
from watchfloor.kernel.clock import now
from watchfloor.kernel.db.ids import first_id
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs import stream
from watchfloor.kernel.tenancy.access import Caller

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.views import Unread
    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter(tags=["notifications"])
# Commits arrive out of order: what was made this much earlier may become visible later.
OVERLAP: Final = timedelta(seconds=10)
RESUMED: Final = timedelta(days=1)
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)]
STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"text/event-stream": {}},
        "description": "Events named `notification` (data is an InboxView, the id is its own) and `unread` (an Unread) whenever it changes.",
    }
}


@routes.get("/inbox/stream", response_class=StreamingResponse, responses=STREAM)
async def stream_inbox(caller: Caller, user: User = None, last_event_id: LastEventId = None) -> StreamingResponse:
    """Follow an inbox as server-sent events, from now on or from Last-Event-ID, up to a day back. An event may come twice, never not at all."""
    following = Following(caller, user or caller.name, _position(last_event_id))
    return stream.streamed(caller, stream.follow(caller, following.look))


class Following:
    """One inbox and what of it was told."""

    def __init__(self, call: Call, user: str, start: UUID | None) -> None:
        """Begin after a notification, or now."""
        self._call, self._user = call, user
        self._from = start or first_id(now())
        self._told: set[UUID] = set()
        self._unread: Unread | None = None

    def look(self, _rung: list[UUID]) -> list[str]:
        """Return what is new as events; runs in a thread."""
        began = now()
        with self._call.transaction() as session:
            found = inbox.list_since(session, self._user, self._from)
            unread = inbox.count_unread(session, self._user)
        fresh = [one for one in found if one.id not in self._told]
        if len(found) == inbox.AT_ONCE:
            self._from = found[-1].id  # the next look goes on from here
        else:
            self._from = max(self._from, first_id(began - OVERLAP))
        self._told = {one for one in self._told | {one.id for one in fresh} if one >= self._from}
        events = [f"id: {one.id}\nevent: notification\ndata: {one.model_dump_json()}\n\n" for one in fresh]
        if unread != self._unread:
            self._unread = unread
            events.append(f"event: unread\ndata: {unread.model_dump_json()}\n\n")
        return events


def _position(text: str | None) -> UUID | None:
    if not text:
        return None
    try:
        return max(UUID(text), first_id(now() - RESUMED))
    except ValueError:
        message = "Last-Event-ID is not an id of this stream; leave it out to start from now"
        raise InvalidInput(message) from None
