"""What an organisation allowed to be looked at: networks and domains, refused where no approval could make it right."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, TypeAlias

import psutil

from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

Network: TypeAlias = IPv4Network | IPv6Network

ENTRIES_MAX = 10_000
# One label, then at least one more: a whole top-level domain is nobody's own.
DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
# Never contacted, whoever approves: metadata services, multicast, broadcast, reserved. The scan's engine checks once more.
DENIED = tuple(ip_network(text) for text in (
    "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "169.254.169.254/32", "100.100.100.200/32", "::/128", "ff00::/8", "fd00:ec2::254/128",
))  # fmt: skip
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
WIDEST = {4: 8, 6: 32}


def allowed(session: Session, org: UUID) -> tuple[str, ...]:
    """Return what may be looked at now: networks as CIDR text, domains as names, without expired entries."""
    sql = "select target from scope where org = %s and (expires_at is null or expires_at > wf_now()) order by target limit %s"
    return tuple(row[0] for row in wire_of(session).execute(sql, (org, ENTRIES_MAX)).fetchall())


def allows(targets: Iterable[str], wanted: str) -> bool:
    """Tell whether one of the scope's targets covers a network, address or name as a whole; a domain covers its subdomains. Pure."""
    asked = parse_target(wanted, widest=False)
    for target in targets:
        own = parse_target(target, widest=False)
        if isinstance(asked, str) or isinstance(own, str):
            if isinstance(asked, str) and isinstance(own, str) and (asked == own or asked.endswith("." + own)):
                return True
        elif _inside(asked, own):
            return True
    return False


def add_scope(session: Session, org: UUID, target: str, *, actor: str, reason: str = "", expires_at: datetime | None = None) -> UUID:
    """Allow a network, an address or a domain; audited.

    Raises:
        InvalidInput: It is neither, wider than a /8 (IPv6: /32), or never to be contacted.
        Conflict: It is in the scope already.
    """
    entry = new_id()
    made = wire_of(session).execute(
        "insert into scope as s (org, id, target, reason, created_by, expires_at) values (%s, %s, %s, %s, %s, %s) "
        "on conflict (org, target) do update set id = excluded.id, reason = excluded.reason, created_by = excluded.created_by, "
        "created_at = wf_now(), expires_at = excluded.expires_at where s.expires_at <= wf_now() returning id",
        (org, entry, str(parse_target(target)), reason, actor, expires_at),
    )
    if made.fetchone() is None:
        message = f"{target} is in the scope already; remove it first to change its reason or expiry"
        raise Conflict(message)
    record(session, org, actor=actor, operation="scope.add", object=target, reason=reason or None)
    return entry


def remove_scope(session: Session, org: UUID, entry: UUID, *, actor: str) -> None:
    """Forbid again what an entry allowed; audited. Raises NotFound."""
    row = wire_of(session).execute("delete from scope where org = %s and id = %s returning target", (org, entry)).fetchone()
    if row is None:
        message = f"there is no scope entry {entry}; `watchfloor scope list` shows those there are"
        raise NotFound(message)
    record(session, org, actor=actor, operation="scope.remove", object=row[0])


def ensure_default_scope(session: Session, org: UUID) -> None:
    """Give a new organisation of the embedded floor its first scope: loopback and this machine's own private networks.

    Does nothing once the organisation has, or ever had, an entry: what was removed stays removed.
    """
    wire = wire_of(session)
    sql = "select exists (select 1 from scope where org = %(org)s) or exists (select 1 from audit_entry where org = %(org)s and operation = 'scope.default')"
    if wire.execute(sql, {"org": org}).fetchone() == (True,):
        return
    for network in own_networks():
        wire.execute(
            "insert into scope (org, id, target, reason, created_by) values (%s, %s, %s, %s, 'system') on conflict do nothing",
            (org, new_id(), str(network), "default: this machine and its private networks"),
        )
    record(session, org, actor="system", operation="scope.default", object=str(org))


def own_networks() -> list[Network]:
    """Return loopback and the private networks this machine has an address in, wide ones cut to the /16 (IPv6: /64) around it."""
    found: list[Network] = list(LOOPBACK)
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family not in {socket.AF_INET, socket.AF_INET6} or not address.netmask:
                continue
            # psutil writes IPv6 masks as addresses, which ipaddress does not read.
            bits = int.from_bytes(socket.inet_pton(address.family, address.netmask), "big").bit_count()
            floor = 16 if address.family == socket.AF_INET else 64
            network = ip_network(f"{address.address.partition('%')[0]}/{max(bits, floor)}", strict=False)
            if network.is_private and not network.is_link_local and not _denied(network):
                found.append(network)
    fours = [network for network in found if isinstance(network, IPv4Network)]
    return [*collapse_addresses(fours), *collapse_addresses([network for network in found if isinstance(network, IPv6Network)])]


def parse_target(text: str, *, widest: bool = True) -> Network | str:
    """Return a network, or a domain in lower case; `widest` refuses what is too wide to be one organisation's.

    Raises:
        InvalidInput: Neither, or never to be contacted.
    """
    plain = text.strip().lower().rstrip(".")
    try:
        network = ip_network(plain.strip("[]"), strict=False)
    except ValueError:
        return _domain(plain, text)
    if _denied(network):
        message = f"{text} is a metadata service, multicast, broadcast or reserved and is never contacted"
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


def _denied(network: Network) -> bool:
    return any(_inside(network, denied) for denied in DENIED)


def _inside(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.network_address in outer and inner.broadcast_address in outer
