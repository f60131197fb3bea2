"""What a scan knows about a host: which ports it looked at, which of them answered, which stayed silent. Pure.

Sets of ports are whole numbers, one bit for each port: 65,536 of them fit into 8 KB and are compared in a few instructions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from watchfloor.capabilities.scans.engine.ranges import holds, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from watchfloor.capabilities.scans.engine.ranges import Span

Place: TypeAlias = tuple[str, int]  # protocol and port
PortState: TypeAlias = Literal["open", "closed", "filtered", "unknown"]


@dataclass(frozen=True)
class Facts:
    """What is compared of one service; empty means that it is not known."""

    name: str = "unknown"
    product: str = ""
    version: str = ""
    revision: str = ""
    tls: str = ""
    certificate: str = ""  # SHA-256
    subject: str = ""

    @property
    def identified(self) -> bool:
        """Tell whether the service said anything about itself."""
        return self.name not in {"", "unknown"}


@dataclass(frozen=True)
class Known:
    """One host as one scan, or several one after the other, know it; ports of neither set were not looked at."""

    address: str
    name: str = ""
    alive: bool = False
    services: Mapping[Place, Facts] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)  # by protocol: the ports that were looked at
    silent: Mapping[str, int] = field(default_factory=dict)  # those of them that did not answer
    sought: bool = False  # looked for before any port was asked, and answered nothing

    def state(self, place: Place) -> PortState:
        """Return what is known about a port."""
        if place in self.services:
            return "open"
        protocol, port = place
        if self.sought:
            return "filtered"
        if not self.asked.get(protocol, 0) >> port & 1:
            return "unknown"
        return "filtered" if self.silent.get(protocol, 0) >> port & 1 else "closed"

    def evidence(self) -> dict[str, int]:
        """Return the ports whose answers show that the host is there, or all that were looked at where no single one is known."""
        answered = {protocol: ports & ~self.silent.get(protocol, 0) for protocol, ports in self.asked.items()}
        for protocol, port in self.services:
            answered[protocol] = answered.get(protocol, 0) | 1 << port
        kept = {protocol: ports for protocol, ports in answered.items() if ports}
        return kept or {protocol: ports for protocol, ports in self.asked.items() if ports}


@dataclass(frozen=True)
class Part:
    """One finished part of a scan: the ports it asked each of its addresses for, by group and protocol."""

    n: int
    groups: tuple[tuple[str, str, int], ...]  # group, protocol, ports
    complete: bool  # nothing was left out


class Coverage:
    """Which parts of a scan looked at an address."""

    def __init__(self, parts: Iterable[tuple[Part, Sequence[Span]]], sought: Sequence[Span] = ()) -> None:
        """Sort the parts by their ports: among those of the same ports no two have an address in common.

        `sought` are the merged addresses that answered nothing when the scan looked for hosts.
        """
        self._sought = sought
        self._layers: dict[Any, list[tuple[int, int, int, Part]]] = {}
        for part, spans in parts:
            layer = self._layers.setdefault(part.groups, [])
            layer += [(one.version, one.first, one.last, part) for one in spans]
        for layer in self._layers.values():
            layer.sort(key=_start)

    def of(self, address: str) -> list[Part]:
        """Return the finished parts that had this address; what is no address none had."""
        try:
            found = ip_address(address)
        except ValueError:
            return []
        wanted: tuple[int, int] = (found.version, int(found))
        parts = []
        for layer in self._layers.values():
            at = bisect_right(layer, wanted, key=_start) - 1
            if at >= 0 and layer[at][0] == wanted[0] and layer[at][2] >= wanted[1]:
                parts.append(layer[at][3])
        return parts

    def sought(self, address: str) -> bool:
        """Tell whether the scan looked for this address and nothing answered."""
        try:
            return holds(self._sought, span(ip_address(address)))
        except ValueError:
            return False


def _start(entry: tuple[int, int, int, Part]) -> tuple[int, int]:
    return entry[:2]


@dataclass(frozen=True)
class Answers:
    """What a scan kept of a host that answered."""

    name: str
    counts: Mapping[str, Mapping[str, Mapping[str, int]]]  # part, group, state
    silent: Mapping[str, Mapping[str, Sequence[Sequence[int]]]]  # part, then `filtered` and `skipped` as ranges of ports
    services: Mapping[Place, Facts]
    listed: Mapping[str, int]  # how many services are kept, by group


def know(address: str, parts: Sequence[Part], answers: Answers | None, *, sought: bool = False) -> Known:
    """Return what one scan knows about an address; `answers` is None when nothing answered there."""
    if sought and answers is None:
        return Known(address, sought=True)
    asked: dict[str, int] = {}
    silent: dict[str, int] = {}
    for part in parts:
        tallies = answers.counts.get(str(part.n)) if answers else None
        exact = (answers.silent.get(str(part.n)) if answers else None) or {}
        for group, protocol, ports in part.groups:
            looked, quiet = _looked(part, tallies, group, ports, exact)
            asked[protocol] = asked.get(protocol, 0) | looked
            silent[protocol] = silent.get(protocol, 0) | quiet
    if answers is None:
        return Known(address, asked=asked, silent=silent)
    for protocol, ports in _unlisted(parts, answers):
        asked[protocol] &= ~ports
    return Known(address, answers.name, alive=True, services=answers.services, asked=asked, silent=silent)


def _looked(
    part: Part, tallies: Mapping[str, Mapping[str, int]] | None, group: str, ports: int, exact: Mapping[str, Sequence[Sequence[int]]]
) -> tuple[int, int]:
    """Return which ports of one group were looked at, and which of these stayed silent."""
    if tallies is None:  # this part heard nothing from the host
        return (ports, ports) if part.complete else (0, 0)
    tally = tallies.get(group)
    if tally is None:
        return 0, 0
    if sum(tally.values()) != ports.bit_count():  # not every port was counted: only those that are named are known
        named = ports & mask(exact.get("filtered", ()))
        return named, named
    if not any(tally.get(state) for state in ("filtered", "unreachable", "skipped")):
        return ports, 0
    if not exact:  # counts alone cannot tell which port is the silent one
        return 0, 0
    looked = ports & ~mask(exact.get("skipped", ()))
    return looked, looked & mask(exact.get("filtered", ()))


def _unlisted(parts: Sequence[Part], answers: Answers) -> Iterable[tuple[str, int]]:
    """Yield the ports of groups in which more were open than are listed: any of them may be open."""
    opened: Counter[str] = Counter()
    for tallies in answers.counts.values():
        opened.update({group: tally.get("open", 0) for group, tally in tallies.items()})
    for part in parts:
        for group, protocol, ports in part.groups:
            if opened[group] > answers.listed.get(group, 0):
                yield protocol, ports


def over(newer: Known, older: Known) -> Known:
    """Return what is known when a newer look did not look at everything: its knowledge, and the older one's for the rest."""
    if newer.sought or (older.sought and not (newer.alive or any(newer.asked.values()))):
        return newer if newer.sought else older
    services = dict(newer.services)
    services.update({place: facts for place, facts in older.services.items() if newer.state(place) == "unknown"})
    asked, silent = dict(newer.asked), dict(newer.silent)
    for protocol, ports in older.asked.items():
        fresh = newer.asked.get(protocol, 0)
        asked[protocol] = fresh | ports
        silent[protocol] = newer.silent.get(protocol, 0) | older.silent.get(protocol, 0) & ~fresh
    alive = newer.alive or (older.alive and not gone(older, newer))
    return Known(newer.address, newer.name or older.name, alive=alive, services=services, asked=asked, silent=silent)


def gone(before: Known, now: Known) -> bool:
    """Tell whether a host that answered is silent now on every port that showed it to be there."""
    shown = before.evidence()
    if before.alive and now.sought:
        return True
    if not before.alive or now.alive or not shown:
        return False
    return all(not ports & ~now.asked.get(protocol, 0) for protocol, ports in shown.items())


def appeared(before: Known, now: Known) -> bool:
    """Tell whether a host answers on a port on which it was silent before."""
    if before.alive or not now.alive:
        return False
    if before.sought:
        return True
    return any(ports & before.asked.get(protocol, 0) for protocol, ports in now.evidence().items())


def mask(ranges: Iterable[Sequence[int]]) -> int:
    """Return ranges of ports, both ends included, as a set."""
    ports = 0
    for first, last in ranges:
        ports |= (1 << last + 1) - (1 << first)
    return ports
