"""Keep what dashboards show: an organisation's sums, each day's counts, and counters that are what a recount says."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.queries import counters, totals
from watchfloor.capabilities.advisories.queries.curator import COUNTING, SETTLING, alone, curating
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.db.rls import PLATFORM_ORG
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext

DRIFTED = "advisories.counters_drifted"
# However many organisations ask: two metrics at a time, each of them anew after two hours; products once a day.
EVERY, MOST = 2 * 3600, 2
PRODUCTS_EVERY = 24 * 3600


class Scope(StrEnum):
    """What is counted."""

    ORG = "org"  # this organisation's sums, and a part of the installation's counters
    ALL = "all"  # also every counter of the installation, from the records themselves


class UpdateStatistics(BaseModel):
    """What to count."""

    model_config = ConfigDict(extra="forbid")

    scope: Scope = Scope.ORG


class Counted(BaseModel):
    """What was counted anew, and where the counters were wrong: how much was added to put them right."""

    metrics: list[str] = Field(default=[])
    drift: dict[str, dict[str, int]] = Field(default={})


@job("advisories.update_statistics", UpdateStatistics, queue=Queue.ADVISORIES, timeout=timedelta(minutes=10))
def update_statistics(context: JobContext, request: UpdateStatistics) -> Counted:
    """Sum up this organisation's matches, keep the day's counts, and count a part of the counters anew."""
    counted = _recount(
        context, every=0 if request.scope is Scope.ALL else EVERY, most=len(counters.METRICS) if request.scope is Scope.ALL else MOST
    )
    count_products(context, every=0 if request.scope is Scope.ALL else PRODUCTS_EVERY)
    least = read_settings(AdvisorySettings, "advisories").finding_min_confidence
    with context.transaction() as session:
        wire = wire_of(session)
        totals.count_matches(wire, context.org, least=least)
        totals.keep_day(wire, context.org)
        with curating(session) as curator:
            totals.keep_day(curator, PLATFORM_ORG)
    return counted


def _recount(context: JobContext, *, every: int, most: int) -> Counted:
    """Put right what differs. A difference is a mistake of ours, so somebody is told."""
    counted = Counted()
    with context.transaction() as session, curating(session) as wire:
        due = totals.due(wire, counters.METRICS, every=every, most=most)
    for metric in due:
        with context.transaction() as session:
            with curating(session) as wire:
                alone(wire, SETTLING)
                if not totals.due(wire, [metric], every=every, most=1):
                    continue  # another organisation's job has counted it meanwhile
                drift = counters.repair(wire, [metric])
                totals.mark(wire, PLATFORM_ORG, [metric])
            if drift:
                emit(session, context.org, DRIFTED, severity=Severity.MEDIUM, data=dict(drift), job=context.job_id)
        counted.metrics.append(metric)
        counted.drift |= drift
    return counted


def count_products(context: JobContext, *, every: int = 0) -> None:
    """Count the CVEs of each product, unless somebody did so within the last `every` seconds."""
    with context.transaction() as session, curating(session) as wire:
        alone(wire, COUNTING)
        if totals.due(wire, [totals.PRODUCTS], every=every, most=1):
            totals.mark(wire, PLATFORM_ORG, [totals.PRODUCTS])
            totals.count_products(wire)
