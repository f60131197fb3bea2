"""What a scope entry names: a network, an address or a domain in one spelling, refused where no approval could make it right. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from watchfloor.kernel.errors import InvalidInput

Network: TypeAlias = IPv4Network | IPv6Network

# One label, then at least one more: a whole top-level domain is nobody's own.
DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
# Never contacted, whoever approves: metadata services, multicast, broadcast, reserved. The scan's engine checks once more.
DENIED = tuple(ip_network(text) for text in (
    "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "169.254.169.254/32", "169.254.169.253/32", "169.254.170.2/32", "169.254.170.23/32",
    "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "::/128", "ff00::/8", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
))  # fmt: skip
# IPv6 that carries an IPv4 address; ::1 is the one address of the first that is no such thing.
WRAPPED = tuple(
    ip_network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
WIDEST = {4: 8, 6: 32}
PORT_MAX = 65_535
PORT_RANGES_MAX = 20


def parse_target(text: str, *, widest: bool = True) -> Network | str:
    """Return a network, or a domain in lower case; `widest` refuses what is too wide to be one organisation's, or hides IPv4 in IPv6.

    Raises:
        InvalidInput: Neither, or never to be contacted.
    """
    plain = text.strip().lower().rstrip(".")
    try:
        network = ip_network(plain.strip("[]"), strict=False)
    except ValueError:
        return _domain(plain, text)
    if denied(network):
        message = f"{text} is a metadata service, multicast, broadcast or reserved and is never contacted"
        raise InvalidInput(message, field="/target")
    if widest and network not in LOOPBACK and any(inside(network, wrapped) for wrapped in WRAPPED):
        message = f"{text} is IPv4 written as IPv6; write the IPv4 address or network itself"
        raise InvalidInput(message, field="/target")
    if widest and network.prefixlen < WIDEST[network.version]:
        message = f"{text} is wider than a /{WIDEST[network.version]}; add the networks you really own"
        raise InvalidInput(message, field="/target")
    return network


def _domain(plain: str, text: str) -> str:
    name = plain.removeprefix("*.")
    try:
        name = name.encode("idna").decode() if not name.isascii() else name
    except UnicodeError:
        name = ""
    if not DOMAIN.fullmatch(name) or len(name) > 253 or name.rpartition(".")[2].isdigit():  # noqa: PLR2004 - RFC 1035
        message = f"{text[:80]!r} is neither an address, a network such as 192.0.2.0/24, nor a domain such as example.org"
        raise InvalidInput(message, field="/target")
    return name


def parse_ports(text: str) -> str:
    """Return ports such as `443, 80-90` in one spelling, sorted and merged: `80-90,443`.

    Raises:
        InvalidInput: A part is no port or range, or there are more than 20 ranges.
    """
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        ends = part.strip().split("-")
        numbers = [int(end) for end in ends if end.isascii() and end.isdigit() and len(end) <= len(str(PORT_MAX))]
        if len(numbers) != len(ends) or len(ends) > 2 or not 1 <= numbers[0] <= numbers[-1] <= PORT_MAX:  # noqa: PLR2004 - first and last
            raise InvalidInput(f"{part.strip()[:40]!r} is no port or range from 1 to {PORT_MAX}; write 80,443,8000-8100", field="/ports")
        found.append((numbers[0], numbers[-1]))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(found):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    if len(merged) > PORT_RANGES_MAX:
        raise InvalidInput(f"these are {len(merged)} ranges of ports; an entry has {PORT_RANGES_MAX} at most", field="/ports")
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in merged)


def denied(network: Network) -> bool:
    """Tell whether every address of a network is one that is never contacted."""
    return any(inside(network, one) for one in DENIED)


def inside(inner: Network, outer: Network) -> bool:
    """Tell whether a network lies wholly in another."""
    return inner.version == outer.version and inner.network_address in outer and inner.broadcast_address in outer
