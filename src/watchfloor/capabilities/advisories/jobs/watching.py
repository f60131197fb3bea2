"""Hold an organisation's watches against what happened since they looked last, and tell what is new to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.advisories.queries import watching
from watchfloor.capabilities.advisories.queries.watches import enabled
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.advisories.queries.watching import Watch
    from watchfloor.kernel.contract import JobContext

HIT = "advisories.watch_hit"
PAGE = 500
OVERLAP = 900  # seconds; no transaction that writes matches lasts so long
SEVERITIES = {one.value for one in Severity}


class WatchAdvisories(BaseModel):
    """All watches of the organisation."""

    model_config = ConfigDict(extra="forbid")


class Watched(BaseModel):
    """How many watches looked, how often they fired, and how many cannot ask their query any more."""

    watches: int = 0
    hits: int = 0
    broken: int = 0


@job("advisories.watch", WatchAdvisories, queue=Queue.ADVISORIES)
def watch(context: JobContext, request: WatchAdvisories) -> Watched:
    """Look whether something happened that a watch of this organisation is for, and tell each of it once."""
    del request
    return look(context)


def look(context: JobContext) -> Watched:
    """Let every watch look. A page is one transaction: what was told is written with the event that tells it."""
    least = read_settings(AdvisorySettings, "advisories").finding_min_confidence
    done = Watched()
    with context.transaction() as session:
        waiting = enabled(wire_of(session), context.org)
    for one in waiting:
        done.watches += 1
        try:
            while _look_once(context, one, done, least):
                context.progress(done.watches, len(waiting), "watch")
        except InvalidInput as error:
            context.log.warning("watch %s cannot ask its query any more: %s", one, error)
            done.broken += 1
    return done


def _look_once(context: JobContext, one: UUID, done: Watched, least: float) -> bool:
    """Tell one page of what is new to a watch; return whether there may be more."""
    with context.transaction() as session:
        wire = wire_of(session)
        held = watching.locked(wire, context.org, one, overlap=OVERLAP)
        if held is None:
            return False
        changes, last = watching.happened(wire, held, least=least, limit=PAGE)
        met = watching.matched(wire, held, least=least, limit=PAGE)
        _tell(context, session, held, [*changes, *met], done, least)
        more = last < held.upto or len(met) >= PAGE
        # Matches are looked for from the same moment on until none is left.
        watching.advance(wire, held, last, until=None if more else held.now)
    return more


def _tell(context: JobContext, session: Session, held: Watch, seen: list[watching.Seen], done: Watched, least: float) -> None:
    wire = wire_of(session)
    for hit in watching.hits(wire, held.org, watching.fresh(wire, held, seen), least=least):
        severity = Severity(hit.band) if hit.band in SEVERITIES else Severity.INFO
        data = {"watch": str(held.id), "name": held.name, **hit.model_dump(mode="json")}
        emit(session, held.org, HIT, severity=severity, data=data, job=context.job_id)
        done.hits += 1
