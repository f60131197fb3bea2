"""Envelopes of one batch on their way: places at the same time, each place by few, and each outcome told as soon as it is known."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.schemas.wire import Outcome, Outcomes, Sent
from watchfloor.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from watchfloor.capabilities.notifications.schemas.wire import Batch, Envelope
    from watchfloor.kernel.contract import KeepingReport

TIME_S: Final = 25.0  # the profile of the box ends it after thirty
_KEEP_EVERY_S: Final = 1.0
_KEEP_EVERY: Final = 20
_STACK_BYTES: Final = 1 << 19  # the usual eight megabytes of forty threads count as memory of the box
NOT_TRIED: Final = "not_tried"


class Lane:
    """What is to be sent to one place, taken one after the other by everybody who sends there."""

    def __init__(self, envelopes: list[Envelope], ends: float, told: SimpleQueue[Outcome]) -> None:
        """`ends` is when the batch is over, on the monotonic clock."""
        self.ends = ends
        self._waiting = deque(envelopes)
        self._told = told

    def __iter__(self) -> Iterator[Envelope]:
        """Take one after the other."""
        while self._waiting:
            try:
                yield self._waiting.popleft()
            except IndexError:  # another was faster
                return

    @property
    def left_s(self) -> float:
        """Return the seconds until the batch is over."""
        return self.ends - monotonic()

    def tell(self, outcome: Outcome) -> None:
        """Tell how one envelope fared."""
        self._told.put(outcome)

    def leave(self, envelope: Envelope, why: str, retry_after_s: float | None = None) -> None:
        """Say that an envelope and all that wait behind it were not tried, which uses up none of their attempts."""
        for one in (envelope, *self):
            self.tell(Outcome(delivery_id=one.delivery_id, kind=Sent.RETRY, code=NOT_TRIED, reason=why[:300], retry_after_s=retry_after_s))


def deliver(
    batch: Batch, report: KeepingReport, *, place: Callable[[Envelope], str], senders: int, at_once: int, send: Callable[[Lane], None]
) -> Outcomes:
    """Send what is in a batch and return the outcomes that were not handed over on the way.

    Args:
        batch: What to send.
        report: Takes outcomes before the end.
        place: Names where an envelope goes; what goes to one place is sent by at most `senders`.
        senders: How many send to one place.
        at_once: How many places there are at the same time.
        send: Sends what is in a lane; called once for each sender.
    """
    told: SimpleQueue[Outcome] = SimpleQueue()
    ends = monotonic() + TIME_S
    places: dict[str, list[Envelope]] = defaultdict(list)
    for envelope in batch.envelopes:
        places[place(envelope)].append(envelope)
    results = _Results(report, {envelope.delivery_id for envelope in batch.envelopes})
    with _small_stacks(), ThreadPoolExecutor(max_workers=max(1, min(at_once, len(places)) * senders)) as threads:
        for waiting in places.values():
            lane = Lane(waiting, ends, told)
            for _ in range(min(senders, len(waiting))):
                threads.submit(_watched, send, lane)
        while results.missing:
            try:
                results.add(told.get(timeout=_KEEP_EVERY_S))
            except Empty:
                results.keep()
    return Outcomes(outcomes=tuple(results.waiting))


def _watched(send: Callable[[Lane], None], lane: Lane) -> None:
    """Send; an error of our own becomes the outcome of what was not told, so that the rest of the batch is not lost with it."""
    taken: list[Envelope] = []
    watched = _Watched(lane, taken)
    try:
        send(watched)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this lane's outcome
        for one in taken:
            lane.tell(Outcome(delivery_id=one.delivery_id, kind=Sent.RETRY, code="error", reason=f"sending failed: {type(error).__name__}"))
        for one in lane:
            lane.leave(one, "sending to this place failed")


class _Watched(Lane):
    """A lane that remembers what one sender has taken and not told."""

    def __init__(self, lane: Lane, taken: list[Envelope]) -> None:
        self.ends = lane.ends
        self._lane, self._taken = lane, taken

    def __iter__(self) -> Iterator[Envelope]:
        for envelope in self._lane:
            self._taken.append(envelope)
            yield envelope

    def tell(self, outcome: Outcome) -> None:
        self._taken[:] = [one for one in self._taken if one.delivery_id != outcome.delivery_id]
        self._lane.tell(outcome)


class _Results:
    """Outcomes as they come; those that were not kept yet wait."""

    def __init__(self, report: KeepingReport, missing: set[UUID]) -> None:
        self._report, self.missing = report, missing
        self.waiting: list[Outcome] = []
        self._kept_at = monotonic()

    def add(self, outcome: Outcome) -> None:
        if outcome.delivery_id not in self.missing:
            return
        self.missing.discard(outcome.delivery_id)
        self.waiting.append(outcome)
        if len(self.waiting) >= _KEEP_EVERY or monotonic() - self._kept_at >= _KEEP_EVERY_S:
            self.keep()

    def keep(self) -> None:
        if self.waiting and self._report.keep(Outcomes(outcomes=tuple(self.waiting))):
            self.waiting = []
            self._kept_at = monotonic()


@contextmanager
def _small_stacks() -> Iterator[None]:
    before = threading.stack_size(_STACK_BYTES)
    try:
        yield
    finally:
        threading.stack_size(before)
