"""Tell something by hand: one message, one event for one person, one for many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.jobs.deciding import Asked, decide
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.jobs.digesting import wake_digests
from watchfloor.capabilities.notifications.jobs.sending import Turn
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.jobs.telling import Telling
from watchfloor.capabilities.notifications.queries import telling, wishes
from watchfloor.capabilities.notifications.queries.inhibiting import list_graver
from watchfloor.capabilities.notifications.schemas.jobs import Delivered
from watchfloor.capabilities.notifications.schemas.sends import (
    OneSent,
    SendBulk,
    SendEvent,
    SendScanCompletion,
    SentBulk,
    SentEvent,
    SentScanCompletion,
)
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Queue, Severity, job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.kernel.contract import JobContext

BLOCK: Final = 1000
AT_ONCE: Final = 50
SCAN_ENDED: Final = "scans.finished"


@job("notifications.send_event_notifications", SendEvent, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=120))
def send_event_notifications(context: JobContext, request: SendEvent) -> SentEvent:
    """Tell one person of an event over every channel on which they want to hear of it, and send what is due at once."""
    message = _message(context, request.event, request.data, request.severity, title=request.title, key=request.dedup_key)
    _, told = _told(context, message, request.user_id)
    return SentEvent(
        event=request.event, user_id=request.user_id, notifications_sent=sum(one.state == "sent" for one in told), notifications=told
    )


@job("notifications.send_scan_completion_notification", SendScanCompletion, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=120))
def send_scan_completion_notification(context: JobContext, request: SendScanCompletion) -> SentScanCompletion:
    """Tell one person that a scan has ended; who heard it from the scan itself does not hear it again."""
    grave = Severity.CRITICAL if request.critical_count else Severity.HIGH if request.high_count else Severity.INFO
    title = f"Scan {request.scan_name} has ended: {request.total_findings} findings, {request.critical_count} critical, {request.high_count} high"
    data = {"scan": request.scan_id, "total": request.total_findings, "critical": request.critical_count, "high": request.high_count}
    message = message_of(SCAN_ENDED, str(grave), now(), data, dedup_key=f"scan:{request.scan_id}", title=title)
    notification, told = _told(context, message, request.user_id)
    return SentScanCompletion(success=any(one.state == "sent" for one in told), notification_id=notification, notifications=told)


@job(
    "notifications.send_bulk_notifications", SendBulk, queue=Queue.NOTIFICATIONS, timeout=timedelta(minutes=10), unit="people",
    argument_bytes=8 << 20,
)  # fmt: skip
def send_bulk_notifications(context: JobContext, request: SendBulk) -> SentBulk:
    """Store an event for many people, a block at a time; a repeated attempt finds what is stored and adds nothing."""
    message = _message(context, request.event, request.data, request.severity, title=request.title, key=request.dedup_key)
    done, told = Telling(context), 0
    good, failed = set[str](), 0
    with context.transaction() as session:
        notification = done.note(session, message)
    for start in range(0, len(request.user_ids), BLOCK):
        users = request.user_ids[start : start + BLOCK]
        with context.transaction() as session:
            known = telling.known_users(session, context.org, users)
            candidates = telling.list_candidates(session, context.org, message.type, users)
            decided, joined = decide(_asked(session, context.org, message, candidates), candidates)
            done.store(session, notification, decided, joined)
            wake(session, context.org, done.lanes, actor=context.actor)
            wake_digests(session, context.org, actor=context.actor)
        hear = [one.candidate.user_id for one in decided if one.state != "suppressed"] + [one.candidate.user_id for one in joined]
        good |= set(hear)
        told += len(hear)
        failed += len(set(users) - known)
        context.progress(start + len(users), len(request.user_ids), phase="storing")
    return SentBulk(
        event=request.event, total_users=len(request.user_ids), successful_users=len(good), failed_users=failed,
        skipped_users=len(request.user_ids) - len(good) - failed, total_notifications=told, batch=notification,
    )  # fmt: skip


def _message(context: JobContext, event: str, data: dict[str, Any], severity: Severity, *, title: str | None, key: str | None) -> Message:
    return message_of(event, str(severity), now(), data, dedup_key=key or f"job:{context.job_id}", title=title or "")


def _asked(session: Session, org: UUID, message: Message, candidates: Sequence[telling.Candidate]) -> Asked:
    silences = wishes.list_silences(session, org)
    (subject,) = subjects_of(session, org, [message], silences, candidates)
    return Asked(message=message, now=now(), silences=silences, subject=subject, graver=list_graver(session, org, message))


def _told(context: JobContext, message: Message, user: str) -> tuple[UUID, list[OneSent]]:
    """Tell one person, send what is due, and leave to `deliver_due` what is to be tried again."""
    done = Telling(context)
    with context.transaction() as session:
        notification = done.note(session, message)
        candidates = telling.list_candidates(session, context.org, message.type, [user])
        decided, joined = decide(_asked(session, context.org, message, candidates), candidates)
        done.store(session, notification, decided, joined, job=context.job_id)
        channels = [one.channel for one in candidates]
        lanes = {one.lane for one in telling.list_deliveries(session, context.org, notification, channels) if one.job == context.job_id}
    send_own(context, sorted(lanes))
    with context.transaction() as session:
        standing = telling.list_deliveries(session, context.org, notification, channels)
    return notification, [
        OneSent(notification_id=notification, delivery_id=one.id, channel=ChannelKind(one.lane), state=one.state) for one in standing
    ]


def send_own(context: JobContext, lanes: Sequence[str]) -> None:
    """Send what this job keeps to itself and is due; what is left then is everybody's."""
    for lane in lanes:
        turn = Turn(context, ChannelKind(lane), Delivered())
        while turn.take(AT_ONCE, own=True):
            turn.send()
    with context.transaction() as session:
        wake(session, context.org, telling.let_go(session, context.org, context.job_id), actor=context.actor)
        wake_digests(session, context.org, actor=context.actor)


def until(moment: datetime) -> timedelta:
    """Return how long it is until then, at least a moment."""
    return max(moment - now(), timedelta(seconds=0.1))
