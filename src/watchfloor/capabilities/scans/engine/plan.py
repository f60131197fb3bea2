"""Turn what people wrote as targets and ports into addresses, names and priority groups; everything counted, nothing enumerated. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ports import ranges, split, top
from watchfloor.capabilities.scans.engine.ranges import Span, holds, merge, span
from watchfloor.capabilities.scans.schemas import ADDRESSES_MAX, PAIRS_MAX, TARGETS_MAX, PortGroup, PortRange, Scope
from watchfloor.kernel.errors import InvalidInput, OutOfScope

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
# Characters that IDNA 2003 and IDNA 2008 turn into different names: we do not guess which one was meant.
DEVIATING = re.compile("[\u00df\u03c2\u200c\u200d]")
# A name counts as this many addresses; more are not looked at.
ADDRESSES_PER_NAME = 16
TOP = {"top-100": 100, "top-1000": 1000}
SHOWN = 60


@dataclass(frozen=True)
class Targets:
    """Addresses as merged spans, and names still to be resolved."""

    spans: tuple[Span, ...]
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return the number of addresses, at least one for each name."""
        return sum(one.size for one in self.spans) + len(self.names)


@dataclass(frozen=True)
class Plan:
    """What a scan will look at."""

    targets: Targets
    groups: tuple[PortGroup, ...]

    @property
    def ports(self) -> int:
        """Return the number of ports per address."""
        return sum(width(group.ports) for group in self.groups)

    @property
    def pairs(self) -> int:
        """Return the number of address and port pairs."""
        return self.targets.size * self.ports


def make(targets: Sequence[str], ports: str, scope: Scope) -> Plan:
    """Return the plan of a scan.

    Raises:
        InvalidInput: A target or port is malformed, or there are too many.
        OutOfScope: A target is not wholly inside the scope.
    """
    wanted = parse_targets(targets)
    plan = Plan(wanted, port_groups(parse_ports(ports)))
    if plan.pairs > PAIRS_MAX:
        counted = f"{wanted.size:,} addresses times {plan.ports:,} ports are {plan.pairs:,} probes"
        raise InvalidInput(f"{counted}; one scan may have {PAIRS_MAX:,}. Use fewer ports or split the targets.", field="/ports")
    return Plan(_in_scope(wanted, scope), plan.groups)


def _in_scope(wanted: Targets, scope: Scope) -> Targets:
    for one in wanted.spans:
        refused = one.size == 1 and allowing.refusal(scope, str(one.at(0)))
        if refused:
            raise OutOfScope(refused)
    left = allowing.outside(scope, list(wanted.spans))
    if left:
        where = f"{left[0].at(0)} to {left[0].at(left[0].size - 1)}"
        raise OutOfScope(f"{where} is outside this organisation's scope. Leave it out, or add it with `watchfloor scope add`.")
    spans = tuple(allowing.inside(scope, list(wanted.spans)))
    if not spans and not wanted.names:
        raise OutOfScope("Every address of these targets is excluded by the scope or never contacted. Choose other targets.")
    return Targets(spans, wanted.names)


def parse_targets(targets: Sequence[str]) -> Targets:
    """Return addresses and names, without duplicates; raises InvalidInput with the place of the first bad one."""
    if not targets:
        raise InvalidInput("There is no target. Give at least one address, host name or network such as 192.168.1.0/24.", field="/targets")
    if len(targets) > TARGETS_MAX:
        raise InvalidInput(
            f"{len(targets):,} targets are more than the {TARGETS_MAX:,} of one scan. Write networks as CIDR.", field="/targets"
        )
    found: list[Span] = []
    names: dict[str, None] = {}
    for place, text in enumerate(targets):
        try:
            one = parse_target(text)
        except ValueError as wrong:
            shown = text if len(text) <= SHOWN else text[:SHOWN] + "…"
            raise InvalidInput(f"Target {shown!a} {wrong}", field=f"/targets/{place}") from None
        if isinstance(one, str):
            names[one] = None
        else:
            found.append(one)
    parsed = Targets(tuple(merge(found)), tuple(names))
    if parsed.size > ADDRESSES_MAX:
        raise InvalidInput(
            f"These targets are {parsed.size:,} addresses; one scan may have {ADDRESSES_MAX:,} (an IPv4 /16). Split them.", field="/targets"
        )
    return parsed


