"""See to it that a job comes when something is due, not when the next look is: schedules are the net beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.queries import due
from watchfloor.kernel.db.session import ring_after_commit
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind

NEXT: Final = "next"


def wake_at(
    session: Session, org: UUID, kind: JobKind[Any, Any], at: datetime | None, *, actor: str, label: str = NEXT, **arguments: str
) -> None:  # fmt: skip
    """Let a job of this kind and label run then, unless one waits that runs by then; nothing is due where there is no such moment.

    Call it in the transaction that says when something is due.
    """
    if at is not None and not due.somebody_waits(session, org, kind.name, label, at):
        options = Options(actor=actor or "notifications", label=label, run_at=at)
        enqueue(ledger(), session, org, kind, kind.arguments(**arguments), options)
        ring_after_commit(session, "wf_ready")
