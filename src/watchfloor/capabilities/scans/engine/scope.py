"""Decide what may be looked at: the organisation's scope minus a fixed deny list that nobody can switch off. Pure."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, TypeAlias

from watchfloor.capabilities.scans.engine.ranges import Address, Span, holds, intersect, merge, span, spans, subtract
from watchfloor.capabilities.scans.schemas import PortRange, PortScope, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

Ports: TypeAlias = tuple[PortRange, ...]

# Metadata services hand credentials to whoever asks; multicast, broadcast and reserved space are never one host.
METADATA = spans((
    "169.254.169.254", "169.254.169.253", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
))  # fmt: skip
NEVER = spans(("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8"))
# IPv6 that carries an IPv4 address: judged as that IPv4 address, so that no notation walks around the lists.
WRAPPED = spans(("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
LOOPBACK6 = spans(("::1",))
LOCAL = spans(("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10"))
NOT_PUBLIC = merge((*spans((
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fec0::/10",
)), *LOCAL, *METADATA, *NEVER, *WRAPPED))  # fmt: skip
DENIED = merge((*METADATA, *NEVER, *subtract(WRAPPED, LOOPBACK6)))
NAT64_LOCAL = 0x0064_FF9B_0001  # the first 48 bits of 64:ff9b:1::/48
EVERYTHING = spans(("0.0.0.0/0", "::/0"))
PUBLIC = subtract(EVERYTHING, NOT_PUBLIC)


def unwrap(address: Address) -> Address:
    """Return the IPv4 address inside a mapped, compatible, NAT64, 6to4 or Teredo address, else the address itself."""
    if isinstance(address, IPv4Address) or not holds(WRAPPED, span(address)) or int(address) <= 1:
        return address
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if int(address) >> 80 == NAT64_LOCAL:
        return _local_nat64(address)
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _local_nat64(address: IPv6Address) -> IPv4Address:
    """Return what RFC 6052 puts behind a /48 prefix: 16 bits, a zero octet, 16 bits; or the last 32 bits of a /96 in it."""
    number = int(address)
    behind_48 = ((number >> 64) & 0xFFFF) << 16 | (number >> 40) & 0xFFFF
    return IPv4Address(number & 0xFFFFFFFF or behind_48)


@lru_cache(maxsize=64)
def allowed(scope: Scope, ports: Ports = ()) -> tuple[Span, ...]:
    """Return the addresses the scope's networks allow on all of these ports (without ports: on one at least), nothing denied or excluded."""
    if not ports or not scope.limited:
        found = _open_to(scope, scope.limited)
    else:
        found = None
        for held in _holders(scope, ports):
            one = _open_to(scope, held)
            found = one if found is None else intersect(found, one)
    return tuple(subtract(subtract(found or [], DENIED), _excluded(scope.excluded)))


def _open_to(scope: Scope, limited: Iterable[PortScope]) -> list[Span]:
    networks = [*scope.networks, *(network for one in limited for network in one.networks)]
    # A network such as 0.0.0.0/0 does not reach loopback or link-local: those must be named themselves.
    local = merge(one for text in networks for one in spans([text]) if holds(LOCAL, one))
    return merge((*subtract(spans(networks), LOCAL), *local))


def _holders(scope: Scope, ports: Ports) -> set[tuple[PortScope, ...]]:
    """Return, for each stretch of ports that no entry parts, the limited entries that hold it."""
    edges = {edge for one in scope.limited for first, last in one.ports for edge in (first, last + 1)}
    found = set()
    for first, last in ports:
        for start in sorted({first, *(edge for edge in edges if first < edge <= last)}):
            found.add(tuple(one for one in scope.limited if any(low <= start <= high for low, high in one.ports)))
    return found


@lru_cache(maxsize=64)
def allowed_by_name(scope: Scope, ports: Ports = ()) -> tuple[Span, ...]:
    """Return what a name in one of the scope's domains may resolve to: public addresses and the scope's networks."""
    return tuple(subtract(merge((*PUBLIC, *allowed(scope, ports))), _excluded(scope.excluded)))


def in_domains(scope: Scope, name: str, ports: Ports = ()) -> bool:
    """Tell whether a name is one of the scope's domains or below one, on all of these ports, and not excluded."""
    if below(name, scope.excluded_names):
        return False
    if below(name, scope.domains):
        return True
    held = [one for one in scope.limited if below(name, one.domains)]
    open_ports = merge(Span(0, *edges) for one in held for edges in one.ports)
    return bool(held) and not subtract(merge(Span(0, *edges) for edges in ports), open_ports)


def below(name: str, domains: tuple[str, ...]) -> bool:
    """Tell whether a name is one of these domains or below one."""
    known = _domains(domains)
    if not known:
        return False
    labels = name.split(".")
    return any(".".join(labels[at:]) in known for at in range(len(labels)))


@lru_cache(maxsize=256)
def _domains(domains: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one.lower().removeprefix("*.").strip(".") for one in domains)


@lru_cache(maxsize=64)
def _excluded(networks: tuple[str, ...]) -> list[Span]:
    return spans(networks)


def refusal(scope: Scope, address: str, name: str = "", ports: Ports = ()) -> str | None:
    """Return why an address (which `name` resolved to) may not be looked at on all of these ports, or None when it may."""
    real = unwrap(ip_address(address))
    where = span(real)
    if holds(DENIED, where):
        what = "a cloud metadata service" if holds(METADATA, where) else "multicast, broadcast or reserved"
        return f"{address} is {what} and is never contacted."
    if holds(_excluded(scope.excluded), where) or (name and below(name, scope.excluded_names)):
        return f"{address} is excluded by this organisation's scope."
    if holds(allowed(scope, ports), where) or (name and in_domains(scope, name, ports) and holds(allowed_by_name(scope, ports), where)):
        return None
    if ports and refusal(scope, address, name) is None:
        return f"Of {address} the scope allows some ports only. {ports_hint(scope, where, name)}"
    if holds(LOCAL, where):
        return f"{address} is on this machine or its own link, which the scope must name itself: `watchfloor scope add {real}`."
    return f"{address} is outside this organisation's scope. Add it with `watchfloor scope add {real}` if you may look at it."


def ports_hint(scope: Scope, where: Span, name: str = "") -> str:
    """Say which ports limited entries allow there."""
    held = [one for one in scope.limited if intersect(spans(one.networks), [where]) or (name and below(name, one.domains))]
    found = merge(Span(0, *edges) for one in held for edges in one.ports)
    shown = ",".join(str(one.first) if one.size == 1 else f"{one.first}-{one.last}" for one in found)
    return f"Ask for --ports {shown} or some of them, or widen the scope's entry."


def outside(scope: Scope, wanted: list[Span], ports: Ports = ()) -> list[Span]:
    """Return the part of `wanted` that may not be looked at and is no fixed denial or exclusion (those are left out silently)."""
    silent = merge((*DENIED, *_excluded(scope.excluded)))
    return subtract(subtract(wanted, allowed(scope, ports)), silent)


def inside(scope: Scope, wanted: list[Span], ports: Ports = ()) -> list[Span]:
    """Return the part of `wanted` that may be looked at on all of these ports."""
    return intersect(wanted, allowed(scope, ports))
