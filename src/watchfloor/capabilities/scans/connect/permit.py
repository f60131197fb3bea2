"""The last gate before a connection: is this address in the ranges the request permits, and this port of it no door of our own?"""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.kernel.errors import OutOfScope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.scans.schemas import AddressRange, ControlPoint, PortGroup


class Permit:
    """Sorted permitted ranges; the engine that wrote them has taken every denied address and every IPv4-in-IPv6 notation out."""

    def __init__(self, ranges: Iterable[AddressRange], control: Iterable[ControlPoint] = ()) -> None:
        """Read the ranges once; `control` are the ports of our own that nobody may reach through a scan."""
        self.ranges = sorted((ip_address(one.first).version, int(ip_address(one.first)), int(ip_address(one.last))) for one in ranges)
        self.control = [(ip_address(one.first).version, int(ip_address(one.first)), int(ip_address(one.last)), one.port) for one in control]

    def holds(self, address: str) -> bool:
        """Tell whether this address may be connected to."""
        wanted = ip_address(address)
        at = bisect_right(self.ranges, (wanted.version, int(wanted), 1 << 128)) - 1
        return at >= 0 and self.ranges[at][0] == wanted.version and self.ranges[at][1] <= int(wanted) <= self.ranges[at][2]

    def own_ports(self, address: str) -> set[int]:
        """Return the ports of an address that belong to this installation."""
        if not self.control:
            return set()
        wanted = ip_address(address)
        return {port for version, first, last, port in self.control if version == wanted.version and first <= int(wanted) <= last}

    def demand(self, address: str, groups: Iterable[PortGroup]) -> None:
        """Raise OutOfScope unless every one of these ports of the address may be connected to."""
        if not self.holds(address):
            raise OutOfScope(
                f"{address} is not in the ranges this job may contact; nothing was sent. Check the scope and start a new scan.",
                target=address,
            )
        ports = [edges for group in groups for edges in group.ports]
        own = [port for port in sorted(self.own_ports(address)) if any(first <= port <= last for first, last in ports)]
        if own:
            raise OutOfScope(
                f"Port {own[0]} of {address} belongs to this installation itself; nothing was sent.", target=f"{address}:{own[0]}"
            )
