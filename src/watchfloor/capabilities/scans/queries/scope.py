"""Read what an organisation allows to be looked at, and which assets its tags stand for, in the shapes the engine knows."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.plan import Known
from watchfloor.capabilities.scans.schemas import ControlPoint, PortRange, PortScope, Scope
from watchfloor.kernel.assets.control import control_points
from watchfloor.kernel.assets.inventory import tagged
from watchfloor.kernel.assets.scope import in_force

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session


def scope_of(session: Session, org: UUID) -> Scope:
    """Return what the organisation allows to be looked at now, what it excluded, and what of ours no scan contacts."""
    networks: dict[str, list[str]] = {}
    domains: dict[str, list[str]] = {}
    excluded: tuple[list[str], list[str]] = [], []
    for entry in in_force(session, org):
        is_name = _is_name(entry.target)
        if entry.exclude:
            excluded[is_name].append(entry.target)
        else:
            (domains if is_name else networks).setdefault(entry.ports or "", []).append(entry.target)
    return Scope(
        networks=tuple(networks.pop("", ())), domains=tuple(domains.pop("", ())), excluded=tuple(excluded[0]), excluded_names=tuple(excluded[1]),
        limited=tuple(
            PortScope(ports=_ports(text), networks=tuple(networks.get(text, ())), domains=tuple(domains.get(text, ())))
            for text in sorted({*networks, *domains})
        ),
        control=control(),
    )  # fmt: skip


def control() -> tuple[ControlPoint, ...]:
    """Return the addresses and ports of this installation itself."""
    found = []
    for point in control_points():
        network = ip_network(point.network)
        found.append(ControlPoint(first=str(network[0]), last=str(network[-1]), port=point.port, what=point.what))
    return tuple(found)


def known_assets(session: Session, org: UUID, tags: Sequence[str]) -> tuple[Known, ...]:
    """Return the hosts that have one of these tags now."""
    found = tagged(session, org, tags, kind="host")
    return tuple(Known(address=one.key, names=one.names) for one in found if _is_address(one.key))


def _is_name(target: str) -> bool:
    try:
        ip_network(target)
    except ValueError:
        return True
    return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ports(text: str) -> tuple[PortRange, ...]:
    ends = (part.partition("-") for part in text.split(","))
    return tuple((int(first), int(last or first)) for first, _, last in ends)
