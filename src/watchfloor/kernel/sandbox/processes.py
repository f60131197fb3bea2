"""Trees of processes, read from /proc: who belongs to a box, what it uses, and how all of it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STOP_ROUNDS = 50
_PATIENCE_S = 30.0


def available() -> bool:
    """Tell whether this system shows its processes in /proc."""
    return Path("/proc/self/statm").exists()


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names, or an open folder
        if name.isdigit():
            with contextlib.suppress(OSError):
                yield int(name), _parent(int(name))


def _parent(pid: int) -> int:
    # The command in parentheses may hold blanks and parentheses of its own.
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[1])


def descends(pid: int, root: int) -> bool:
    """Tell whether `pid` lies below `root`; True as well when it cannot be known."""
    while pid > 1:
        if pid == root:
            return True
        try:
            pid = _parent(pid)
        except OSError:
            return True
    return False


def descendants(root: int) -> set[int]:
    """Return every process below `root`, zombies too; looks at the whole machine, so not for every tick."""
    if not available():
        return set()
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        fresh = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(fresh)
        waiting.extend(fresh)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names, or an open folder
            with contextlib.suppress(OSError):
                found.extend(map(int, Path(f"/proc/{pid}/task/{task}/children").read_bytes().split()))
    return found


def tree(root: int, limit: int) -> list[int]:
    """Return the processes below `root` cheaply, at most `limit`; may miss one that moves meanwhile."""
    found: list[int] = []
    waiting = [root]
    while waiting and len(found) < limit:
        fresh = _children(waiting.pop())
        found.extend(fresh)
        waiting.extend(fresh)
    return found[:limit]


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return 0


def _numbers(path: str, *names: bytes) -> int:
    """Sum the kB lines of these names; OSError where the kernel refuses."""
    lines = Path(path).read_bytes().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.partition(b":")[0] in names)


def _own(pid: int) -> int:
    """Return what `pid` uses when pages shared with others are split, or without its files where we may not look that closely."""
    with contextlib.suppress(OSError):
        return _numbers(f"/proc/{pid}/smaps_rollup", b"Pss")
    with contextlib.suppress(OSError):
        return _numbers(f"/proc/{pid}/status", b"RssAnon", b"RssShmem")
    return 0


def memory_bytes(pids: list[int], limit: int) -> int:
    """Return what these processes use together; exact only above `limit`, where it costs more."""
    total = sum(map(_resident, pids))
    return total if total <= limit else sum(map(_own, pids))


def signal_all(pids: set[int], number: signal.Signals) -> None:
    """Send a signal to each that still exists and is ours to signal."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _kill_round(root: int) -> None:
    # Stopped processes fork no more: without this a fork bomb outruns the killing.
    seen: set[int] = set()
    for _ in range(_STOP_ROUNDS):
        now = descendants(root)
        if now <= seen:
            break
        signal_all(now - seen, signal.SIGSTOP)
        seen |= now
    signal_all(descendants(root), signal.SIGKILL)


def end_descendants() -> bool:
    """Kill and reap everything below this process; True when nothing is left.

    Finds processes that left their session and group, if this process adopts orphans. False only if the kernel cannot end one
    within 30 s (stuck in a driver).
    """
    give_up = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        _kill_round(os.getpid())
        time.sleep(0.001)
    return False
