"""Make envelopes of what was claimed: what they need is opened in one short transaction, and rendered after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.channels.lanes import NOT_TRIED
from watchfloor.capabilities.notifications.jobs.deciding import inactive
from watchfloor.capabilities.notifications.jobs.envelopes import WAYS, Parcel
from watchfloor.capabilities.notifications.jobs.linking import acknowledgements_of, unsubscriptions_of
from watchfloor.capabilities.notifications.jobs.wording import Wording
from watchfloor.capabilities.notifications.queries import channels, keys, telling, threads
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Outcome, Sent
from watchfloor.kernel.clock import now
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from watchfloor.capabilities.notifications.queries.channels import Opened
    from watchfloor.capabilities.notifications.queries.due import Claimed
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.capabilities.notifications.schemas.wire import Envelope
    from watchfloor.capabilities.notifications.settings import NotificationSettings
    from watchfloor.kernel.contract import JobContext

DIGEST = "digest"  # each is about something of its own


class Rendering:
    """One batch of a lane: envelopes, the outcomes of what is not put into one, and notes about own words that were not used."""

    def __init__(
        self, context: JobContext, lane: ChannelKind, rows: Sequence[Claimed], settings: NotificationSettings, reworded: Mapping[UUID, Message]
    ) -> None:  # fmt: skip
        """Open channels, messages, secrets, threads and links; some deliveries say something else by now than their notification."""
        self._settings = settings
        self._org, self._lane, self._rows, vault = context.org, lane, sorted(rows, key=lambda row: row.id), ledger().vault
        named = [row.channel for row in rows]
        with context.transaction() as session:
            told = telling.open_messages(session, vault, self._org, [row.notification for row in rows])
            words = Wording(session, self._org, lane, told.values())
            shared = {name: words.of(message) for name, message in told.items()}
            worded = {row.id: words.of(reworded[row.id]) if row.id in reworded else shared[row.notification] for row in rows}
            self._messages: dict[UUID, Message] = {row: message for row, (message, _) in worded.items()}
            self._opened = channels.open_channels(session, vault, self._org, named)
            self._secrets = keys.open_secrets(session, vault, self._org, named) if lane is ChannelKind.WEBHOOK else {}
            self._marks = threads.list_marks(session, self._org, [one for row in rows if (one := self._topic(row)) is not None])
            mail = rows if lane is ChannelKind.EMAIL else ()
            self._unsubscriptions = unsubscriptions_of(session, vault, self._org, mail, told, settings.public_url)
            read = rows if lane in {ChannelKind.EMAIL, ChannelKind.SLACK} else ()
            self._acknowledgements = acknowledgements_of(session, vault, self._org, str(lane), read, settings.public_url)
        self.notes = {row.id: note for row in rows if (note := worded[row.id][1])}
        self._begun = set[threads.Topic]()
        self.envelopes: list[Envelope] = []
        self.refused: list[Outcome] = []

    def render(self) -> None:
        """Render everything."""
        for row in self._rows:
            channel, topic = self._opened.get(row.channel), self._topic(row)
            if channel is None:
                self._refuse(row, "channel_removed")
            elif why := inactive(channel.state):
                self._refuse(row, why)
            elif topic in self._begun:
                self._wait(row)
            else:
                self._begun |= {topic} if topic is not None and topic not in self._marks else set()
                self._put(row, channel, topic)

    def _put(self, row: Claimed, channel: Opened, topic: threads.Topic | None) -> None:
        parcel = Parcel(
            row=row, message=self._messages[row.id], channel=channel, secrets=self._secrets.get(row.channel, []), at=now(),
            idem=telling.idem(self._org, row.notification, row.channel), settings=self._settings, thread=self._marks.get(topic, "") if topic else "",
            unsubscribe=self._unsubscriptions.get(row.id, ""), acknowledge=self._acknowledgements.get(row.id, ""),
        )  # fmt: skip
        try:
            self.envelopes.append(WAYS[self._lane].render(parcel))
        except InvalidInput as error:
            self._refuse(row, "not_rendered", str(error))

    def _topic(self, row: Claimed) -> threads.Topic | None:
        """Return what a message is about where its channel keeps threads: a bot's rooms do."""
        channel, message = self._opened.get(row.channel), self._messages[row.id]
        threaded = self._lane is ChannelKind.SLACK and channel is not None and "token" in channel.config
        about = message.subject_id and message.subject_kind != DIGEST
        return (row.channel, message.subject_kind, message.subject_id) if threaded and about else None

    def _refuse(self, row: Claimed, code: str, reason: str = "") -> None:
        self.refused.append(Outcome(delivery_id=row.id, kind=Sent.PERMANENT, code=code, reason=reason[:300]))

    def _wait(self, row: Claimed) -> None:
        """Leave a message for the next batch, which knows the thread that this one begins."""
        why = "the first message of its thread is on its way"
        self.refused.append(Outcome(delivery_id=row.id, kind=Sent.RETRY, code=NOT_TRIED, reason=why))
