"""The only place of the scans that opens sockets; what is named here runs in the sandbox."""

from __future__ import annotations

from watchfloor.capabilities.scans.connect.discover import discover
from watchfloor.capabilities.scans.connect.lookup import resolve
from watchfloor.capabilities.scans.connect.shard import probe
from watchfloor.capabilities.scans.connect.udp import ask as ask_udp

__all__ = ["ask_udp", "discover", "probe", "resolve"]