def parse_target(text: str) -> Span | str:
    """Return one target as a span or, in ASCII and lower case, as a name; raises ValueError with the rest of a sentence."""
    stripped = text.strip()
    if not stripped:
        raise ValueError("is empty. Give an address, host name or CIDR network.")
    if "://" in stripped:
        raise ValueError("is a URL. Give the host alone, without scheme and path.")
    if "%" in stripped:
        raise ValueError("has a zone id. Link-local addresses with a zone cannot be scanned; give a global or private address.")
    if stripped.startswith("[") and stripped.endswith("]"):
        stripped = stripped[1:-1]
    if "/" in stripped:
        return _network(stripped)
    try:
        return span(allowing.unwrap(ip_address(stripped)))
    except ValueError:
        return _name(stripped)


def _network(text: str) -> Span:
    address, _, length = text.partition("/")
    if not (length.isascii() and length.isdigit()) or (len(length) > 1 and length[0] == "0"):
        raise ValueError("has no prefix length after the slash. Write a network as 192.168.1.0/24 or 2001:db8::/64.")
    try:
        found = span(ip_network(text, strict=False))
    except ValueError:
        kind = "an IPv6 network has 0 to 128" if ":" in address else "an IPv4 network has 0 to 32"
        raise ValueError(f"is not a network: check the address, and that {kind} after the slash.") from None
    if found.size == 1:
        return span(allowing.unwrap(found.at(0)))
    if found.version == 6 and any(holds([wrapper], found) for wrapper in allowing.WRAPPED):  # noqa: PLR2004 - an IP version
        raise ValueError("is IPv4 written as IPv6. Write the IPv4 network itself.")
    return found


def _name(text: str) -> str:
    name = _ascii(text).lower().removesuffix(".")
    labels = name.split(".")
    last = labels[-1]
    if ":" in name:
        _refuse_colon(name)
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        why = (
            "an octet has a leading zero"
            if any(re.fullmatch(r"0\d+", label) for label in labels)
            else "it has not four numbers from 0 to 255"
        )
        raise ValueError(f"is not an IPv4 address: {why}. Write it as 192.168.1.10.")
    if len(name) > 253:  # noqa: PLR2004 - RFC 1035
        raise ValueError("is longer than the 253 characters of a host name.")
    for label in labels:
        if not LABEL.match(label):
            said = f"{label[:SHOWN]!a} is not a part of one" if label else "there is an empty part between dots"
            raise ValueError(f"is neither an address nor a host name: {said}. Letters, digits and hyphens are allowed, 63 at most.")
    return name


def _refuse_colon(name: str) -> None:
    host, _, port = name.rpartition(":")
    if ":" not in host and port.isdigit():
        raise ValueError("has a port. Give the host as target and the port in `ports`.")
    raise ValueError("is not an IPv6 address. Write it as 2001:db8::1.")


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    if DEVIATING.search(text):
        raise ValueError("has a character that different standards encode differently. Give the name in its xn-- form.")
    try:
        return text.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("has characters that no host name can have. Give the name in its xn-- form.") from None


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
            raise InvalidInput(f"{part.strip()[:SHOWN]!a} in the ports {wrong}", field="/ports") from None
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
    return tuple(PortGroup(group=group, ports=ranges(held)) for group, held in split(ports).items())


def width(ports: Sequence[PortRange]) -> int:
    """Return how many ports these ranges have."""
    return sum(last - first + 1 for first, last in ports)
