"""Where a URL really points, and whether that may be reached. Pure: names are resolved elsewhere, answers are judged here."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from watchfloor.kernel.errors import EgressRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Network: TypeAlias = IPv4Network | IPv6Network
PORTS = {"http": 80, "https": 443}
LONGEST_URL = 8000

# Every range of IANA's special-purpose registries that is not reachable from everywhere.
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_PRIVATE = (ip_network("10.0.0.0/8"), ip_network("172.16.0.0/12"), ip_network("192.168.0.0/16"), ip_network("fc00::/7"))
_SHARED = (ip_network("100.64.0.0/10"),)
_FORBIDDEN: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # protocol assignments, among them Teredo
        "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is given out for use from everywhere
# Where clouds tell a machine its secrets, whatever range that is in.
_METADATA = {
    ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
}
_METADATA_NAMES = {
    "instance-data", "instance-data.ec2.internal", "metadata", "metadata.azure.internal", "metadata.goog", "metadata.google.internal",
    "metadata.packet.net", "metadata.platformequinix.com", "metadata.tencentyun.com",
}  # fmt: skip
# IPv4 inside IPv6, as (network, bits to the right of it): compatible, mapped, translated, NAT64, 6to4.
_WRAPPED = (
    (IPv6Network("::/96"), 0), (IPv6Network("::ffff:0:0/96"), 0), (IPv6Network("::ffff:0:0:0/96"), 0), (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)  # fmt: skip
_UNSAFE = re.compile("[\\x00-\\x20\\x7f-\\xa0\\\\\u2028\u2029]")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_NUMBERS = ((re.compile(r"0x[0-9a-f]*", re.ASCII), 16), (re.compile(r"0[0-7]*", re.ASCII), 8), (re.compile(r"[1-9][0-9]*", re.ASCII), 10))


class Sort(StrEnum):
    """What an address is."""

    PUBLIC = "public"
    PRIVATE = "private"
    SHARED = "shared by a carrier's customers"
    LOOPBACK = "this machine itself"
    METADATA = "a cloud's metadata service"
    FORBIDDEN = "reserved"


_LISTABLE = {Sort.PRIVATE, Sort.SHARED, Sort.LOOPBACK}


@dataclass(frozen=True)
class Location:
    """Where a URL points: `host` is a name in its ASCII form or a plain address, `target` the path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """Return scheme, host and port, always written out."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Return host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return it as one text."""
        return self.origin + self.target


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Who may be asked.

    `hosts` are names that may be asked over TLS at `ports`; None means any. `own` are origins that the operator named as their own, such as
    a mirror: these alone may be without TLS, on this machine or in a private network. `networks` are private networks where any host may
    be; with `near` they may be this machine's own and those that carriers share, too. `plain` allows HTTP without TLS everywhere.
    """

    hosts: frozenset[str] | None = None
    own: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})
    plain: bool = False
    near: bool = False

    def __post_init__(self) -> None:
        """Refuse networks that nobody may list."""
        listable = (*_PRIVATE, *_LOOPBACK, *_SHARED) if self.near else _PRIVATE
        for network in self.networks:
            if not any(_inside(network, one) for one in listable):
                message = f"{network} cannot be allowed: only parts of {', '.join(map(str, listable))} can"
                raise ValueError(message)

    def check(self, location: Location) -> None:
        """Raise EgressRefused for what may not be asked, before its name is looked up."""
        if location.origin in self.own:
            return
        if location.scheme != "https" and not self.plain:
            raise EgressRefused(f"{location.origin} is not encrypted; only a mirror that is set as http:// is asked without TLS.")
        if location.port not in self.ports:
            raise EgressRefused(f"{location.origin}: port {location.port} is not one of {', '.join(map(str, sorted(self.ports)))}.")
        if self.hosts is not None and location.host not in self.hosts:
            raise EgressRefused(f"{location.host} is not one of the hosts that may be asked: {', '.join(sorted(self.hosts)) or 'none'}.")

    def judge(self, origin: str, host: str, answers: Iterable[str]) -> list[str]:
        """Return every address of a host in order; EgressRefused if a single one of them may not be reached."""
        if host in _METADATA_NAMES:
            raise EgressRefused(f"{host} is {Sort.METADATA.value}, which is never asked.")
        found = list(dict.fromkeys(answers))
        for text in found:
            self._judge(origin in self.own, host, text)
        return found

    def _judge(self, own: bool, host: str, text: str) -> None:  # noqa: FBT001 - private
        named = text if text == host else f"{host} is at {text}, which"
        address = _address(text)
        sort = sort_of(address)
        listed = sort in _LISTABLE and _within(address, self.networks)
        if sort is not Sort.PUBLIC and not listed and not (own and sort in _LISTABLE):
            raise EgressRefused(f"{named} is {sort.value}; only public addresses are reached unless an operator names others.")


def sort_of(address: IPv4Address | IPv6Address) -> Sort:  # noqa: PLR0911 - one per sort
    """Say what an address is; one that carries an IPv4 address is what that is, but never private or this machine."""
    if address in _METADATA:
        return Sort.METADATA
    if _within(address, _LOOPBACK):
        return Sort.LOOPBACK
    if isinstance(address, IPv6Address) and (inner := _inner(address)) is not None:
        found = sort_of(inner)
        return found if found in {Sort.PUBLIC, Sort.METADATA} else Sort.FORBIDDEN
    if _within(address, _PRIVATE):
        return Sort.PRIVATE
    if _within(address, _SHARED):
        return Sort.SHARED
    if _within(address, _FORBIDDEN) or (isinstance(address, IPv6Address) and address not in _UNICAST):
        return Sort.FORBIDDEN
    return Sort.PUBLIC


def is_address(host: str) -> bool:
    """Tell whether a location's host is an address rather than a name."""
    return ":" in host or host.replace(".", "").isdigit()


