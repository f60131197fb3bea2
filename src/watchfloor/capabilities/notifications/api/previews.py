"""REST: what would become of an event."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from fastapi import APIRouter

from watchfloor.capabilities.notifications.jobs.previewing import preview
from watchfloor.capabilities.notifications.schemas.previews import Preview, PreviewEvent
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["notifications"])


@routes.post("/routes/preview")
def preview_event(caller: Caller, body: PreviewEvent) -> Preview:
    """Say who would be told of an event, over what and when, and why not; nothing is sent and nothing is kept."""
    with caller.transaction() as session:
        return preview(session, caller.org, body)
