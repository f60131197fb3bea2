"""What an organisation allowed to be looked at: by whom, on which ports, from when until when; and what it excluded."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING

import psutil

from watchfloor.kernel import clock
from watchfloor.kernel.assets.target import LOOPBACK, Network, denied, parse_ports, parse_target
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

ENTRIES_MAX = 10_000
LIMITED_MAX = 200
YEAR = timedelta(days=366)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is allowed, or excluded: a network as CIDR text or a domain, and the only ports where they are limited."""

    target: str
    exclude: bool = False
    ports: str | None = None


def in_force(session: Session, org: UUID) -> tuple[Entry, ...]:
    """Return what counts now, allowed and excluded, without entries that have expired or not begun."""
    sql = (
        "select target, kind = 'exclude', ports from scope where org = %s and valid_from <= wf_now() "
        "and (expires_at is null or expires_at > wf_now()) order by target, kind limit %s"
    )
    rows = wire_of(session).execute(sql, (org, ENTRIES_MAX)).fetchall()
    return tuple(Entry(target=row[0], exclude=row[1], ports=row[2]) for row in rows)


def allowed(session: Session, org: UUID) -> tuple[str, ...]:
    """Return the targets that may be looked at now on one port at least; exclusions are not taken out."""
    return tuple(entry.target for entry in in_force(session, org) if not entry.exclude)


def add_scope(
    session: Session, org: UUID, target: str, *, actor: str, exclude: bool = False, ports: str | None = None, reason: str = "",
    approved_by: str = "", proof: str = "", valid_from: datetime | None = None, expires_at: datetime | None = None,
) -> UUID:  # fmt: skip
    """Allow or exclude a network, an address or a domain; audited. What is allowed ends after a year unless it ends before.

    Raises:
        InvalidInput: It is neither, wider than a /8 (IPv6: /32), never to be contacted, or its time or ports make no sense.
        Conflict: It is in the scope already, or there are too many entries.
    """
    if exclude and ports:
        raise InvalidInput("an exclusion holds for all ports; leave the ports out", field="/ports")
    wanted = str(parse_target(target, widest=not exclude))
    limited = parse_ports(ports) if ports else None
    _demand_times(valid_from, expires_at, exclude=exclude)
    entry = new_id()
    values = {
        "org": org, "id": entry, "kind": "exclude" if exclude else "allow", "target": wanted, "ports": limited, "reason": reason,
        "approved_by": approved_by or actor, "proof": proof, "actor": actor, "from": valid_from, "until": expires_at, "exclude": exclude,
    }  # fmt: skip
    if wire_of(session).execute(ADD, values).fetchone() is None:
        message = f"{target} is {'excluded' if exclude else 'in the scope'} already; remove it first to change anything about it"
        raise Conflict(message)
    _demand_room(session, org)
    said = [
        reason,
        f"ports {limited}" if limited else "",
        f"allowed by {approved_by}" if approved_by else "",
        f"proof: {proof}" if proof else "",
    ]
    record(
        session, org, actor=actor, operation="scope.exclude" if exclude else "scope.add", object=target,
        reason="; ".join(part for part in said if part) or None,
    )  # fmt: skip
    return entry


ADD = """
insert into scope as s (org, id, kind, target, ports, reason, approved_by, proof, created_by, valid_from, expires_at)
values (%(org)s, %(id)s, %(kind)s, %(target)s, %(ports)s, %(reason)s, %(approved_by)s, %(proof)s, %(actor)s, coalesce(%(from)s, wf_now()),
  case when %(exclude)s then %(until)s::timestamptz else coalesce(%(until)s, coalesce(%(from)s, wf_now()) + interval '365 days') end)
on conflict (org, kind, target) do update set id = excluded.id, ports = excluded.ports, reason = excluded.reason,
  approved_by = excluded.approved_by, proof = excluded.proof, created_by = excluded.created_by, created_at = wf_now(),
  valid_from = excluded.valid_from, expires_at = excluded.expires_at
where s.expires_at <= wf_now() returning id
"""


def _demand_times(valid_from: datetime | None, expires_at: datetime | None, *, exclude: bool) -> None:
    now = clock.now()
    begins = valid_from or now
    if begins > now + YEAR:
        raise InvalidInput("valid_from is more than a year ahead; add the entry when its time is near", field="/valid_from")
    if expires_at is None:
        return
    if expires_at <= max(begins, now):
        raise InvalidInput("expires_at is not after now and valid_from; an entry that never counts is none", field="/expires_at")
    if not exclude and expires_at - begins > YEAR:
        raise InvalidInput(
            "expires_at is more than a year after valid_from; nobody's permission lasts longer. Renew it then.", field="/expires_at"
        )


def _demand_room(session: Session, org: UUID) -> None:
    row = wire_of(session).execute("select count(*), count(ports) from scope where org = %s", (org,)).fetchone()
    if row and (row[0] > ENTRIES_MAX or row[1] > LIMITED_MAX):
        message = f"a scope has {ENTRIES_MAX:,} entries at most, {LIMITED_MAX} of them with ports; remove some, or join networks"
        raise Conflict(message)


def remove_scope(session: Session, org: UUID, entry: UUID, *, actor: str) -> None:
    """Forbid again what an entry allowed, or end an exclusion; audited. Raises NotFound."""
    sql = "delete from scope where org = %s and id = %s returning target, kind"
    row = wire_of(session).execute(sql, (org, entry)).fetchone()
    if row is None:
        message = f"there is no scope entry {entry}; `watchfloor scope list` shows those there are"
        raise NotFound(message)
    said = "it is no longer excluded" if row[1] == "exclude" else None
    record(session, org, actor=actor, operation="scope.remove", object=row[0], reason=said)


def ensure_default_scope(session: Session, org: UUID) -> None:
    """Give a new organisation of the embedded floor its first scope: loopback and this machine's own private networks, without expiry.

    Does nothing once the organisation has, or ever had, an entry: what was removed stays removed.
    """
    wire = wire_of(session)
    sql = "select exists (select 1 from scope where org = %(org)s) or exists (select 1 from audit_entry where org = %(org)s and operation = 'scope.default')"
    if wire.execute(sql, {"org": org}).fetchone() == (True,):
        return
    for network in own_networks():
        wire.execute(
            "insert into scope (org, id, target, reason, approved_by, created_by) values (%s, %s, %s, %s, 'system', 'system') on conflict do nothing",
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
            if network.is_private and not network.is_link_local and not denied(network):
                found.append(network)
    fours = [network for network in found if isinstance(network, IPv4Network)]
    return [*collapse_addresses(fours), *collapse_addresses([network for network in found if isinstance(network, IPv6Network)])]
