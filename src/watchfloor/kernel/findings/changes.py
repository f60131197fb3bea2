"""Tell of a finding's change of state: a row of its history, an event and, but for its first sight, an audit row; always all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchfloor.kernel.audit.record import record_many
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import Told, emit_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

EVENTS: Final = {"open": "reopened", "fixed": "fixed", "accepted": "accepted", "false_positive": "false_positive"}
EXPIRED: Final = "the acceptance has expired"
COLUMNS: Final = 'id, state, severity, capability, "check", target, protocol, port, title'


@dataclass(frozen=True)
class Subject:
    """A finding whose state changed, as `COLUMNS` select it; `state` is the one before, None for a new finding."""

    id: UUID
    state: str | None
    severity: str
    capability: str
    check: str
    target: str
    protocol: str
    port: int | None
    title: str


def tell(
    session: Session, org: UUID, changed: Sequence[Subject], *, to: str, actor: str, operation: str, reason: str, until: datetime | None = None,
    job: UUID | None = None, quiet: bool = False,
) -> None:  # fmt: skip
    """Write down that these findings, whose rows the caller changed in this transaction, are in the state `to` now.

    `quiet` is for what comes by the thousand and is told as a whole by somebody else: the events are history and start nothing.
    """
    if not changed:
        return
    wire_of(session).execute(
        "insert into finding_change (org, id, finding, from_state, to_state, accepted_until, actor, reason, job) "
        "select %s, id, finding, before, %s, %s, %s, %s, %s from unnest(%s::uuid[], %s::uuid[], %s::text[]) as told (id, finding, before)",
        (org, to, until, actor, reason, job, [new_id() for _ in changed], [one.id for one in changed], [one.state for one in changed]),
        prepare=True,
    )
    emit_all(session, org, [_told(one, to, actor, reason, until, quiet=quiet) for one in changed], job=job)
    reasons = {str(one.id): f"{one.state} to {to}: {reason}" for one in changed if one.state is not None}
    record_many(session, org, actor=actor, operation=operation, objects=reasons)


def _told(one: Subject, to: str, actor: str, reason: str, until: datetime | None, *, quiet: bool) -> Told:
    name = "finding.opened" if one.state is None else f"finding.{EVENTS[to]}"
    data = {
        "finding": str(one.id), "capability": one.capability, "check": one.check, "target": one.target, "port": one.port,
        "protocol": one.protocol, "title": one.title, "reason": reason, "actor": actor,
    }  # fmt: skip
    return Told(name, Severity(one.severity), data | ({} if until is None else {"until": until.isoformat()}), quiet=quiet)
