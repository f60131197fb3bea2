"""Turn targets, ports and scope into what a scan will look at: addresses, names, priority groups; counted, never enumerated. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ports import split, top
from watchfloor.capabilities.scans.engine.protocols import UDP_PORTS_MAX
from watchfloor.capabilities.scans.engine.protocols import apart as apart_by_protocol
from watchfloor.capabilities.scans.engine.ranges import Span, intersect, merge, span, subtract
from watchfloor.capabilities.scans.engine.targets import Targets, demand_size, parse_exclusions, parse_targets
from watchfloor.capabilities.scans.schemas import PAIRS_MAX, ControlPoint, PortGroup, PortRange, Scope, port_ranges
from watchfloor.kernel.errors import InvalidInput, OutOfScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from watchfloor.capabilities.scans.engine.scope import Ports

TOP = {"top-100": 100, "top-1000": 1000}


@dataclass(frozen=True)
class Plan:
    """What a scan will look at."""

    targets: Targets
    groups: tuple[PortGroup, ...]
    udp: tuple[PortRange, ...] = ()
    refused: tuple[OutOfScope, ...] = ()  # tagged assets that the scope does not allow
    named: dict[str, str] = field(default_factory=dict)  # names of tagged assets by address
    excluded: tuple[Span, ...] = ()  # what names may not stand for either
    excluded_names: tuple[str, ...] = ()  # still to be resolved: their addresses are left out

    @property
    def ports(self) -> int:
        """Return the number of ports per address."""
        return sum(width(group.ports) for group in self.groups) + width(self.udp)

    @property
    def pairs(self) -> int:
        """Return the number of address and port pairs."""
        return self.targets.size * self.ports


@dataclass(frozen=True)
class Known:
    """An asset that a tag stands for: its address and the names it was seen under."""

    address: str
    names: tuple[str, ...] = ()


def make(targets: Sequence[str], ports: str, scope: Scope, *, exclude: Sequence[str] = (), assets: Sequence[Known] = ()) -> Plan:
    """Return the plan of a scan; exclusions and assets of its tags are worked in before anything is counted.

    Raises:
        InvalidInput: A target or port is malformed, or there are too many.
        OutOfScope: A target is not wholly inside the scope on all these ports.
    """
    wanted, excluded = parse_targets(targets), parse_exclusions(exclude)
    groups, udp = ports_by_protocol(ports)
    asked = (*(one for group in groups for one in group.ports), *udp)
    known, refused = _known(assets, scope, asked)
    spans = subtract(merge((*wanted.spans, *known.spans)), excluded.spans)
    names = [name for name in dict.fromkeys((*wanted.names, *known.names)) if not allowing.below(name, excluded.names)]
    left = Targets(tuple(spans), tuple(names), wanted.tags)
    demand_size(left)
    plan = Plan(left, groups, udp)
    demand_pairs(plan)
    if wanted.spans and not wanted.names and not wanted.tags and not left.size:
        raise InvalidInput("Everything that is to be looked at is excluded. Choose other targets or exclusions.", field="/exclude")
    return Plan(
        _in_scope(left, scope, asked), groups, udp, refused=tuple(refused), named={one.address: one.names[0] for one in assets if one.names},
        excluded=excluded.spans, excluded_names=tuple(dict.fromkeys((*excluded.names, *scope.excluded_names))),
    )  # fmt: skip


def ports_by_protocol(ports: str) -> tuple[tuple[PortGroup, ...], tuple[PortRange, ...]]:
    """Return TCP ports by priority group, and UDP ports; raises InvalidInput."""
    tcp, udp = apart_by_protocol(ports)
    found = parse_ports(udp) if udp else []
    if len(found) > UDP_PORTS_MAX:
        raise InvalidInput(
            f"{len(found):,} UDP ports are more than {UDP_PORTS_MAX:,}: silence is slow to tell. Choose fewer.", field="/ports"
        )
    return port_groups(parse_ports(tcp)) if tcp or not udp else (), port_ranges(found)


def demand_pairs(plan: Plan) -> None:
    """Raise InvalidInput when these are more probes than one scan may have."""
    if plan.pairs > PAIRS_MAX:
        counted = f"{plan.targets.size:,} addresses times {plan.ports:,} ports are {plan.pairs:,} probes"
        raise InvalidInput(f"{counted}; one scan may have {PAIRS_MAX:,}. Use fewer ports or split the targets.", field="/ports")


def _known(assets: Sequence[Known], scope: Scope, ports: Ports) -> tuple[Targets, list[OutOfScope]]:
    """Return what of tagged assets may be looked at: the address where it is allowed, else the names that are; and what may not."""
    spans, names, refused = [], [], []
    for one in assets:
        why = allowing.refusal(scope, one.address, ports=ports)
        if why is None:
            spans.append(span(ip_address(one.address)))
            continue
        held = [name for name in one.names if allowing.in_domains(scope, name, ports)]
        names += held
        if not held:
            refused.append(OutOfScope(why, target=one.address))
    return Targets(tuple(merge(spans)), tuple(names)), refused


def _in_scope(wanted: Targets, scope: Scope, ports: Ports) -> Targets:
    for name in wanted.names:
        if allowing.below(name, scope.excluded_names):
            raise OutOfScope(f"{name} is excluded by this organisation's scope.", target=name)
    for one in wanted.spans:
        refused = one.size == 1 and allowing.refusal(scope, str(one.at(0)), ports=ports)
        if refused:
            raise OutOfScope(refused, target=str(one.at(0)))
    left = allowing.outside(scope, list(wanted.spans), ports)
    if left:
        where = f"{left[0].at(0)} to {left[0].at(left[0].size - 1)}"
        if not allowing.outside(scope, left[:1]):
            raise OutOfScope(f"Of {where} the scope allows some ports only. {allowing.ports_hint(scope, left[0])}", target=where)
        raise OutOfScope(
            f"{where} is outside this organisation's scope. Leave it out, or add it with `watchfloor scope add`.", target=where
        )
    spans = tuple(allowing.inside(scope, list(wanted.spans), ports))
    if not spans and not wanted.names and not wanted.tags:
        raise OutOfScope(
            "Every address of these targets is excluded by the scope or never contacted. Choose other targets.",
            target=str(wanted.spans[0].at(0)) if wanted.spans else "",
        )
    return Targets(spans, wanted.names, wanted.tags)


def pinned(plan: Plan, addresses: Iterable[str], excluded: Iterable[str]) -> Plan:
    """Return the plan with the addresses that its names stand for instead of the names, and without those of excluded names.

    Raises:
        InvalidInput: There are too many now.
    """
    found = merge((*plan.targets.spans, *(span(ip_address(address)) for address in addresses)))
    gone = merge((*plan.excluded, *(span(allowing.unwrap(ip_address(address))) for address in excluded)))
    whole = replace(plan, targets=Targets(tuple(subtract(found, gone)), ()))
    demand_size(whole.targets)
    demand_pairs(whole)
    return whole


def apart(plan: Plan, control: Sequence[ControlPoint]) -> tuple[list[Plan], list[str]]:
    """Split a plan so that no part holds an address and port of our own control plane; returns in sentences what was left out.

    Raises:
        OutOfScope: Nothing is left.
    """
    parts, said = [plan], []
    for point in control:
        here = [Span(ip_address(point.first).version, int(ip_address(point.first)), int(ip_address(point.last)))]
        cut = [piece for part in parts for piece in _cut_out(part, here, point.port)]
        if cut != parts:
            parts = cut
            shown = point.first if point.first == point.last else f"{point.first} to {point.last}"
            said.append(f"Port {point.port} of {shown} is this installation's own {point.what}, which is never scanned.")
    if not parts and not plan.targets.names:
        raise OutOfScope(" ".join(said) + " Choose other targets or ports.", target=control[0].first)
    return parts, said


def _cut_out(part: Plan, here: Sequence[Span], port: int) -> Iterator[Plan]:
    hit = intersect(part.targets.spans, here)
    if not hit or not any(first <= port <= last for group in part.groups for first, last in group.ports):
        yield part
        return
    rest = subtract(part.targets.spans, hit)
    if rest or part.targets.names:
        yield replace(part, targets=replace(part.targets, spans=tuple(rest)))
    fewer = []
    for group in part.groups:
        left = subtract(merge(Span(0, *one) for one in group.ports), [Span(0, port, port)])
        if left:
            fewer.append(PortGroup(group=group.group, ports=tuple((one.first, one.last) for one in left)))
    if fewer or part.udp:
        yield replace(part, targets=Targets(tuple(hit), ()), groups=tuple(fewer))


def parse_ports(text: str) -> list[int]:
    """Return sorted ports of `1-1000`, `22,80,443`, `top-100`, `top-1000`, `all` or several of them; raises InvalidInput."""
    if not text.strip():
        raise InvalidInput("There is no port. Give numbers, ranges, top-100, top-1000 or all.", field="/ports")
    found = bytearray(65_536)
    for part in text.split(","):
        first, last = 0, 0
        word = part.strip().lower()
        if word in TOP:
            for port in top(TOP[word]):
                found[port] = 1
            continue
        try:
            first, last = (1, 65_535) if word == "all" else _port_range(word)
        except ValueError as wrong:
            raise InvalidInput(f"{part.strip()[:60]!a} in the ports {wrong}", field="/ports") from None
        found[first : last + 1] = b"\1" * (last - first + 1)
    return [port for port, wanted in enumerate(found) if wanted]


def _port_range(word: str) -> PortRange:
    left, dash, right = word.partition("-")
    first = _port(left.strip())
    last = _port(right.strip()) if dash else first
    if first > last:
        raise ValueError(f"ends before it starts. Write {last}-{first}.")
    return first, last


def _port(digits: str) -> int:
    if not digits:
        raise ValueError("is not complete. Write a number such as 443 or a range such as 1-1024.")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("is not understood. Use numbers, ranges such as 1-1024, top-100, top-1000 or all.")
    if len(digits) > 1 and digits[0] == "0":
        raise ValueError(f"has a leading zero. Write {digits.lstrip('0')[:5] or 'a number from 1'} instead.")
    if len(digits) > 5 or not 1 <= int(digits) <= 65_535:  # noqa: PLR2004 - digits of 65,535
        raise ValueError("is out of range: ports go from 1 to 65535.")
    return int(digits)


def port_groups(ports: list[int]) -> tuple[PortGroup, ...]:
    """Return the ports by priority group, in scanning order."""
    return tuple(PortGroup(group=group, ports=port_ranges(held)) for group, held in split(ports).items())


def width(ports: Sequence[PortRange]) -> int:
    """Return how many ports these ranges have."""
    return sum(last - first + 1 for first, last in ports)
