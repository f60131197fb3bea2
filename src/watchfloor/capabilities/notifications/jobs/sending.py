"""One lane's turn: deliveries claimed, rendered here where the keys are, sent in a box that has neither keys nor database."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.jobs.envelopes import WAYS, batch_of
from watchfloor.capabilities.notifications.jobs.judging import judge_again
from watchfloor.capabilities.notifications.jobs.learning import learn
from watchfloor.capabilities.notifications.jobs.outcomes import lost, settled
from watchfloor.capabilities.notifications.jobs.releasing import release
from watchfloor.capabilities.notifications.jobs.rendering import Rendering
from watchfloor.capabilities.notifications.queries import due
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.clock import now
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from watchfloor.capabilities.notifications.queries.due import Claimed, Result
    from watchfloor.capabilities.notifications.schemas.jobs import Delivered
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.capabilities.notifications.schemas.wire import Envelope, Outcome, Outcomes
    from watchfloor.kernel.contract import JobContext

PER_HOST: Final = {ChannelKind.WEBHOOK: 20}  # the other lanes have one host, or one room each
PER_CHANNEL: Final = {ChannelKind.WEBHOOK: 50, ChannelKind.SLACK: 20, ChannelKind.APPRISE: 20}
MANY: Final = 200


class Turn:
    """Batches of one lane; `rows` are those that this attempt holds and has not said anything about yet."""

    def __init__(self, context: JobContext, lane: ChannelKind, done: Delivered) -> None:
        """Read the settings."""
        self.context, self.lane, self.done = context, lane, done
        self.settings = read_settings(NotificationSettings, "notifications")
        self.rows: dict[UUID, Claimed] = {}
        self.hashes: dict[UUID, bytes] = {}
        self.notes: dict[UUID, str] = {}
        self.results: dict[UUID, Result] = {}
        self.reworded: dict[UUID, Message] = {}

    def take(self, limit: int, *, own: bool = False) -> bool:
        """Claim a batch, or with `own` what this job keeps to itself, and end what must not go out any more; False when there is nothing to do."""
        context, org, lane = self.context, self.context.org, str(self.lane)
        with context.transaction() as session:
            due.recover(session, org, lane)
            self.done.dead += due.ready(session, org, lane)
            release(session, org, lane)
            rows = due.claim(
                session, org, lane, job=context.job_id, attempt=context.attempt, limit=limit, own=own,
                per_host=PER_HOST.get(self.lane, MANY), per_channel=PER_CHANNEL.get(self.lane, MANY),
            )  # fmt: skip
            judged = judge_again(session, org, [row.id for row in rows])
            refused = [_refused(one, reason) for one, reason in judged.refused.items()]
            due.save(session, org, refused, job=context.job_id, attempt=context.attempt)
        self.rows = {row.id: row for row in rows if row.id not in judged.refused}
        self.reworded = judged.reworded
        return bool(rows)

    def send(self) -> None:
        """Send what was claimed and save how it went; what the box says nothing about goes out again later."""
        rendering = Rendering(self.context, self.lane, list(self.rows.values()), self.settings, self.reworded)
        rendering.render()
        self.notes |= rendering.notes
        self.hashes |= {one.delivery_id: hashlib.sha256(one.body).digest() for one in rendering.envelopes}
        self._save(rendering.refused)
        try:
            if rendering.envelopes:
                self._boxed(rendering.envelopes)
        except GiveUp as error:
            self.context.log.warning("a box that sends over %s ended: %s", self.lane, error)
            self._save([lost(row, str(error)) for row in self.rows.values()])
        self._save([lost(row, "the box said nothing about it") for row in self.rows.values()])

    def _boxed(self, envelopes: Sequence[Envelope]) -> None:
        def keep(part: Outcomes) -> dict[str, Any]:
            self._save(part.outcomes)
            return {}

        answer: Outcomes = self.context.sandbox(WAYS[self.lane].send, batch_of(envelopes, self.settings), keep=keep)
        self._save(answer.outcomes)

    def _save(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes of rows that this attempt holds; each counts once, whatever the box says."""
        told = {one.delivery_id: one for one in outcomes if one.delivery_id in self.rows}
        if not told:
            return
        ends = [
            settled(self.lane, self.rows[name], one, now=now(), sha256=self.hashes.get(name), note=self.notes.get(name, ""))
            for name, one in told.items()
        ]
        with self.context.transaction() as session:
            due.save(session, self.context.org, [end.result for end in ends], job=self.context.job_id, attempt=self.context.attempt)
            learn(session, self.context, self.lane, ends)
            self.context.advanced(session)
        for end in ends:
            self.rows.pop(end.row.id)
            self.results[end.row.id] = end.result
        counts = Counter(end.result.state for end in ends)
        self.done.sent += counts["sent"]
        self.done.retried += counts["due"]
        self.done.dead += counts["dead"]
        self.context.progress(self.done.sent + self.done.retried + self.done.dead, 0, phase="sending")


def _refused(delivery: UUID, reason: str) -> Result:
    """Return how a delivery ends that must not go out any more: before an attempt, a repetition or a replay. It uses no attempt."""
    return due.Result(delivery=delivery, state="suppressed", reason=reason, delay=None, outcome="", tried=False)
