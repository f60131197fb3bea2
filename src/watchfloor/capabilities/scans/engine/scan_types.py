"""What the scan types that clients of such platforms name mean here. Pure."""

from __future__ import annotations

from typing import Any, Final

from watchfloor.kernel.errors import InvalidInput

USUAL: Final[dict[str, Any]] = {}  # the operator's ports, services identified and judged
QUICK: Final[dict[str, Any]] = {"ports": "top-100"}
FULL: Final[dict[str, Any]] = {"ports": "all"}
PORTS_ONLY: Final[dict[str, Any]] = {"services": False}
SCAN_TYPES: Final = {
    **dict.fromkeys(("default", "standard", "normal", "tcp", "connect", "tcp_connect", "service", "vulnerability", "security"), USUAL),
    **dict.fromkeys(("quick", "fast", "basic"), QUICK),
    **dict.fromkeys(("full", "comprehensive", "deep"), FULL),
    **dict.fromkeys(("port", "ports", "port_scan"), PORTS_ONLY),
}


def asked_by(scan_type: str) -> dict[str, Any]:
    """Return what a scan of this type asks beyond its targets; ports that were named win over these.

    Raises:
        InvalidInput: There is no such type. Raw packets (`syn`, `udp`) are none: this engine connects.
    """
    found = SCAN_TYPES.get(scan_type.strip().lower().replace("-", "_"))
    if found is None:
        message = f"there is no scan type {scan_type[:40]!r}; there are {', '.join(SCAN_TYPES)}"
        raise InvalidInput(message, field="/config/scan_type")
    return dict(found)
