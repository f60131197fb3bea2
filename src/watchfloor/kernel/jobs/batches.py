"""Fan out: children with counters, sealed together with one completion job in one held transaction."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.enqueue import Options, enqueue, enqueue_many
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.jobs.claim import Claim
    from watchfloor.kernel.jobs.ledger import Ledger

CHILDREN = 10_000


def fan_out(
    ledger: Ledger, session: Session, parent: Claim, name: str,
    children: Sequence[tuple[JobKind[Any, Any], BaseModel]], callback: tuple[JobKind[Any, Any], BaseModel] | None,
) -> UUID:  # fmt: skip
    """Write batch, callback, children and seal; return the batch, found again when the parent is repeated.

    The callback always runs, whatever became of the children, and reads the counters.
    """
    if len(children) > CHILDREN:
        message = f"{len(children)} children are more than {CHILDREN}; group them, or fan out in several batches"
        raise InvalidInput(message)
    wire = wire_of(session)
    batch, after = new_id(), new_id() if callback else None
    opened = wire.execute(
        statement("open_batch"),
        {"org": parent.org, "id": batch, "parent": parent.id, "name": name, "on_failure": "continue", "callback": after},
    ).fetchone()
    if opened is None:
        found = wire.execute(
            "select id from job_batch where org = %s and parent = %s and name = %s", (parent.org, parent.id, name)
        ).fetchone()
        return UUID(str(found[0])) if found else batch
    if callback:
        waits = Options(id=after, waits_for=f"batch:{batch}", parent=parent.id, actor=parent.actor)
        enqueue(ledger, session, parent.org, callback[0], callback[1], waits)
    shared = Options(batch=batch, parent=parent.id, actor=parent.actor)
    for _name, group in groupby(children, key=lambda child: child[0].name):
        members = list(group)
        enqueue_many(ledger, session, parent.org, members[0][0], [request for _kind, request in members], shared)
    wire.execute(statement("seal"), {"org": parent.org, "batch": batch})
    return batch


def counters(session: Session, org: UUID, batch: UUID) -> dict[str, int]:
    """Return how many children there are, still open, failed and cancelled."""
    sql = "select total, open, failed, cancelled from job_batch where org = %s and id = %s"
    row = wire_of(session).execute(sql, (org, batch)).fetchone() or (0, 0, 0, 0)
    return dict(zip(("total", "open", "failed", "cancelled"), row, strict=True))
