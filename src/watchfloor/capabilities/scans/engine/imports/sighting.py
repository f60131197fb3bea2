"""Turn what a file says into what is kept of each host: services, problems, and ports that are known to be closed. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.fingerprint import fingerprint
from watchfloor.capabilities.scans.engine.imports.found import ranges_of
from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.engine.sight import LISTED_MAX, Sighting, group_of
from watchfloor.capabilities.scans.schemas import Group, PortAnswer, PortGroup, Reply, Service, Tally, each_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from watchfloor.capabilities.scans.engine.imports.found import FoundHost, OpenPort


@dataclass(frozen=True)
class Part:
    """Hosts that are kept together: their sightings, and every TCP port that one of them was asked."""

    sightings: tuple[Sighting, ...]
    groups: tuple[PortGroup, ...]


def sighted(
    hosts: Sequence[FoundHost], today: datetime, *, settled: frozenset[str] = frozenset(), wanted: Iterable[int] = ()
) -> Part:  # fmt: skip
    """Return what is kept of hosts. Of the `settled` ones something newer is known: their findings are neither opened nor closed.

    `wanted` are TCP ports that somebody meant to ask: what the file does not say about one of them is not known.
    """
    asked = {*wanted, *(port for host in hosts for port in _asked(host))}
    return Part(tuple(_one(host, asked, today, newer=host.address in settled) for host in hosts), _groups(asked))


def _one(host: FoundHost, asked: set[int], today: datetime, *, newer: bool) -> Sighting:
    services = [_identified(one) for one in host.open[:LISTED_MAX]]
    closed, filtered = set(each_port(host.closed)), set(each_port(host.filtered))
    opened = {one.service.port for one in host.open if one.protocol == "tcp"}
    unknown = asked - opened - closed - filtered
    return Sighting(
        address=host.address, name=host.name, rtt_ms=host.rtt_ms, tallies=_tallies(asked, opened, closed, filtered),
        services=tuple((group_of(service.port), service) for service in services), problems=() if newer else tuple(judge(host.address, services, today)),
        # Another scanner's silence about a trouble of an open port proves nothing; a closed port does.
        known_ports=frozenset() if newer else frozenset(closed), filtered_ports=frozenset() if newer else frozenset(filtered),
        filtered=host.filtered, skipped=ranges_of(unknown), unlisted=len(host.open) - len(services),
    )  # fmt: skip


def _identified(one: OpenPort) -> Service:
    """Return the service the file names, or what its banner says to our own engine."""
    if not one.banner:
        return one.service
    answer = PortAnswer(port=one.service.port, protocol=one.protocol, replies=(Reply(probe="greeting", data=one.banner),), looked=True)
    return fingerprint(answer)


def _tallies(asked: set[int], opened: set[int], closed: set[int], filtered: set[int]) -> dict[Group, Tally]:
    """Count ports by group; what this host was not asked, though another one was, is skipped: nothing is known about it."""
    counted: dict[Group, Counter[str]] = {}
    for port in asked:
        state = "open" if port in opened else "closed" if port in closed else "filtered" if port in filtered else "skipped"
        counted.setdefault(group_of(port), Counter())[state] += 1
    return {group: Tally(**counted[group]) for group in Group if group in counted}


def _groups(asked: set[int]) -> tuple[PortGroup, ...]:
    held: dict[Group, set[int]] = {}
    for port in asked:
        held.setdefault(group_of(port), set()).add(port)
    return tuple(PortGroup(group=group, ports=ranges_of(held[group])) for group in Group if group in held)


def _asked(host: FoundHost) -> Iterable[int]:
    yield from (one.service.port for one in host.open if one.protocol == "tcp")
    yield from each_port(host.closed)
    yield from each_port(host.filtered)
