"""How fast one host may be probed: round-trip time, window and loss, from what it answered. Pure arithmetic.

Source: RFC 6298 for the retransmission timer, slow start and goodput judgement after BBR.
"""

from __future__ import annotations

RTO_MIN, RTO_MAX, RTO_UNKNOWN = 0.150, 1.5, 1.0
WINDOW_START, WINDOW_MIN, WINDOW_MAX = 64, 32, 1000
# A host that answers almost nothing gives no sign of overload either; this many unanswered probes at once are polite and still end.
WINDOW_SILENT = 512
# Linux repeats a SYN after 1 s: a later answer may belong to the repeat and says nothing about the round trip.
SAMPLE_MAX = 0.95
LOSS_TOLERATED = 0.05
EPOCH_REPLIES = 100
RECOVERY_SECONDS = 0.030


class Pace:
    """What is known about one host's speed."""

    __slots__ = (
        "answered", "cut_goodput", "cut_loss", "epoch_lost", "epoch_replies", "epoch_start", "growing", "rescued", "rttvar", "silent", "srtt",
        "timer", "tolerated", "window", "window_before",
    )  # fmt: skip

    def __init__(self) -> None:
        """Know nothing yet."""
        self.srtt: float | None = None
        self.rttvar, self.timer = 0.0, RTO_UNKNOWN
        self.window = float(WINDOW_START)
        self.window_before = 0.0
        self.growing = True
        self.answered = self.silent = self.rescued = 0
        self.epoch_start = 0.0
        self.epoch_replies = self.epoch_lost = 0
        self.tolerated = LOSS_TOLERATED
        self.cut_goodput: float | None = None
        self.cut_loss = 0.0

    def rto(self, attempt: int = 0) -> float:
        """Return how many seconds to wait for an answer, doubled for each repeated attempt."""
        return min(self.timer * (1 << attempt), 2 * RTO_MAX) if attempt else self.timer

    def room(self) -> int:
        """Return how many probes may be in flight to this host."""
        if self.silent > WINDOW_START and self.silent > 9 * self.answered:
            return max(int(self.window), WINDOW_SILENT)
        return int(self.window)

    def tries(self, least: int) -> int:
        """Return how often a silent port is asked: more for a host that answers most probes, most for one that needed repeats."""
        if self.rescued:
            return max(least, 4)
        return max(least, 3) if self.answered > self.silent else least

    def sample(self, rtt: float) -> None:
        """Learn one round trip of a first attempt, in seconds."""
        if rtt >= SAMPLE_MAX:
            self.epoch_lost += 1
            return
        if self.srtt is None:
            self.srtt, self.rttvar = rtt, rtt / 2
        else:
            self.rttvar += (abs(self.srtt - rtt) - self.rttvar) / 4
            self.srtt += (rtt - self.srtt) / 8
        self.timer = min(RTO_MAX, max(RTO_MIN, self.srtt + 4 * self.rttvar + 0.020))

    def reply(self, now: float, *, attempt: int = 0) -> None:
        """Learn that a probe was answered; an answer to a repeated attempt proves that the first was lost."""
        self.answered += 1
        self.epoch_replies += 1
        if attempt:
            self.rescued += 1
            self.epoch_lost += 1
        elif self.growing:
            self.window = min(WINDOW_MAX, self.window + 1)
        else:
            self.window = min(WINDOW_MAX, self.window + 4 / self.window)
        if self.epoch_replies >= EPOCH_REPLIES and now - self.epoch_start > 2 * self.rto():
            self._judge(now)

    def _judge(self, now: float) -> None:
        """Decide at the end of an epoch whether loss means congestion (cut) or is random (do not)."""
        goodput = self.epoch_replies / (now - self.epoch_start)
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
