"""Do not fill the connection table of this machine, or of one that our packets pass: each unanswered SYN holds an entry for minutes."""

from __future__ import annotations

from collections import deque
from pathlib import Path

TABLE = Path("/proc/sys/net/netfilter")
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
BETWEEN_LOOKS = 0.5
FULL, BEARABLE = 0.60, 0.55  # of the table: stop there, go on here
GUESSED = 0.75  # what a guessed share weighs beside one that was read
KEPT_SECONDS = 120.0  # nf_conntrack_tcp_timeout_syn_sent
UNSEEN_TABLE = 50_000  # of a host that we cannot look at; 65,536 is the kernel's default on a small machine


class Conntrack:
    """Says when to pause.

    A table that counts our probes is read. In a container the table that matters may be the host's: there, and where the table cannot
    be read, our own unanswered probes of the last two minutes are held against its size, with less reserve, since it is a guess and
    the kernel evicts unanswered entries first. Without conntrack in the kernel nothing is held back.
    """

    def __init__(self, table: Path = TABLE, *, container: bool | None = None) -> None:
        """Look whether there is a table at all."""
        self.table = table
        self.container = any(mark.exists() for mark in CONTAINER_MARKS) if container is None else container
        self.present = table.exists()
        self.size = self._read("nf_conntrack_max")
        self.looked = float("-inf")
        self.full = False
        self.pauses = 0
        self.recent: deque[tuple[float, int]] = deque()
        self.before = 0

    def must_pause(self, now: float, unanswered: int) -> bool:
        """Return whether to send nothing now; `unanswered` is how many probes of this scan were in vain so far."""
        if not self.present or now - self.looked < BETWEEN_LOOKS:
            return self.full
        self.looked = now
        self._remember(now, unanswered)
        share = self._share()
        was, self.full = self.full, share > (BEARABLE if self.full else FULL)
        self.pauses += self.full and not was
        return self.full

    def _remember(self, now: float, unanswered: int) -> None:
        if unanswered > self.before:
            self.recent.append((now, unanswered - self.before))
            self.before = unanswered
        while self.recent and now - self.recent[0][0] > KEPT_SECONDS:
            self.recent.popleft()

    def _share(self) -> float:
        """Return how full the table is, from 0 to 1."""
        count = self._read("nf_conntrack_count")
        ours = sum(part for _, part in self.recent)
        if self.size is None or count is None:
            return GUESSED * ours / (self.size or UNSEEN_TABLE)
        return max(count, GUESSED * ours if self.container else 0) / max(1, self.size)

    def _read(self, name: str) -> int | None:
        try:
            return int((self.table / name).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
