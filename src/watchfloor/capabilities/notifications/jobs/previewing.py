"""Decide about an event that did not happen, as it is decided when one does; nothing is sent and nothing is kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.jobs.deciding import Asked, explain
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.queries import channels, telling, wishes
from watchfloor.capabilities.notifications.queries.inhibiting import list_graver
from watchfloor.capabilities.notifications.schemas.previews import SHOWN, DecisionView, Preview
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.clock import now

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.previews import PreviewEvent

DROPPED = "dropped"


def preview(session: Session, org: UUID, asked: PreviewEvent) -> Preview:
    """Return the message and what would become of it for everybody who might hear it, or for the people named."""
    message = message_of(asked.event, str(asked.severity), now(), asked.data, title=asked.title or "")
    silences = wishes.list_silences(session, org)
    candidates = telling.list_candidates(session, org, message.type, asked.user_ids)
    (subject,) = subjects_of(session, org, [message], silences, candidates)
    graver = list_graver(session, org, message)
    found = explain(Asked(message=message, now=now(), silences=silences, subject=subject, graver=graver, routed=True), candidates)
    chosen = [one for one in found if asked.dropped or one[1] != DROPPED]
    masked = channels.masked_addresses(session, org, [who.channel for who, *_ in chosen[:SHOWN]])
    decisions = [
        DecisionView(
            user=who.user_id, kind=ChannelKind(who.kind), channel=who.channel, address=masked.get(who.channel, ""), state=state,
            reason=reason or None, due_at=due,
        )
        for who, state, reason, due in chosen[:SHOWN]
    ]  # fmt: skip
    return Preview(message=message, counts=dict(Counter(state for _, state, *_ in chosen)), decisions=decisions)
