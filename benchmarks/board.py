"""A shared page on which every no-op job of every peer leaves the same mark: that it ran, and when."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLE: Final = "BENCHMARK_BOARD"
SLOTS: Final = 4096  # one for each process that ever runs a job; workers replace theirs now and then
MARK: Final = struct.Struct("<QQQQ")  # pid, jobs, first and last start in nanoseconds since 1970
SIZE: Final = SLOTS * MARK.size


@dataclass(frozen=True)
class Tally:
    """What all processes together have left on the board."""

    jobs: int
    processes: int
    first_ns: int
    last_ns: int


class Board:
    """The page as the measuring side sees it."""

    def __init__(self, path: Path) -> None:
        """Map the page, making it when it is missing."""
        with path.open("ab") as file:
            file.truncate(SIZE)
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), SIZE)

    def arm(self) -> None:
        """Forget everything; only while no job runs."""
        for slot in range(SLOTS):
            pid = MARK.unpack_from(self._page, slot * MARK.size)[0]
            if not pid:
                return
            MARK.pack_into(self._page, slot * MARK.size, pid, 0, 0, 0)

    def read(self) -> Tally:
        """Add up all marks."""
        jobs = processes = last = 0
        first = 0
        for pid, count, began, latest in MARK.iter_unpack(self._page):
            if not pid:
                break
            if count:
                jobs, processes, last = jobs + count, processes + 1, max(last, latest)
                first = min(first, began) if first else began
        return Tally(jobs, processes, first, last)


class _Hand:
    """This process's own slot."""

    def __init__(self) -> None:
        """Take the next free slot; a lock keeps two processes from taking the same."""
        self.pid = os.getpid()
        with Path(os.environ[VARIABLE]).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.page = mmap.mmap(file.fileno(), SIZE)
            self.at = next(at for at in range(0, SIZE, MARK.size) if not MARK.unpack_from(self.page, at)[0])
            MARK.pack_into(self.page, self.at, self.pid, 0, 0, 0)
            fcntl.flock(file, fcntl.LOCK_UN)  # the mapping keeps the file open, and an open file keeps its lock


_hand: _Hand | None = None


def tick() -> None:
    """Mark that a job started; the whole body of every peer's no-op job, about two microseconds."""
    global _hand  # noqa: PLW0603 - one slot a process, found again at each job
    now = time.time_ns()
    if _hand is None or _hand.pid != os.getpid():
        _hand = _Hand()
    pid, jobs, first, _last = MARK.unpack_from(_hand.page, _hand.at)
    MARK.pack_into(_hand.page, _hand.at, pid, jobs + 1, first or now, now)
