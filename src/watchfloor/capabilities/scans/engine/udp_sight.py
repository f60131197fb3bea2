"""Turn what UDP ports answered into what is kept of a host. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.imports.found import ranges_of
from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.engine.sight import Sighting, group_of
from watchfloor.capabilities.scans.engine.udp import identify
from watchfloor.capabilities.scans.schemas import Group, Tally

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.capabilities.scans.schemas import UdpHost


def sight_udp(host: UdpHost, name: str, today: datetime) -> Sighting | None:
    """Return what is to be kept of a host, or None when nothing came back from it, not even a refusal."""
    if not (host.ports or host.closed):
        return None
    services = [identify(answer) for answer in host.ports]
    counted: dict[Group, Counter[str]] = {}
    for state, ports in (("open", [one.port for one in host.ports]), ("closed", host.closed), ("filtered", host.silent)):
        for port in ports:
            counted.setdefault(group_of(port), Counter())[state] += 1
    return Sighting(
        address=host.address, name=name, rtt_ms=None, tallies={group: Tally(**counted[group]) for group in Group if group in counted},
        services=tuple((group_of(service.port), service) for service in services), problems=tuple(judge(host.address, services, today)),
        known_ports=frozenset(host.closed), filtered_ports=frozenset(host.silent), filtered=ranges_of(set(host.silent)), protocol="udp",
    )  # fmt: skip
