"""What an organisation wants to be looked at every day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.plan import ports_by_protocol
from watchfloor.capabilities.scans.engine.ranges import Span, holds
from watchfloor.capabilities.scans.engine.targets import parse_target
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.capabilities.scans.schemas import TARGETS_MAX
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel.assets.queries import list_assets
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.scope import Ports
    from watchfloor.capabilities.scans.schemas import Scope

NAME: Final = "daily security scan"
TAG: Final = "daily"
PAGE: Final = 500
UNFINISHED = (
    "select id from scan where org = %s and id <> %s and request->>'name' = %s and state in ('planned', 'running') order by id desc limit 1"
)


def targets(session: Session, org: UUID, configured: Iterable[str]) -> list[str]:
    """Return hosts tagged `daily` and those configured targets that the scope allows; of both only what is in the scope now."""
    scope = scope_of(session, org)
    groups, udp = ports_by_protocol(read_settings(ScanSettings, "scans").ports)
    ports = (*(one for group in groups for one in group.ports), *udp)
    found = dict.fromkeys((*_tagged(session, org), *(plain for one in configured if (plain := one.strip()))))
    return [target for target in found if _allows(scope, ports, target)][:TARGETS_MAX]


def unfinished(session: Session, org: UUID, *, other_than: UUID) -> UUID | None:
    """Return a daily scan that has not ended."""
    row = wire_of(session).execute(UNFINISHED, (org, other_than, NAME)).fetchone()
    return row[0] if row else None


def _tagged(session: Session, org: UUID) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while len(found) < TARGETS_MAX:
        page = list_assets(session, org, kind="host", tag=TAG, limit=PAGE, after=after)
        found += [asset.key for asset in page.items]
        after = page.next
        if after is None:
            break
    return found


def _allows(scope: Scope, ports: Ports, target: str) -> bool:
    try:
        one = parse_target(target)
    except ValueError:
        return False
    if isinstance(one, Span):
        return holds(allowing.allowed(scope, ports), one)
    return isinstance(one, str) and allowing.in_domains(scope, one, ports)
