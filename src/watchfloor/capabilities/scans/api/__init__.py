"""REST: scans as this product speaks of them (`native`), and as clients of other platforms do (`faces`)."""

from watchfloor.capabilities.scans.api.native import routes

__all__ = ["routes"]
