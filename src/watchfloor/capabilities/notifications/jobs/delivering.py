"""Send what is due: claim a batch, render it, hand it to a box, save how each went. Nothing waits but in a row."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.jobs.sending import Turn
from watchfloor.capabilities.notifications.jobs.waking import wake_at
from watchfloor.capabilities.notifications.queries import due
from watchfloor.capabilities.notifications.schemas.jobs import DeliverDue, Delivered, Nothing, Swept
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobContext

TURN_S: Final = 50.0


@job(
    "notifications.deliver_due", DeliverDue, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=120), soft_timeout=timedelta(seconds=90),
    keep_result=timedelta(hours=1), unit="deliveries",
)  # fmt: skip
def deliver_due(context: JobContext, request: DeliverDue) -> Delivered:
    """Send what is due in one lane, the oldest first, and see to it that somebody looks again when the next is due."""
    from watchfloor.capabilities.notifications.jobs.digesting import wake_digests  # noqa: PLC0415 - each of them starts the other

    begun, done = monotonic(), Delivered()
    turn = Turn(context, request.lane, done)
    while monotonic() - begun < TURN_S and not context.stopping() and turn.take(request.limit):
        turn.send()
    with context.transaction() as session:
        wake(session, context.org, [str(request.lane)], actor=context.actor)
        wake_digests(session, context.org, actor=context.actor)
    return done


@job("notifications.sweep_due", Nothing, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=60), keep_result=timedelta(hours=1))
def sweep_due(context: JobContext, request: Nothing) -> Swept:
    """Wake every lane where something is due; the net beneath whoever should have woken it."""
    del request
    with context.transaction() as session:
        lanes = due.lanes_due(session, context.org)
        for lane in lanes:
            due.recover(session, context.org, lane)
            due.ready(session, context.org, lane)
        wake(session, context.org, lanes, actor=context.actor)
    return Swept(lanes=sorted(lanes))


def wake(session: Session, org: UUID, lanes: Iterable[str], *, actor: str) -> None:
    """See to it that a job looks at each lane when its next delivery is due; call it in the transaction that wrote or moved deliveries."""
    for lane in sorted(set(lanes)):
        wake_at(session, org, deliver_due, due.next_due(session, org, lane), actor=actor, label=lane, lane=lane)
