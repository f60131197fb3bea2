"""Read the audit trail, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from watchfloor.kernel.audit.models import AuditEntry
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session


class EntryView(BaseModel):
    """One action, done or refused."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    at: datetime
    actor: str
    operation: str
    object: str
    outcome: str
    reason: str | None
    request_id: str | None
    address: str | None


def list_entries(
    session: Session, org: UUID, *, actor: str | None = None, operation: str | None = None, object: str | None = None,  # noqa: A002 - the audit's own word
    outcome: str | None = None, since: datetime | None = None, limit: int = LIMIT, after: str | None = None,
) -> Page[EntryView]:  # fmt: skip
    """List audit entries, newest first."""
    query = matching(
        select(AuditEntry).where(AuditEntry.org == org),
        {
            AuditEntry.actor: [actor] if actor else [],
            AuditEntry.operation: words("operation", operation),
            AuditEntry.object: [object] if object else [],
            AuditEntry.outcome: words("outcome", outcome),
        },
    )
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    return page(session, query, [AuditEntry.at, AuditEntry.id], shape=_view, limit=limit, after=after)


def _view(row: Row[Any]) -> EntryView:
    return EntryView(**{name: getattr(row[0], name) for name in EntryView.model_fields})
