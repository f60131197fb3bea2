"""Work out again what is derived: all records from what the sources say, or all scores from the records."""

from __future__ import annotations

from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.jobs.settling import settle
from watchfloor.capabilities.advisories.queries import rescore
from watchfloor.capabilities.advisories.queries.curator import SETTLING, curating
from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.merged import Merged, Priority
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
        wire.execute(
            "insert into adv_touched (k, mask) select distinct k, 1 from adv_fact on conflict (k) do update set mask = adv_touched.mask | 1"
        )
    done = settle(context)
    return Rebuilt(looked_at=done.merged, changed=done.added + done.changed + done.removed)


def rescore_all(context: JobContext) -> Rebuilt:
    """Score every record as of today, in the order of their numbers; a chunk is one transaction."""
    done, last = Rebuilt(), -(10**18)
    while True:
        with context.transaction() as session:
            with curating(session) as wire:
                wire.execute("select pg_advisory_xact_lock(%s)", (SETTLING,))
                row = wire.execute("select wf_now()").fetchone()
                today = row[0].astimezone(UTC).date() if row else None
                found = rescore.after(wire, last, CHUNK)
                if not found or today is None:
                    return done
                moved: list[tuple[Merged, Priority]] = []
                for one, priority, band, rule in found:
                    fresh = score(one, today)
                    if (fresh.priority, fresh.band, fresh.rule) != (priority, band, rule or ""):
                        moved.append((one, fresh))
                rescore.write(wire, moved, today)
            context.advanced(session)
        last = found[-1][0].k
        done.looked_at += len(found)
        done.changed += len(moved)
        context.progress(done.looked_at, 0, "score")
