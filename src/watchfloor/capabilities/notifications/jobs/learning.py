"""Remember which channels, hosts and addresses take messages and which fail, and say so when that is news."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.channels.slack import LOST_THREADS
from watchfloor.capabilities.notifications.engine.retry import Waits
from watchfloor.capabilities.notifications.queries import channels, hosts, threads
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Sent
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.jobs.outcomes import Settled
    from watchfloor.kernel.contract import JobContext


def learn(session: Session, context: JobContext, lane: ChannelKind, ends: Sequence[Settled]) -> None:
    """Remember how attempts went, in the transaction that saves them."""
    good = [end.row for end in ends if end.judgement.kind is Sent.OK]
    channels.works(session, context.org, sorted({row.channel for row in good}))
    hosts.works(session, context.org, str(lane), sorted({row.host for row in good}))
    for end in ends:
        if _is_failure(end):
            _failed(session, context, lane, end)
        if lane is ChannelKind.SLACK:
            _threaded(session, context, end)
        if end.judgement.suppress_for is not None:
            _bounced(session, context, end, end.judgement.suppress_for)
        if end.result.state == "dead" and channels.may_tell_of_dead(session, context.org, end.row.channel):
            data = {"delivery": str(end.row.id), "channel": str(end.row.channel), "kind": str(lane), "reason": end.result.reason or ""}
            emit(session, context.org, "delivery.dead", severity=Severity.MEDIUM, data=data, job=context.job_id)


def _is_failure(end: Settled) -> bool:
    """Tell whether an attempt says something bad about its receiver; one that only wants the message otherwise takes messages."""
    wanted_otherwise = end.judgement.shorter or end.outcome.code in LOST_THREADS
    return end.judgement.kind in {Sent.RETRY, Sent.DISABLE} and end.result.tried and end.outcome.code != "box" and not wanted_otherwise


def _threaded(session: Session, context: JobContext, end: Settled) -> None:
    row, outcome = end.row, end.outcome
    if outcome.kind is Sent.OK and outcome.mark:
        threads.keep(session, context.org, row.channel, row.notification, outcome.mark)
    elif outcome.code in LOST_THREADS:
        threads.forget(session, context.org, row.channel, row.notification)


def _failed(session: Session, context: JobContext, lane: ChannelKind, end: Settled) -> None:
    org, row, judgement = context.org, end.row, end.judgement
    disable = judgement.kind is Sent.DISABLE
    if not disable:
        pause = timedelta(seconds=judgement.waits_s) if judgement.waits is not Waits.NOTHING else None
        hosts.failed(session, org, str(lane), row.host, pause=pause)
    reason = end.outcome.reason or judgement.reason
    if channels.failed(session, org, row.channel, reason=reason, disable=disable):
        data = {"channel": str(row.channel), "kind": str(lane), "owner": row.user_id, "reason": reason}
        emit(session, org, "channel.disabled", severity=Severity.HIGH, data=data, job=context.job_id)


def _bounced(session: Session, context: JobContext, end: Settled, keep: timedelta) -> None:
    vault = ledger().vault
    found = channels.open_channels(session, vault, context.org, [end.row.channel]).get(end.row.channel)
    if found is not None and found.kind is ChannelKind.EMAIL:
        channels.suppress(session, vault, context.org, found.config["to"], reason="hard_bounce", keep=keep, actor="notifications")
