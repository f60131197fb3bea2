"""What an organisation wants to be looked at every day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.schemas import TARGETS_MAX
from watchfloor.kernel.assets.queries import list_assets
from watchfloor.kernel.assets.scope import allowed, allows
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy.orm import Session

NAME: Final = "daily security scan"
TAG: Final = "daily"
PAGE: Final = 500
UNFINISHED = (
    "select id from scan where org = %s and id <> %s and request->>'name' = %s and state in ('planned', 'running') order by id desc limit 1"
)


def targets(session: Session, org: UUID, configured: Iterable[str]) -> list[str]:
    """Return hosts tagged `daily` and those configured targets that the scope allows; of both only what is in the scope now."""
    scope = allowed(session, org)
    found = dict.fromkeys((*_tagged(session, org), *(plain for one in configured if (plain := one.strip()))))
    return [target for target in found if _allows(scope, target)][:TARGETS_MAX]


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


def _allows(scope: tuple[str, ...], target: str) -> bool:
    try:
        return allows(scope, target)
    except InvalidInput:
        return False
