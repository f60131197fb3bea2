"""Keep what the world knows current: ask the sources, merge what is new."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.jobs.asking import Question, ask, worst
from watchfloor.capabilities.advisories.jobs.settling import settle, tell_updated
from watchfloor.capabilities.advisories.queries.sources import enabled
from watchfloor.capabilities.advisories.schemas.sync import FEEDS, SourceOutcome, SyncNvdUpdates, SyncState, Updated, UpdateVulnerabilities
from watchfloor.capabilities.advisories.schemas.words import Source, source_named
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import GiveUp, Retry
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.contract import JobContext

OFFLINE = "this installation is offline (WATCHFLOOR_ADVISORIES_OFFLINE); import files instead"
ONLINE = [source_named(label) for label in FEEDS]
LIMITS = {"timeout": timedelta(hours=4), "attempts": 5, "first_delay": timedelta(minutes=1), "max_delay": timedelta(minutes=30)}


@job("advisories.update_vulnerabilities", UpdateVulnerabilities, queue=Queue.ADVISORIES, **LIMITS)
def update_vulnerabilities(context: JobContext, request: UpdateVulnerabilities) -> Updated:
    """Ask every source for what is new, merge it and score it; a source that fails keeps no other one waiting."""
    settings = read_settings(AdvisorySettings, "advisories")
    question = Question(full=request.full, force=request.force, accept=tuple(request.accept))
    if request.sources is not None:
        sources = [source_named(label) for label in request.sources]
    else:
        with context.transaction() as session:
            sources = enabled(wire_of(session), settings.sources, ONLINE)
    return _update(context, sources, question, settings, again=request.sources is None)


@job("advisories.sync_nvd_updates", SyncNvdUpdates, queue=Queue.ADVISORIES, **LIMITS)
def sync_nvd_updates(context: JobContext, request: SyncNvdUpdates) -> Updated:
    """Take what NVD changed lately: by its feeds, which reach back eight days, and by its API where that is not enough."""
    settings = read_settings(AdvisorySettings, "advisories")
    asked = request.days_back if "days_back" in request.model_fields_set and not request.full else None
    return _update(
        context, [Source.NVD], Question(full=request.full, force=request.force, days_back=asked), settings, again=not request.force
    )


def update_from(context: JobContext, *, full: bool, settings: AdvisorySettings) -> Updated:
    """Ask every enabled source, whenever it was asked before."""
    with context.transaction() as session:
        sources = enabled(wire_of(session), settings.sources, ONLINE)
    return _update(context, sources, Question(full=full, force=True), settings, again=True)


def _update(context: JobContext, sources: Sequence[Source], question: Question, settings: AdvisorySettings, *, again: bool) -> Updated:
    """Ask sources and merge; `again`: when none answers, try later, which whoever waits at a terminal does not want."""
    if settings.offline:
        if again:  # a schedule has nothing to do here, which is no failure
            return Updated(sources=[SourceOutcome(source=src.label, state=SyncState.SKIPPED, message=OFFLINE) for src in sources])
        raise GiveUp(OFFLINE)
    outcomes: list[SourceOutcome] = []
    for n, src in enumerate(sources):
        context.progress(n, len(sources), src.label)
        outcomes.append(ask(context, src, question, settings))
    done = settle(context)
    tell_updated(context, done)
    match worst(outcomes):
        case SyncState.FAILED if again:
            raise Retry(_reasons(outcomes))
        case SyncState.FAILED | SyncState.REFUSED:  # the same answer would be refused again: the next tick may find another
            raise GiveUp(_reasons(outcomes))
    return Updated(sources=outcomes, merged=done.merged, added=done.added, changed=done.changed, removed=done.removed)


def _reasons(outcomes: Sequence[SourceOutcome]) -> str:
    return "no source answered: " + "; ".join(f"{one.source}: {one.message}" for one in outcomes if one.message)[:1500]
