"""How fast one host may be probed: round-trip time, window and loss, from what it answered. Pure arithmetic.

Source: RFC 6298 for the retransmission timer, slow start and goodput judgement after BBR.
"""

from __future__ import annotations

import math
from statistics import median

RTO_MIN, RTO_MAX, RTO_UNKNOWN = 0.150, 1.5, 1.0
# The second try waits no longer than the first: loss is more usual than slowness, and a timer that is too short shows in late answers.
PATIENCE = (1, 1, 2, 2)
WINDOW_START, WINDOW_MIN, WINDOW_MAX = 64, 32, 1000
# A host that answers almost nothing gives no sign of overload either. Canaries lower this; before it has answered at all, the long
# timer keeps it to a thousand probes a second.
WINDOW_SILENT = 1000
# Linux repeats a SYN after 1 s: a later answer may belong to the repeat and says nothing about the round trip.
SAMPLE_MAX = 0.95
LOSS_TOLERATED = 0.05
EPOCH_REPLIES = 100
RECOVERY_SECONDS = 0.030
TRIES_MAX = 4
CANARIES = 20  # how many judge the loss on the way to a silent host
MISSED = 0.001 / 20  # an open port may be missed that often by loss alone


class Neighbourhood:
    """What hosts of one network have shown: a first idea of the others."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        """Know nothing."""
        self.seen: list[float] = []

    def learn(self, srtt: float) -> None:
        """Take the first round trip of a host; sixteen are enough."""
        if len(self.seen) < 16:  # noqa: PLR2004 - see above
            self.seen.append(srtt)

    def timer(self) -> float:
        """Return how long to wait for a host that has not answered yet."""
        if len(self.seen) < 3:  # noqa: PLR2004 - fewer are no crowd
            return RTO_UNKNOWN
        return min(RTO_UNKNOWN, max(2 * RTO_MIN, 5 * median(self.seen)))


class Pace:
    """What is known about one host's speed."""

    __slots__ = (
        "answered", "canaries", "canaries_back", "cut_goodput", "cut_loss", "epoch_lost", "epoch_replies", "epoch_start", "growing", "neighbourhood",
        "rescued", "rttvar", "silent", "silent_window", "srtt", "timer", "tolerated", "window", "window_before",
    )  # fmt: skip

    def __init__(self, neighbourhood: Neighbourhood | None = None) -> None:
        """Know nothing yet but what the neighbours have shown."""
        self.neighbourhood = neighbourhood
        self.srtt: float | None = None
        self.rttvar, self.timer = 0.0, RTO_UNKNOWN
        self.window, self.silent_window = float(WINDOW_START), float(WINDOW_SILENT)
        self.window_before = 0.0
        self.growing = True
        self.answered = self.silent = self.rescued = 0
        self.canaries = self.canaries_back = 0
        self.epoch_start: float | None = None
        self.epoch_replies = self.epoch_lost = 0
        self.tolerated = LOSS_TOLERATED
        self.cut_goodput: float | None = None
        self.cut_loss = 0.0

    def rto(self, attempt: int = 0) -> float:
        """Return how many seconds to wait for an answer to the first (0) or a repeated attempt."""
        timer = self.neighbourhood.timer() if self.srtt is None and self.neighbourhood else self.timer
        return min(timer * PATIENCE[min(attempt, len(PATIENCE) - 1)], 2 * RTO_MAX)

    def room(self) -> int:
        """Return how many probes may be in flight to this host."""
        return int(max(self.window, self.silent_window) if self.mostly_silent() else self.window)

    def mostly_silent(self) -> bool:
        """Return whether the host answers so little that its answers say nothing about loss."""
        return self.silent > WINDOW_START and self.silent > 9 * self.answered

    def tries(self, least: int) -> int:
        """Return how often a silent port is asked: by the loss on the way where it is known, more for a host that usually answers."""
        if self.mostly_silent():
            return max(least, self._tries_for_loss()) if self.canaries else least
        if self.rescued:
            return max(least, TRIES_MAX)
        return max(least, 3) if self.answered > self.silent else least

    def _tries_for_loss(self) -> int:
        loss = (self.canaries - self.canaries_back + 0.25) / (self.canaries + 10)
        return min(TRIES_MAX, math.ceil(math.log(MISSED) / math.log(loss)))

    def canary(self, *, back: bool) -> None:
        """Learn that a port which is known to answer did or did not; only for a mostly silent host."""
        self.canaries += 1
        self.canaries_back += back
        if back:
            self.silent_window = min(WINDOW_MAX, self.silent_window * 1.5)
        elif self.canaries - self.canaries_back > LOSS_TOLERATED * max(CANARIES, self.canaries):
            self.silent_window = max(WINDOW_START, self.silent_window / 2)

    def sample(self, rtt: float) -> None:
        """Learn one round trip of a first attempt, in seconds."""
        if rtt >= SAMPLE_MAX:
            self.epoch_lost += 1
            return
        if self.srtt is None:
            self.srtt, self.rttvar = rtt, rtt / 2
            if self.neighbourhood:
                self.neighbourhood.learn(rtt)
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) / 4
            self.srtt += (rtt - self.srtt) / 8
        self.timer = min(RTO_MAX, max(RTO_MIN, self.srtt + 4 * self.rttvar + 0.020))

    def late(self, rtt: float) -> None:
        """Learn that an answer came after the timer: wait at least that long, and a bit, from now on."""
        self.sample(rtt)
        self.timer = min(RTO_MAX, max(self.timer, 1.25 * rtt))

    def replies(self, now: float, count: int = 1, *, attempt: int = 0) -> None:
        """Learn that probes were answered; an answer to a repeated attempt proves that the first was lost."""
        self.answered += count
        self.epoch_replies += count
        if self.epoch_start is None:
            self.epoch_start = now
        if attempt:
            self.rescued += count
            self.epoch_lost += count
        elif self.growing:
            self.window = min(WINDOW_MAX, self.window + count)
        else:
            self.window = min(WINDOW_MAX, self.window + 4 * count / self.window)
        if self.epoch_replies >= EPOCH_REPLIES and now - self.epoch_start > 2 * self.rto():
            self._judge(now, self.epoch_replies / (now - self.epoch_start))

    def _judge(self, now: float, goodput: float) -> None:
        """Decide at the end of an epoch whether loss means congestion (cut) or is random (do not); goodput in replies a second."""
        loss = self.epoch_lost / self.epoch_replies
        if self.cut_goodput is not None:
            if goodput < 0.9 * self.cut_goodput and loss > 0.7 * self.cut_loss:
                # Slower and just as lossy: the loss does not come from our speed.
                self.window, self.tolerated = self.window_before, min(0.5, 1.5 * max(loss, self.cut_loss))
            self.cut_goodput = None
        elif loss > self.tolerated:
            self.window_before, self.cut_goodput, self.cut_loss = self.window, goodput, loss
            self.window, self.growing = max(WINDOW_MIN, self.window / 2), False
        self.epoch_start, self.epoch_replies, self.epoch_lost = now, 0, 0


class Cap:
    """How many connections may be in flight in all: lowered when this machine runs short, recovering slowly."""

    def __init__(self, most: int) -> None:
        """Start at the most."""
        self.most = max(1, most)
        self.now = float(self.most)
        self.at = 0.0

    def short_of_descriptors(self, open_now: int) -> None:
        """Never ask again for more than what was possible; a few are tried always, for the shortage may pass."""
        self.most = max(8, open_now)
        self.now = float(self.most)

    def short_of_ports(self) -> None:
        """Cut by a fifth."""
        self.now = max(1.0, self.now * 0.8)

    def recover(self, now: float) -> None:
        """Grow by a tenth each 30 ms until the most is reached."""
        if self.now < self.most and now - self.at >= RECOVERY_SECONDS:
            self.now, self.at = min(self.most, self.now * 1.1 + 1), now
