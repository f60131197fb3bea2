"""Turn one host's answers into what is kept: services, problems, and the ports of which everything is known. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.audited import audited
from watchfloor.capabilities.scans.engine.fingerprint import fingerprint
from watchfloor.capabilities.scans.engine.judge import OPT_IN, judge, key
from watchfloor.capabilities.scans.engine.ports import membership
from watchfloor.capabilities.scans.schemas import Group, PortAnswer, Problem, Service, Tally, each_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from watchfloor.capabilities.scans.schemas import HostAnswer, PortGroup, PortRange, Protocol

# A proxy or tarpit that accepts every port would otherwise fill the database with nothing.
LISTED_MAX = 1024


@dataclass(frozen=True)
class Sighting:
    """What one shard learned about one host."""

    address: str
    name: str
    rtt_ms: float | None
    tallies: dict[Group, Tally]
    services: tuple[tuple[Group, Service], ...]  # looked at since the part before
    problems: tuple[Problem, ...]
    known_ports: frozenset[int]  # all is known about these: a finding there that was not seen again is gone
    filtered_ports: frozenset[int]  # asked and silent: one such look says little, several say that it is gone
    filtered: tuple[PortRange, ...] = ()
    skipped: tuple[PortRange, ...] = ()  # not settled: nothing is known
    unlooked: tuple[tuple[Group, Service], ...] = ()  # every other open port that is listed
    unlisted: int = 0  # open ports beyond those listed as services
    protocol: Protocol = "tcp"
    unmade: frozenset[str] = frozenset()  # keys of checks that were not made: a finding of theirs may still be there


def sight(answer: HostAnswer, groups: Sequence[PortGroup], today: datetime) -> Sighting | None:
    """Return what is to be kept of a host, or None when nothing answered: a silent address is no host we know of."""
    if not any(tally.open or tally.closed for tally in answer.tallies.values()):
        return None
    looked = {one.port: one for one in answer.ports}
    before = set(each_port(answer.looked)) - set(looked)
    others = [port for port in each_port(answer.open) if port not in looked and port not in before]
    services = [audited(fingerprint(looked[port]), looked[port]) for port in sorted(looked)]
    part = answer.cursor is not None  # of a host that accepts every port, the end alone decides which are listed
    unlooked = sorted(before) + others[: 0 if part and len(others) > LISTED_MAX else LISTED_MAX]
    return Sighting(
        address=answer.address,
        name=answer.name,
        rtt_ms=answer.rtt_ms,
        tallies=answer.tallies,
        services=tuple((group_of(service.port), service) for service in services),
        unlooked=tuple((group_of(port), Service(port=port)) for port in unlooked),
        problems=tuple(judge(answer.address, services, today, name=answer.name)),
        known_ports=frozenset(_known(answer, groups, looked)),
        filtered_ports=frozenset() if part else frozenset(each_port(answer.filtered)),
        filtered=() if part else answer.filtered,
        skipped=answer.skipped,
        unlisted=len(others) + len(before) - len(unlooked),
        unmade=frozenset(key(answer.address, port, check) for port, one in looked.items() for check in OPT_IN - set(one.checks)),
    )


def group_of(port: int) -> Group:
    """Return a port's priority group."""
    return list(Group)[membership()[port]]


def _known(answer: HostAnswer, groups: Sequence[PortGroup], looked: dict[int, PortAnswer]) -> Iterator[int]:
    settled = (one for one in looked.values() if one.looked and (one.replies or one.tls) and not one.unsettled)
    yield from (one.port for one in settled if not (one.tls and one.tls.error))
    if answer.cursor is not None:
        return  # the group is under way: what was not asked yet must not look closed
    asked = (port for group in groups if group.group in answer.tallies for port in each_port(group.ports))
    doubtful = {*each_port(answer.open), *each_port(answer.filtered), *each_port(answer.skipped)}
    yield from (port for port in asked if port not in doubtful)
