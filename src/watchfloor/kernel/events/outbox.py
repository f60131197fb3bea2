"""Say what happened, in the transaction that did it: the row is the event, whoever listens reads it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import ring_after_commit, wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


WAKE: Final = "wf_event"
HEARD: Final = "heard"
PLAIN: Final = """
insert into event (org, id, name, severity, data, job) values (%(org)s, %(id)s, %(name)s, %(severity)s, %(data)s, %(job)s)
"""
# What an event starts waits beside it, written by the statement that writes the event.
EMIT: Final = """
with new as (
  insert into event (org, id, name, severity, data, job) values (%(org)s, %(id)s, %(name)s, %(severity)s, %(data)s, %(job)s) returning org, id),
due as (insert into event_due (org, kind, due_at, event)
  select n.org, r.kind, wf_now() + r.delay, n.id from new n join reaction r on r.event = any (%(names)s) on conflict do nothing)
select array_agg(distinct event) from reaction
"""


def emit(
    session: Session,
    org: UUID,
    name: str,
    *,
    severity: Severity = Severity.INFO,
    data: dict[str, Any] | None = None,
    job: UUID | None = None,
) -> UUID:
    """Add one event such as finding.opened; a transaction that rolls back never happened. Reactions to it start after the commit."""
    event, names = new_id(), heard_as(name)
    values = {"org": org, "id": event, "name": name, "severity": str(severity), "data": Jsonb(data or {}), "job": job}
    wire, heard = wire_of(session), session.info.get(HEARD)
    if heard is None or not heard.isdisjoint(names):
        # The first event of a transaction learns what is reacted to; one that starts nothing costs no more than its row from then on.
        row: Any = wire.execute(EMIT, {**values, "names": names}, prepare=True).fetchone()
        heard = session.info[HEARD] = frozenset(row[0] or ())
        if not heard.isdisjoint(names):
            ring_after_commit(session, WAKE)
    else:
        wire.execute(PLAIN, values, prepare=True)
    return event


def heard_as(name: str) -> list[str]:
    """Return what a reaction to this event may name: the event, all of its noun, or all."""
    return [name, f"{name.partition('.')[0]}.*", "*"]
