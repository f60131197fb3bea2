"""Whether an organisation was told lately that its reports are short of room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

EVENT: Final = "reports.short_of_room"
LATELY: Final = "select exists (select from event where org = %s and name = %s and at > wf_now() - interval '1 hour')"


def is_news(session: Session, org: UUID) -> bool:
    """Tell whether the event was not told for an hour; of jobs that ask at the same time, the others wait until the first one has told it."""
    wire = wire_of(session)
    wire.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{EVENT}|{org}",))
    row: Any = wire.execute(LATELY, (org, EVENT)).fetchone()
    return not row[0]
