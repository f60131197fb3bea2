"""REST: advisories; each topic has its routes in a file of its own, those with fixed addresses first."""

from fastapi import APIRouter

from watchfloor.capabilities.advisories.api import stats, watches

routes = APIRouter()
for topic in (stats, watches):
    routes.include_router(topic.routes)

__all__ = ["routes"]
