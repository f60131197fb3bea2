"""Say what happened, in the transaction that did it: the row is the event, whoever listens reads it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import ring_after_commit, wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Wire


WAKE: Final = "wf_event"
HEARD: Final = "heard"
ROWS: Final = """
insert into event (org, id, name, severity, data, job)
select %(org)s, id, name, severity, data, %(job)s from unnest(%(ids)s::uuid[], %(names)s::text[], %(severities)s::text[], %(data)s::jsonb[])
  as told (id, name, severity, data)
"""
# What an event starts waits beside it, written by the statement that writes the event.
EMIT: Final = f"""
with new as ({ROWS} returning org, id, name, data),
due as (insert into event_due (org, kind, due_at, event)
  select n.org, r.kind, wf_now() + r.delay, n.id from new n join reaction r on r.event in (n.name, split_part(n.name, '.', 1) || '.*', '*')
  where not coalesce(n.data @> '{{"quiet": true}}', false) on conflict do nothing)
select array_agg(distinct event) from reaction
"""  # noqa: S608 - our own columns


@dataclass(frozen=True, slots=True)
class Told:
    """One event, before it is written; a quiet one is history: it starts nothing and nobody is told."""

    name: str
    severity: Severity = Severity.INFO
    data: dict[str, Any] = field(default_factory=dict)
    quiet: bool = False


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
    return emit_all(session, org, [Told(name, severity, data or {})], job=job)[0]


def emit_all(session: Session, org: UUID, events: Sequence[Told], *, job: UUID | None = None) -> list[UUID]:
    """Add events in one statement, as `emit` adds one; return their ids, which sort in the order of the events."""
    if not events:
        return []
    values = _rows(org, events, job)
    wire, heard, names = wire_of(session), session.info.get(HEARD), {name for one in events if not one.quiet for name in heard_as(one.name)}
    if heard is None or not heard.isdisjoint(names):
        # The first events of a transaction learn what is reacted to; those that start nothing cost no more than their rows from then on.
        row: Any = wire.execute(EMIT, values, prepare=True).fetchone()
        heard = session.info[HEARD] = frozenset(row[0] or ())
        if not heard.isdisjoint(names):
            ring_after_commit(session, WAKE)
    else:
        wire.execute(ROWS, values, prepare=True)
    return list(values["ids"])


def emit_by(wire: Wire, org: UUID, events: Sequence[Told]) -> None:
    """Add events over a connection of the engine, in its transaction; whoever relays finds them without a bell."""
    wire.execute(EMIT, _rows(org, events, None))


def _rows(org: UUID, events: Sequence[Told], job: UUID | None) -> dict[str, Any]:
    return {
        "org": org, "job": job, "ids": sorted(new_id() for _ in events), "names": [one.name for one in events],
        "severities": [str(one.severity) for one in events], "data": [Jsonb({**one.data, "quiet": True} if one.quiet else one.data) for one in events],
    }  # fmt: skip


def heard_as(name: str) -> list[str]:
    """Return what a reaction to this event may name: the event, all of its noun, or all."""
    return [name, f"{name.partition('.')[0]}.*", "*"]
