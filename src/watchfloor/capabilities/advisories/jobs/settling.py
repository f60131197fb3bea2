"""Merge and score what was touched: chunk by chunk, each one transaction, until nothing is left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.advisories.engine import change
from watchfloor.capabilities.advisories.engine.count import differences
from watchfloor.capabilities.advisories.engine.merge import merge
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.jobs.ahead import Ahead
from watchfloor.capabilities.advisories.jobs.turns import short_turns
from watchfloor.capabilities.advisories.queries import changes, counters, rescore
from watchfloor.capabilities.advisories.queries.ageing import age
from watchfloor.capabilities.advisories.queries.curator import SETTLING, alone, curating
from watchfloor.capabilities.advisories.queries.settled import drop, restate, same, settled, write
from watchfloor.capabilities.advisories.queries.told import told
from watchfloor.capabilities.advisories.queries.touched import take
from watchfloor.capabilities.advisories.schemas.changes import ONLY_SCORED, QUIETLY, Cause
from watchfloor.capabilities.advisories.schemas.merged import Settled
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from watchfloor.capabilities.advisories.jobs.ahead import Look
    from watchfloor.capabilities.advisories.schemas.changes import Change
    from watchfloor.capabilities.advisories.schemas.merged import Told
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

CHUNK = 8000
UNIT = 100_000  # EPSS in hundred-thousandths
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
    thresholds = sorted(round(p * UNIT) for p in read_settings(AdvisorySettings, "advisories").epss_thresholds)
    total, last, before = _waiting(context), LOWEST, 0
    with short_turns(), Ahead(context, CHUNK) as ahead:
        look = ahead.look(last)
        while (seen := look.result()).top is not None or done.merged > before:
            if seen.top is None:
                # Once more from the beginning: something may have been touched behind us. What others are writing about, they merge.
                last, before, look = LOWEST, done.merged, ahead.look(LOWEST)
                continue
            look = ahead.look(seen.top)
            with context.transaction() as session:
                with curating(session) as wire:
                    # Revisions are to rise in the order of commits, and a chunk's changes are told once.
                    alone(wire, SETTLING)
                    done.merged += _settle_chunk(wire, last, seen, done, thresholds)
                context.advanced(session)
            context.progress(done.merged, max(total, done.merged), "merge")
            last = seen.top
    return done


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


def _settle_chunk(wire: Wire, last: int, seen: Look, done: Settlement, thresholds: Sequence[int]) -> int:
    taken = take(wire, last, seen.top or last, CHUNK)
    if not taken:
        return 0
    touched = {k: mask for k, (mask, _version) in taken.items()}
    ks = sorted(touched)
    today = _today(wire)
    chunk = Chunk(today, thresholds)
    scored = {one.merged.k: one for one in rescore.expected(wire, [k for k in ks if not touched[k] & ~ONLY_SCORED])}
    for k, found in scored.items():
        chunk.score(found, touched[k])
    merged = [k for k in ks if k not in scored]
    before = settled(wire, merged)
    known = seen.still({k: version for k, (_mask, version) in taken.items()}, merged)
    known |= {one.k: one for one in told(wire, [k for k in merged if k not in known])}
    unknown = []
    for one in map(known.__getitem__, merged):
        if one.k in before:
            chunk.sort_in(one, before[one.k], touched[one.k])
        else:
            unknown.append(one)

    def fresh() -> Iterator[Settled]:
        # Merged while the database writes those before.
        for one in unknown:
            count = len(chunk.fresh)
            chunk.sort_in(one, None, touched[one.k])
            yield from chunk.fresh[count:]

    write(wire, fresh() if unknown else (), chunk.changed, scored_on=today)
    rescore.write(wire, [new for _old, new in chunk.scored], today)
    restate(wire, chunk.restated)
    if chunk.gone:
        drop(wire, [one.merged.k for one in chunk.gone])
    changes.write(wire, sorted(chunk.changes, key=attrgetter("k")))
    changes.hold(wire, chunk.held)
    pairs = [*chunk.changed, *chunk.scored]
    counters.move(wire, differences([*(old for old, _new in pairs), *chunk.gone], [*chunk.fresh, *(new for _old, new in pairs)]))
    done.added += len(chunk.fresh)
    done.changed += len(pairs) + len(chunk.restated)
    done.removed += len(chunk.gone)
    return len(ks)


@dataclass
class Chunk:
    """What merging some CVEs comes to, on a day and with thresholds of EPSS."""

    today: date
    thresholds: Sequence[int]
    fresh: list[Settled] = field(default_factory=list)
    changed: list[tuple[Settled, Settled]] = field(default_factory=list)  # before and after
    scored: list[tuple[Settled, Settled]] = field(default_factory=list)  # those of which only the score was looked at, before and after
    restated: list[int] = field(default_factory=list)  # those that read as before, though perhaps for other versions
    gone: list[Settled] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    held: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def sort_in(self, one: Told, old: Settled | None, mask: int) -> None:
        """Merge one CVE and put it where it belongs."""
        new = _settled(one, self.today)
        if new is None:
            if old is not None:
                self.gone.append(old)
                self.changes += change.removed(old, mask)
            return
        if old is None:
            self.fresh.append(new)
        elif same(old, new):
            if mask & (Cause.CRITERIA | Cause.CRITERIA << QUIETLY):
                self.restated.append(one.k)
            return
        else:
            self.changed.append((old, new))
        self._tell(old, new, one.held, mask)

    def score(self, one: rescore.Scored, mask: int) -> None:
        """Score a record anew with what EPSS says of it now: what merging it would come to."""
        old, new = one.stored, Settled(merged=one.merged, priority=score(one.merged, self.today))
        if not same(old, new):
            self.scored.append((old, new))
            self._tell(old, new, one.held, mask)

    def _tell(self, old: Settled | None, new: Settled, was_held: tuple[int, ...], mask: int) -> None:
        self.changes += change.changes(old, new, self.today, mask=mask, thresholds=self.thresholds, held=was_held)
        epss = old.merged.epss if old else None
        if was_held or epss != new.merged.epss:
            held = change.still_held(epss, new.merged.epss, self.thresholds, was_held)
            if held != was_held:
                self.held.append((new.merged.k, held))


def _settled(one: Told, today: date) -> Settled | None:
    merged = merge(one)
    return None if merged is None else Settled(merged=merged, priority=score(merged, today))


def _today(wire: Wire) -> date:
    row = wire.execute("select wf_now()").fetchone()
    now: datetime = row[0] if row else datetime.now(UTC)
    return now.astimezone(UTC).date()
