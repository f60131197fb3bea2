"""Look every hour whether scanning works: queue, workers, disk, scans that nobody works for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.health import Health, examine
from watchfloor.capabilities.scans.jobs.starting import LIMITS
from watchfloor.capabilities.scans.queries import ending, health, write
from watchfloor.capabilities.scans.schemas import Shape
from watchfloor.kernel.contract import Severity, job
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobContext

UNHEALTHY, HEALTHY = "scans.unhealthy", "scans.healthy"
NOBODY = "All jobs of this scan ended without ending it; what it did not look at is unknown."


class HealthCheck(Shape):
    """Nothing is asked."""


@job("scans.system_health_check", HealthCheck, **LIMITS)
def system_health_check(context: JobContext, _request: HealthCheck) -> Health:
    """Return how scanning is doing: end scans that nobody works for, and tell what is wrong when that changes, at least once a day."""
    free, size = _disk(kernel_settings().data_dir)
    with context.transaction() as session:
        stuck = tuple(scan for scan in ending.list_stuck(session, context.org) if _ended(session, context, scan))
        seen = health.figures(session, context.org, queue=LIMITS["queue"], stuck=stuck, disk_free_bytes=free, disk_size_bytes=size)
        found = examine(seen)
        checks = sorted(trouble.check for trouble in found.troubles)
        if checks != health.last_told(session, context.org, (UNHEALTHY, HEALTHY)):
            worst = max((trouble.severity for trouble in found.troubles), key=lambda severity: severity.rank, default=Severity.INFO)
            data = {"checks": checks, "sentences": [trouble.sentence for trouble in found.troubles]}
            emit(session, context.org, UNHEALTHY if checks else HEALTHY, severity=worst, data=data, job=context.job_id)
    return found


def _ended(session: Session, context: JobContext, scan: UUID) -> bool:
    if not write.end_scan(session, context.org, scan, state="incomplete", error=NOBODY, not_looked_at=[NOBODY]):
        return False
    data = {"scan": str(scan), "state": "incomplete", "error": NOBODY}
    emit(session, context.org, "scans.finished", severity=Severity.MEDIUM, data=data, job=context.job_id)
    return True


def _disk(place: Path) -> tuple[int, int]:
    """Return free and all bytes where this worker keeps its data."""
    there = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
    usage = shutil.disk_usage(there)
    return usage.free, usage.total
