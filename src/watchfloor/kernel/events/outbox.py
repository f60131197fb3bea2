"""Say what happened, in the transaction that did it: the row is the event, whoever listens reads it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


def emit(
    session: Session,
    org: UUID,
    name: str,
    *,
    severity: Severity = Severity.INFO,
    data: dict[str, Any] | None = None,
    job: UUID | None = None,
) -> UUID:
    """Add one event such as finding.opened; a transaction that rolls back never happened."""
    event = new_id()
    wire_of(session).execute(
        "insert into event (org, id, name, severity, data, job) values (%s, %s, %s, %s, %s, %s)",
        (org, event, name, str(severity), Jsonb(data or {}), job),
        prepare=True,
    )
    return event
