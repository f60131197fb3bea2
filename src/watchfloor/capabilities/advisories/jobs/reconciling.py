"""Once a week, leave nothing to increments: complete sets again, names learned anew, every score and every count from the beginning."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.advisories.engine.learned import evidence, tally
from watchfloor.capabilities.advisories.jobs.counting import count_products
from watchfloor.capabilities.advisories.jobs.rebuilding import rescore_all
from watchfloor.capabilities.advisories.jobs.sync import update_from
from watchfloor.capabilities.advisories.queries import naming, totals
from watchfloor.capabilities.advisories.queries.curator import COUNTING, alone, curating
from watchfloor.capabilities.advisories.schemas.sync import Updated
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.db.rls import PLATFORM_ORG
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Fenced
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.contract import JobContext


RECONCILED, BEGUN, EVERY = "reconciled", "reconciling", 6 * 3600


class Reconcile(BaseModel):
    """Nothing to choose."""

    model_config = ConfigDict(extra="forbid")


class Reconciled(BaseModel):
    """What was not as increments had left it; nothing is looked at where another organisation's job is at it, or was done a short while ago."""

    skipped: bool = False
    updated: Updated | None = None
    names: int = 0
    scores_changed: int = 0


@job("advisories.reconcile", Reconcile, queue=Queue.ADVISORIES, timeout=timedelta(hours=6), attempts=2)
def reconcile(context: JobContext, _request: Reconcile) -> Reconciled:
    """Compare with complete sets, learn names anew, score everything: what increments missed comes to light once a week."""
    settings = read_settings(AdvisorySettings, "advisories")
    if not _begin(context):
        return Reconciled(skipped=True)
    try:
        updated = None if settings.offline else update_from(context, full=True, settings=settings)
        done = Reconciled(updated=updated, names=learn_names(context), scores_changed=rescore_all(context).changed)
    except BaseException:
        with suppress(Fenced):  # then another attempt has the job, and goes on
            _end(context, done=False)
        raise
    _end(context, done=True)
    return done


def _begin(context: JobContext) -> bool:
    """Tell whether it is to be done: every organisation has the schedule, and once is enough for all. A further attempt goes on."""
    with context.transaction() as session, curating(session) as wire:
        alone(wire, COUNTING)
        if context.attempt == 1 and len(totals.due(wire, [RECONCILED, BEGUN], every=EVERY, most=2)) < 2:  # noqa: PLR2004 - neither done nor under way
            return False
        totals.mark(wire, PLATFORM_ORG, [BEGUN])
    return True


def _end(context: JobContext, *, done: bool) -> None:
    """Write down that it is not under way any more; what failed may be begun again at once, by anybody."""
    with context.transaction() as session, curating(session) as wire:
        totals.unmark(wire, PLATFORM_ORG, [BEGUN])
        if done:
            totals.mark(wire, PLATFORM_ORG, [RECONCILED])


def learn_names(context: JobContext) -> int:
    """Learn from all CVEs which product the words of a CNA mean, and count the CVEs of each product."""
    learned = list(_learned(context))
    with context.transaction() as session, curating(session) as wire:
        found = naming.replace_learned(wire, learned)
    count_products(context)
    return found


def _told(context: JobContext) -> Iterator[tuple[set[naming.Name], set[naming.Product]]]:
    """Yield what is told both ways; a transaction holds this job's row, so each year is one of its own."""
    with context.transaction() as session:
        years = naming.years(wire_of(session))
    for year in years:
        with context.transaction() as session:
            yield from naming.told_both_ways(wire_of(session), year)


def _learned(context: JobContext) -> Iterator[naming.Learned]:
    told = tally(evidence(names, products) for names, products in _told(context))
    for name, candidates in sorted(told.items()):
        for product, meaning in sorted(candidates.items()):
            if meaning.confidence is not None:
                yield name, product, meaning.support, meaning.against