@lru_cache(maxsize=256)
def locate(url: str) -> Location:
    """Read a URL strictly, so that nobody reads it differently.

    Raises:
        EgressRefused: It is not http or https, names a user, or has a host that is no name and no address.
    """
    shown = ascii(url[:200])
    if len(url) > LONGEST_URL or _UNSAFE.search(url):
        raise EgressRefused(
            f"{shown} is no address that can be asked: it is too long or has blanks, backslashes or control characters in it."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EgressRefused(f"{shown} is no address that can be asked: {error}.") from None
    if parts.scheme not in PORTS or "@" in parts.netloc or not parts.hostname or port == 0:
        raise EgressRefused(f"{shown} is no address that can be asked: it must be http:// or https://, a host, no user, no password.")
    bracketed = parts.netloc.startswith("[")
    host = _bracketed(parts.hostname) if bracketed else host_named(parts.hostname)
    if host is None:
        raise EgressRefused(f"{shown} names no host that can be looked up.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Location(parts.scheme, host, port or PORTS[parts.scheme], _escaped(target))


def host_named(text: str) -> str | None:
    """Return a host as it is looked up: a lower-case ASCII name, or the plain form of an address however it is spelled; None for neither."""
    plain = unicodedata.normalize("NFKC", text).replace("\u3002", ".").lower().removesuffix(".")
    if re.search(r"(?:^|\.)(?:0x[0-9a-f]*|[0-9]+)$", plain, re.ASCII):
        return _ipv4(plain)
    try:
        name = plain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return name if _NAME.fullmatch(name) and len(name) <= 253 else None  # noqa: PLR2004 - what a name on the wire holds


def _ipv4(text: str) -> str | None:
    """Read what inet_aton reads: one to four numbers, decimal, octal or hexadecimal, the last one filling the rest."""
    parts = text.split(".")
    numbers = [_number(part) for part in parts]
    if len(parts) > 4 or None in numbers:  # noqa: PLR2004 - bytes of an address
        return None
    *front, last = [number for number in numbers if number is not None]
    if any(number > 0xFF for number in front) or last >= 256 ** (5 - len(parts)):  # noqa: PLR2004 - a byte
        return None
    value = last + sum(number << (24 - 8 * place) for place, number in enumerate(front))
    return str(IPv4Address(value))


def _number(text: str) -> int | None:
    if len(text) > 40:  # noqa: PLR2004 - longer than any address is written
        return None
    for pattern, base in _NUMBERS:
        if pattern.fullmatch(text):
            return int(text.removeprefix("0x") or "0", base)
    return None


def _bracketed(text: str) -> str | None:
    try:
        found = IPv6Address(text)
    except ValueError:
        return None
    return None if found.scope_id else str(found)


def _escaped(target: str) -> str:
    """Write what is not ASCII as UTF-8 in percent form."""
    return "".join(letter if letter.isascii() else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in target)


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        found = ip_address(text)
    except ValueError:
        raise EgressRefused(f"{text[:100]!a} is no address.") from None
    if isinstance(found, IPv6Address) and found.scope_id:
        raise EgressRefused(f"{text[:100]} belongs to one link only, which is never reached.")
    return found


def _inner(address: IPv6Address) -> IPv4Address | None:
    for network, shift in _WRAPPED:
        if address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def _within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _inside(network: Network, other: Network) -> bool:
    return network.version == other.version and network.network_address in other and network.prefixlen >= other.prefixlen
