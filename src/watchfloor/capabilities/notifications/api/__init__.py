"""REST: who is told what over which channel, what was told, and telling by hand."""

from fastapi import APIRouter

from watchfloor.capabilities.notifications.api import (
    acknowledgement,
    escalations,
    live,
    previews,
    sends,
    silences,
    templates,
    told,
    unsubscribe,
    wishes,
)

# Fixed words come before /{notification}; a router whose own path is empty cannot be included, so it takes the others in.
routes = APIRouter(tags=["notifications"])
routes.routes += [one for part in (sends, previews, wishes, silences, escalations, templates, live, told) for one in part.routes.routes]

# Whoever has the link.
open_routes = APIRouter(tags=["notifications"])
open_routes.routes += [one for part in (unsubscribe, acknowledgement) for one in part.open_routes.routes]

__all__ = ["open_routes", "routes"]
