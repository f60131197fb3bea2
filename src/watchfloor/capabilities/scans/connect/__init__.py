"""The only place of the scans that opens sockets; what is named here runs in the sandbox."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.connect.discover import discover
    from watchfloor.capabilities.scans.connect.lookup import resolve
    from watchfloor.capabilities.scans.connect.shard import probe
    from watchfloor.capabilities.scans.connect.udp import ask as ask_udp

__all__ = ["ask_udp", "discover", "probe", "resolve"]

# Loaded when asked for: the scanner alone stays below 40 MB, and what looks at open ports takes 10 MB more.
_PLACES = {"ask_udp": ("udp", "ask"), "discover": ("discover", "discover"), "probe": ("shard", "probe"), "resolve": ("lookup", "resolve")}


def __getattr__(name: str) -> object:
    """Load what is asked for by name."""
    if name not in _PLACES:
        raise AttributeError(f"{__name__} has no {name}")
    module, wanted = _PLACES[name]
    found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), wanted)
    return found
