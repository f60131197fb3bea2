"""Work out again what is derived: all records from what the sources say, or all scores from the records."""

from __future__ import annotations

from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.advisories.engine import change
from watchfloor.capabilities.advisories.engine.count import differences
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.jobs.settling import settle
from watchfloor.capabilities.advisories.queries import changes, counters, rescore
from watchfloor.capabilities.advisories.queries.curator import SETTLING, WRITING, alone, curating
from watchfloor.capabilities.advisories.schemas.changes import QUIETLY, Cause
from watchfloor.capabilities.advisories.schemas.merged import Settled
from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from watchfloor.kernel.contract import JobContext

CHUNK = 20_000


class Derived(StrEnum):
    """What can be worked out again."""

    MERGE = "merge"  # every record, from what each source says
    SCORES = "scores"  # every score, from the records


class Rebuild(BaseModel):
    """What to work out again."""

    model_config = ConfigDict(extra="forbid")

    what: Derived = Derived.MERGE


class Rebuilt(BaseModel):
    """How many records were looked at, and how many differ now."""

    looked_at: int = 0
    changed: int = 0


@job("advisories.rebuild", Rebuild, queue=Queue.ADVISORIES, timeout=timedelta(hours=2))
def rebuild(context: JobContext, request: Rebuild) -> Rebuilt:
    """Work out again what is derived from the sources' documents: after a new version, or to be sure."""
    if request.what is Derived.SCORES:
        return rescore_all(context)
    with context.transaction() as session, curating(session) as wire:
        alone(wire, WRITING)
        wire.execute(
            "insert into adv_touched (k, mask) select k, %s from (select k from adv_fact union select k from adv_kev union select k from adv_cve) known "
            "on conflict (k) do update set mask = adv_touched.mask | excluded.mask",
            (Cause.FACTS << QUIETLY,),
        )
    done = settle(context)
    return Rebuilt(looked_at=done.merged, changed=done.added + done.changed + done.removed)


def rescore_all(context: JobContext) -> Rebuilt:
    """Score every record as of today, in the order of their numbers; a chunk is one transaction."""
    done, last = Rebuilt(), -(10**18)
    while True:
        with context.transaction() as session:
            with curating(session) as wire:
                alone(wire, SETTLING)
                row = wire.execute("select wf_now()").fetchone()
                today = row[0].astimezone(UTC).date() if row else None
                found = rescore.after(wire, last, CHUNK)
                if not found or today is None:
                    return done
                moved = _moved(found, today)
                rescore.write(wire, [new for _old, new in moved], today)
                changes.write(wire, [one for old, new in moved for one in change.changes(old, new, today, mask=0)])
                counters.move(wire, differences(*zip(*moved, strict=True)) if moved else {})
            context.advanced(session)
        last = found[-1].merged.k
        done.looked_at += len(found)
        done.changed += len(moved)
        context.progress(done.looked_at, 0, "score")


def _moved(found: Sequence[rescore.Scored], today: date) -> list[tuple[Settled, Settled]]:
    """Return what has another score now, before and after."""
    moved = []
    for one in found:
        old, fresh = one.stored.priority, score(one.merged, today)
        if (fresh.priority, fresh.band, fresh.rule) != (old.priority, old.band, old.rule):
            moved.append((Settled(merged=one.merged, priority=old), Settled(merged=one.merged, priority=fresh)))
    return moved
