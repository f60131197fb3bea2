"""REST: who is told what over which channel, what was told, and telling by hand."""

from fastapi import APIRouter

from watchfloor.capabilities.notifications.api import escalations, live, sends, told, wishes
from watchfloor.capabilities.notifications.api.unsubscribe import open_routes

# Fixed words come before /{notification}; a router whose own path is empty cannot be included, so it takes the others in.
routes = APIRouter(tags=["notifications"])
routes.routes += [*sends.routes.routes, *wishes.routes.routes, *escalations.routes.routes, *live.routes.routes, *told.routes.routes]

__all__ = ["open_routes", "routes"]
