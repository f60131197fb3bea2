"""What a tree of processes has cost, read from /proc: CPU time with that of children long gone, and memory."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable

VARIABLE: Final = "BENCHMARK_TREE"
TICK_MS: Final = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One line of /proc/PID/stat, as far as we need it."""

    pid: int
    parent: int
    cpu_ms: float  # its own and that of its children it has waited for


@dataclass(frozen=True)
class Tree:
    """The processes that descend from some roots, or carry a mark in their environment wherever they went."""

    roots: tuple[int, ...]
    mark: str = ""

    def processes(self) -> list[Process]:
        """Return the tree's living processes, parents before children."""
        found = {process.pid: process for process in _all()}
        children: dict[int, list[int]] = defaultdict(list)
        for process in found.values():
            children[process.parent].append(process.pid)
        marked = [pid for pid in found if self.mark and _carries(pid, self.mark)]
        ordered: dict[int, Process] = {}
        waiting = [*self.roots, *marked]
        while waiting:
            pid = waiting.pop(0)
            if pid in found and pid not in ordered:
                ordered[pid] = found[pid]
                waiting += children[pid]
        return list(ordered.values())

    def cpu_ms(self) -> float:
        """Return the user and system time spent so far.

        A child that ended counts through its parent's cutime and cstime, so a PostgreSQL backend or a pool process that came
        and went between two readings is not lost. Lost is only an orphan's time once init has buried it.
        """
        return sum(process.cpu_ms for process in self.processes())

    def memory_mb(self) -> float:
        """Return the proportional set size: pages that processes share are counted once."""
        return sum(_pss_kb(process.pid) for process in self.processes()) / 1024

    def send(self, word: signal.Signals) -> None:
        """Signal every process of the tree, parents first."""
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, word)


NOTHING: Final = Tree(())


def _all() -> Iterable[Process]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
                yield Process(int(entry.name), int(fields[1]), sum(map(int, fields[11:15])) * TICK_MS)


def _carries(pid: int, mark: str) -> bool:
    with contextlib.suppress(OSError):
        return f"{VARIABLE}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
