"""Merge and score what was touched: chunk by chunk, each one transaction, until nothing is left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.advisories.engine.merge import merge
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.queries.ageing import age
from watchfloor.capabilities.advisories.queries.curator import SETTLING, curating
from watchfloor.capabilities.advisories.queries.settled import drop, same, settled, write
from watchfloor.capabilities.advisories.queries.told import told
from watchfloor.capabilities.advisories.schemas.merged import Settled
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from datetime import date

    from watchfloor.capabilities.advisories.schemas.merged import Told
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

CHUNK = 5000
# By place, not by key: whatever the planner believes about a table that fills and empties all the time, this stays a walk along an index.
TAKE = """
delete from adv_touched where ctid = any (array(select ctid from adv_touched where k > %s order by k limit %s for update skip locked))
returning k, mask
"""
LOWEST = -(10**18)


class Settlement(BaseModel):
    """What merging changed."""

    model_config = ConfigDict(extra="forbid")

    merged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


def settle(context: JobContext) -> Settlement:
    """Merge everything that was touched. Killed at any moment, a chunk is merged or still touched, and the next run goes on."""
    done = Settlement()
    total, last = _waiting(context), LOWEST
    while True:
        with context.transaction() as session:
            with curating(session) as wire:
                # Revisions are to rise in the order of commits, and a chunk's changes are told once.
                wire.execute("select pg_advisory_xact_lock(%s)", (SETTLING,))
                ks = _settle_chunk(wire, last, done)
            context.advanced(session)
        if not ks and last == LOWEST:
            return done
        last = ks[-1] if ks else LOWEST  # once more from the beginning: something may have been touched behind us
        done.merged += len(ks)
        context.progress(done.merged, max(total, done.merged), "merge")


def tell_updated(context: JobContext, done: Settlement) -> None:
    """Say that advisories changed, if they did: who matches them listens."""
    counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
    if any(counts.values()):
        with context.transaction() as session:
            emit(session, context.org, "advisories.updated", data=counts, job=context.job_id)


def _waiting(context: JobContext) -> int:
    with context.transaction() as session, curating(session) as wire:
        age(wire, _today(wire))
        row = wire.execute("select count(*) from adv_touched").fetchone()
    return int(row[0]) if row else 0


def _settle_chunk(wire: Wire, last: int, done: Settlement) -> list[int]:
    touched: dict[int, int] = dict(wire.execute(TAKE, (last, CHUNK)).fetchall())
    if not touched:
        return []
    ks = sorted(touched)
    today = _today(wire)
    before = settled(wire, ks)
    fresh, changed, gone = [], [], []
    for one in told(wire, ks):
        after = _settled(one, today)
        old = before.get(one.k)
        if after is None:
            if old is not None:
                gone.append(one.k)
        elif old is None:
            fresh.append(after)
        elif not same(old, after):
            changed.append(after)
    write(wire, fresh, changed, scored_on=today)
    if gone:
        drop(wire, gone)
    done.added += len(fresh)
    done.changed += len(changed)
    done.removed += len(gone)
    return ks


def _settled(one: Told, today: date) -> Settled | None:
    merged = merge(one)
    return None if merged is None else Settled(merged=merged, priority=score(merged, today))


def _today(wire: Wire) -> date:
    row = wire.execute("select wf_now()").fetchone()
    now: datetime = row[0] if row else datetime.now(UTC)
    return now.astimezone(UTC).date()
