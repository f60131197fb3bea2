"""Decide again about messages that were held, when their time has come: wishes, access and addresses may be others by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.route import QUIET_HOURS, Occasion
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.deciding import Asked, decide
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.queries import digests, due, telling, wishes
from watchfloor.capabilities.notifications.queries.inbox import GATHERED
from watchfloor.capabilities.notifications.queries.unsubscribing import list_mandatory
from watchfloor.kernel.clock import now
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session


def release(session: Session, org: UUID, lane: str) -> None:
    """Let go, hold longer or suppress what is held until now; a block of the oldest at a time.

    What one reader wakes up to is one digest and not as many messages as came while they slept.
    """
    held = due.list_held(session, org, lane)
    if not held:
        return
    messages = telling.open_messages(session, ledger().vault, org, [row.notification for row in held])
    silences = wishes.list_silences(session, org)
    mandatory = list_mandatory(session, org, [(row.user_id, messages[row.notification].type) for row in held])
    subjects = dict(zip(messages, subjects_of(session, org, list(messages.values()), silences), strict=True))
    knowing = Knowing()
    waking: dict[tuple[UUID, str], list[due.Held]] = {}
    for row in held:
        own = [one for one in telling.list_own(session, org, row.user_id, [row.channel]) if one.channel == row.channel]
        if not own:
            due.settle_held(session, org, row.id, "suppressed", reason="channel_removed")
            continue
        asked = Asked(
            message=messages[row.notification],
            now=now(),
            silences=() if row.manual else silences,
            subject=subjects[row.notification],
            occasion=Occasion.RELEASE,
            knowing=knowing,
        )
        must = (row.user_id, asked.message.type) in mandatory
        decided, joined = decide(asked, [replace(one, mandatory=must) for one in own])
        for later in joined:
            _gather(session, org, row, later.reason, later.window.start, later.due_at)
        for one in decided:
            if one.state == "due" and row.reason == QUIET_HOURS and not row.manual and asked.message.type not in GATHERED:
                waking.setdefault((row.channel, row.user_id), []).append(row)
            else:
                due.settle_held(session, org, row.id, one.state, reason=one.reason, due_at=one.due_at)
    for rows in waking.values():
        _wake(session, org, rows)


def _wake(session: Session, org: UUID, rows: Sequence[due.Held]) -> None:
    if len(rows) == 1:
        due.settle_held(session, org, rows[0].id, "due", reason=None)
        return
    start = min(row.due_at for row in rows)
    for row in rows:
        _gather(session, org, row, QUIET_HOURS, start, now())


def _gather(session: Session, org: UUID, row: due.Held, reason: str, start: datetime, due_at: datetime) -> None:
    """Tell it in a digest instead; in one that is closed by now there is no room, so that it is told by itself."""
    joined = digests.join(session, org, row.notification, channel=row.channel, user=row.user_id, reason=reason, start=start, due=due_at)
    due.settle_held(session, org, row.id, "suppressed" if joined else "due", reason="in_digest" if joined else None)
