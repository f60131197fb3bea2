"""Decide again about messages that were held, when their time has come: wishes, access and addresses may be others by now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.route import Occasion
from watchfloor.capabilities.notifications.jobs.deciding import Asked, decide
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.queries import due, telling, wishes
from watchfloor.capabilities.notifications.queries.unsubscribing import list_mandatory
from watchfloor.kernel.clock import now
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


def release(session: Session, org: UUID, lane: str) -> None:
    """Let go, hold longer or suppress what is held until now; a block of the oldest at a time."""
    held = due.list_held(session, org, lane)
    if not held:
        return
    messages = telling.open_messages(session, ledger().vault, org, [row.notification for row in held])
    silences = wishes.list_silences(session, org)
    mandatory = list_mandatory(session, org, [(row.user_id, messages[row.notification].type) for row in held])
    subjects = dict(zip(messages, subjects_of(session, org, list(messages.values()), silences), strict=True))
    for row in held:
        own = [one for one in telling.list_own(session, org, row.user_id, [row.channel]) if one.channel == row.channel]
        if not own:
            due.settle_held(session, org, row.id, "suppressed", reason="channel_removed")
            continue
        asked = Asked(
            message=messages[row.notification], now=now(), silences=silences, subject=subjects[row.notification], occasion=Occasion.RELEASE
        )
        must = (row.user_id, asked.message.type) in mandatory
        decided, _ = decide(asked, [replace(one, mandatory=must) for one in own])
        for one in decided:
            due.settle_held(session, org, row.id, one.state, reason=one.reason, due_at=one.due_at)
