"""Probes in flight: by descriptor, and by the moment their answer is overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.control import SAMPLE_MAX

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.connect.scanner.host import Host, Waiting
    from watchfloor.capabilities.scans.connect.scanner.sockets import Sockets

TICKS = 64  # per second: how exactly a missing answer is noticed
SENTINELS = 64
SENTINEL_SECONDS = 3.0


class Flight:
    """What was sent and not answered; a few that were given up stay open, to see whether we were only impatient."""

    def __init__(self, sockets: Sockets, now: float) -> None:
        """Begin with nothing."""
        self.sockets = sockets
        self.waiting: dict[int, Waiting] = {}
        self.deadlines: dict[int, list[Waiting]] = {}
        self.sentinels: dict[int, Waiting] = {}
        self.tick = int(now * TICKS)

    def __len__(self) -> int:
        """Return how many descriptors are in use."""
        return len(self.waiting) + len(self.sentinels)

    def add(self, one: Waiting) -> None:
        """Wait for its answer."""
        self.waiting[one.sock.fileno()] = one
        one.host.in_flight += 1
        self._file(one)
        self.sockets.watch(one.sock)

    def _file(self, one: Waiting) -> None:
        tick = max(self.tick, int((one.sent + one.host.pace.rto(one.attempt)) * TICKS) + 1)
        due = self.deadlines.get(tick)
        if due is None:
            self.deadlines[tick] = [one]
        else:
            due.append(one)

    def hurry(self, host: Host) -> None:
        """Expect answers of a host at the pace it has now shown; what went out before was given the time of an unknown one."""
        for one in self.waiting.values():
            if one.host is host:
                self._file(one)

    def overdue(self, now: float) -> list[Waiting]:
        """Take out what has not been answered in time."""
        present = int(now * TICKS)
        late: list[Waiting] = []
        for tick in range(self.tick, present):
            for one in self.deadlines.pop(tick, ()):
                # Answered in time, or filed twice: its descriptor is closed, idle or waits for another answer.
                if self.waiting.get(one.sock.fileno()) is one:
                    del self.waiting[one.sock.fileno()]
                    one.host.in_flight -= 1
                    late.append(one)
        self.tick = max(self.tick, present)
        return late

    def let_go(self, one: Waiting) -> None:
        """Close an overdue probe, or leave it as a sentinel."""
        if len(self.sentinels) < min(SENTINELS, self.sockets.cap.now // 16) and one.host.pace.srtt is not None and one.attempt == 0:
            self.sentinels[one.sock.fileno()] = one
        else:
            self.sockets.discard(one.sock)

    def late_answer(self, fd: int, now: float) -> None:
        """Learn from an answer that came after we had given up; the retry will tell about the port."""
        one = self.sentinels.pop(fd, None)
        if one is None:
            return
        if now - one.sent < SAMPLE_MAX:
            one.host.pace.late(now - one.sent)
        self.sockets.discard(one.sock)

    def relieve(self, now: float) -> None:
        """Close sentinels that have watched long enough."""
        for fd, one in list(self.sentinels.items()):
            if now - one.sent < SENTINEL_SECONDS:
                return
            del self.sentinels[fd]
            self.sockets.discard(one.sock)

    def clear(self) -> list[Waiting]:
        """Close everything and return what was still waited for."""
        left = list(self.waiting.values())
        for one in (*left, *self.sentinels.values()):
            self.sockets.discard(one.sock)
        for one in left:
            one.host.in_flight -= 1
        self.waiting.clear()
        self.sentinels.clear()
        self.deadlines.clear()
        return left
