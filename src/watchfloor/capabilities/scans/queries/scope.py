"""Read what an organisation allows to be looked at, in the shape the engine knows."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.schemas import Scope
from watchfloor.kernel.assets.scope import allowed

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


def scope_of(session: Session, org: UUID) -> Scope:
    """Return what the organisation allows to be looked at now."""
    networks, domains = [], []
    for target in allowed(session, org):
        try:
            networks.append(str(ip_network(target)))
        except ValueError:
            domains.append(target)
    return Scope(networks=tuple(networks), domains=tuple(domains))
