"""Store what is decided about messages, and count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.jobs.deciding import Asked, judge
from watchfloor.capabilities.notifications.jobs.grouping import Gathering
from watchfloor.capabilities.notifications.queries import digests, runs, telling
from watchfloor.capabilities.notifications.schemas.jobs import Routed
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.jobs.deciding import Joined
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.kernel.contract import JobContext


class Telling:
    """What one job tells: notifications and their deliveries, counted, and the lanes that have something to do."""

    def __init__(self, context: JobContext) -> None:
        """Read the settings."""
        self.org, self.done, self.lanes, self.gathering = context.org, Routed(), set[str](), Gathering()
        self._expire = read_settings(NotificationSettings, "notifications").expire
        self._vault = ledger().vault

    def tell(
        self, session: Session, asked: Asked, candidates: Sequence[telling.Candidate], *, event: UUID | None = None
    ) -> tuple[UUID | None, list[telling.Stored]]:
        """Store what is decided about a message; return the notification, None when nobody hears of it, and the deliveries that are new.

        What joins groups is only remembered: `gathering` is stored when all was told.
        """
        found = judge(asked, candidates)
        notification = self.note(session, asked.message, event=event) if found.told else None
        self.gathering.add(asked.message, notification, found.grouped)
        if notification is None:
            return None, []
        runs.begin(session, self.org, notification, found.escalations)
        self.done.held += len(found.grouped)
        return notification, self.store(session, notification, found.decided, found.joined)

    def note(self, session: Session, message: Message, *, event: UUID | None = None, expire: timedelta | None = None) -> UUID:
        """Store a message; return the notification that is or was made of it."""
        notification, new = telling.record_notification(session, self._vault, self.org, message, expire=expire or self._expire, event=event)
        self.done.notifications += new
        return notification

    def store(
        self, session: Session, notification: UUID, decided: Sequence[telling.Decided], joined: Sequence[Joined], *,
        job: UUID | None = None, manual: bool = False, group: UUID | None = None,
    ) -> list[telling.Stored]:  # fmt: skip
        """Store deliveries and places in digests; a digest that has closed meanwhile tells nothing more, so it is told at once."""
        rows = list(decided)
        for one in joined:
            candidate = one.candidate
            if not digests.join(
                session, self.org, notification, channel=candidate.channel, user=candidate.user_id, reason=one.reason, start=one.window.start, due=one.due_at
            ):  # fmt: skip
                rows.append(telling.Decided(one.candidate, "due"))
        stored = telling.store_deliveries(session, self.org, notification, rows, job=job, manual=manual, group=group)
        self.done.deliveries += sum(one.state == "due" for one in stored)
        self.done.held += sum(one.state == "held" for one in stored) + len(joined)
        self.done.suppressed += sum(one.state == "suppressed" for one in stored)
        self.lanes |= {one.lane for one in stored if one.state != "suppressed"}
        return stored
