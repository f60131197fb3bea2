"""The last gate before a connection: is this address in the ranges the request permits?"""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.scans.schemas import AddressRange


class Permit:
    """Sorted permitted ranges; the engine that wrote them has taken every denied address and every IPv4-in-IPv6 notation out."""

    def __init__(self, ranges: Iterable[AddressRange]) -> None:
        """Read the ranges once."""
        self.ranges = sorted((ip_address(one.first).version, int(ip_address(one.first)), int(ip_address(one.last))) for one in ranges)

    def holds(self, address: str) -> bool:
        """Tell whether this address may be connected to."""
        wanted = ip_address(address)
        at = bisect_right(self.ranges, (wanted.version, int(wanted), 1 << 128)) - 1
        return at >= 0 and self.ranges[at][0] == wanted.version and self.ranges[at][1] <= int(wanted) <= self.ranges[at][2]
