"""Whether a report's stored file is still there; one that is not is marked as lost, so that nobody is sent to it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.reports.queries import ending
from watchfloor.kernel.artifacts.store import is_whole

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


def is_kept(ledger: Ledger, org: UUID, artifact: UUID | None) -> bool:
    """Tell whether the file of a report or a snapshot is there; otherwise it is marked as lost.

    Raises:
        SourceUnavailable: The place does not answer, and nothing is known.
    """
    if artifact is not None and is_whole(ledger, org, artifact):
        return True
    with ledger.database.transaction(org) as session:
        ending.mark_lost(session, org, [artifact] if artifact is not None else [])
    return False
