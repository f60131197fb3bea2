"""Look after notifications: old ones go, numbers are told, and what is over is sent again when somebody asks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine.health import Figures, Status, health
from watchfloor.capabilities.notifications.engine.known import EVENTS
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.queries import groups, threads, upkeep
from watchfloor.capabilities.notifications.schemas.jobs import Nothing
from watchfloor.capabilities.notifications.schemas.upkeep import (
    REPLAYS_MAX,
    AskStatistics,
    Check,
    CleanedUp,
    CleanUp,
    Counts,
    Health,
    Replay,
    Replayed,
    Statistics,
)
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobContext

UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
EVERY: Final = timedelta(seconds=0.1)  # between replays


@job("notifications.cleanup_old_notifications", CleanUp, queue=Queue.NOTIFICATIONS, timeout=timedelta(hours=1), unit="notifications")
def cleanup_old_notifications(context: JobContext, request: CleanUp) -> CleanedUp:
    """Delete notifications older than some days with all that belongs to them; what may still be sent and what tells of something held is kept."""
    keep = timedelta(days=request.days_old)
    with context.transaction() as session:
        old, pending, held = upkeep.count_old(session, context.org, keep, _held(context, session))
    done = CleanedUp(
        deleted_count=old if request.dry_run else 0, attempts=0, deliveries=0, notifications=0, kept_pending=pending, kept_held=held
    )  # fmt: skip
    while not request.dry_run:
        with context.transaction() as session:
            gone = upkeep.delete_notifications(session, context.org, keep, _held(context, session))
        done.notifications += gone.notifications
        done.deliveries += gone.deliveries
        done.attempts += gone.attempts
        done.deleted_count = done.notifications
        context.progress(done.notifications, max(old, done.notifications), phase="notifications")
        if gone.notifications < upkeep.BLOCK:
            with context.transaction() as session:
                groups.delete_closed(session, context.org, keep)
            done.attempts += _old_attempts(context)
            with context.transaction() as session:
                threads.delete_old(session, context.org, keep)
            return done
    return done


def _held(context: JobContext, session: Session) -> list[UUID]:
    """Return what is kept, as it stands in this transaction: somebody may hold something while this runs."""
    return upkeep.list_held(session, context.org, context.holds(session))


def _old_attempts(context: JobContext) -> int:
    keep, gone = read_settings(NotificationSettings, "notifications").keep_attempts, 0
    while True:
        with context.transaction() as session:
            some = upkeep.delete_attempts(session, context.org, keep, _held(context, session))
        gone += some
        if some < upkeep.BLOCK:
            return gone


@job("notifications.monitor_notification_health", Nothing, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=60))
def monitor_notification_health(context: JobContext, request: Nothing) -> Health:
    """Tell how notifications fare; a change is an event."""
    del request
    with context.transaction() as session:
        found = health_of(session, context.org)
        if upkeep.told_status(session, context.org, found.status):
            grave = {Status.UNHEALTHY: Severity.HIGH, Status.DEGRADED: Severity.MEDIUM}.get(Status(found.status), Severity.INFO)
            failing = ", ".join(one.name for one in found.checks if not one.ok)
            data = {"status": found.status, "checks": failing}
            emit(session, context.org, "notifications.health_changed", severity=grave, data=data, job=context.job_id)
    return found


@job("notifications.notification_statistics", AskStatistics, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=30))
def notification_statistics(context: JobContext, request: AskStatistics) -> Statistics:
    """Count deliveries of the last while, from their rows, so that every worker answers alike."""
    with context.reading() as session:
        return statistics_of(session, context.org, request)


@job(
    "notifications.replay_deliveries",
    Replay,
    queue=Queue.NOTIFICATIONS,
    timeout=timedelta(minutes=5),
    unit="deliveries",
    argument_bytes=1 << 20,
)
def replay_deliveries(context: JobContext, request: Replay) -> Replayed:
    """Send deliveries that are over again, ten a second; receivers know them by the id of the first sending."""
    expire = read_settings(NotificationSettings, "notifications").expire
    with context.transaction() as session:
        chosen = upkeep.list_replayable(
            session, context.org, ids=request.delivery_ids, channel=request.channel_id, since=request.since, states=request.states, limit=REPLAYS_MAX
        )  # fmt: skip
        # A repeated attempt finds what it made before: one job sends each of them again once.
        fresh = [one for one in chosen if not upkeep.was_replayed(session, context.org, one.id, context.job_id)]
        made = [
            upkeep.send_again(session, context.org, one, after=EVERY * n, expire=expire, job=context.job_id) for n, one in enumerate(fresh)
        ]
        for one in fresh:
            record(session, context.org, actor=context.actor, operation="notify.replay", object=str(one.id), reason=request.reason)
        wake(session, context.org, {one.lane for one in fresh}, actor=context.actor)
    created = sum(one is not None for one in made) + len(chosen) - len(fresh)
    return Replayed(created=created, skipped=max(len(request.delivery_ids), len(chosen)) - created)


def health_of(session: Session, org: UUID) -> Health:
    """Return how notifications fare."""
    found = upkeep.health(session, org)
    figures = Figures(
        oldest_due=_seconds(found["oldest_due_s"]), since_attempt=_seconds(found["since_attempt_s"]), ended=found["ended"], dead=found["dead"],
        longest_open=timedelta(seconds=found["breaker_open_s"]), digest_late=timedelta(seconds=found["digest_late_s"]),
        mandatory_disabled=found["mandatory_disabled"],
    )  # fmt: skip
    status, checks = health(figures)
    shown = [Check(name=one.name, value=round(one.value, 3), limit=one.limit, ok=one.ok) for one in checks]
    return Health(status=status.value, checks=shown, channels=upkeep.channel_counts(session, org), supported_events=list(EVENTS))


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def statistics_of(session: Session, org: UUID, request: AskStatistics) -> Statistics:
    """Return counts of deliveries."""
    window = timedelta(**{UNITS[request.window[-1]]: int(request.window[:-1])})
    whole = upkeep.totals(session, org, window, None)
    apart = {by: {row["name"]: _counts(row) for row in upkeep.totals(session, org, window, by)} for by in request.by}
    total = _counts(whole[0]) if whole else Counts()
    return Statistics(**total.model_dump(), window=request.window, by_reason=upkeep.reasons(session, org, window), groups=apart)


def _counts(row: dict[str, Any]) -> Counts:
    ended, spans = row["sent"] + row["dead"], row.pop("spans") or (None, None, None)
    rate = row["sent"] / ended if ended else None
    plain = {name: value for name, value in row.items() if name != "name"}
    return Counts(**plain, success_rate=rate, p50_s=spans[0], p95_s=spans[1], p99_s=spans[2])
