"""The only place of the scans that opens sockets; `probe` and `resolve` run in the sandbox."""

from __future__ import annotations

from watchfloor.capabilities.scans.connect.lookup import resolve
from watchfloor.capabilities.scans.connect.shard import probe

__all__ = ["probe", "resolve"]
