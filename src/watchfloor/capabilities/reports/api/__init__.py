"""REST: reports, and how people want theirs."""

from fastapi import APIRouter

from watchfloor.capabilities.reports.api import presets, reports

# Fixed words come before /{report}; a router whose own path is empty cannot be included, so it takes the others in.
routes = APIRouter(tags=["reports"])
routes.routes += [*presets.routes.routes, *reports.routes.routes]
