"""REST: advisories; each topic has its routes in a file of its own, those with fixed addresses before those with an id."""

from watchfloor.capabilities.advisories.api import aliases, bundles, matches, names, record, search, sources, stats, watches

routes = search.routes
for topic in (stats, matches, watches, sources, aliases, names, bundles, record):
    routes.include_router(topic.routes)

__all__ = ["routes"]
