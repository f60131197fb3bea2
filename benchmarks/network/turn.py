"""One program's turn at one case: its wall time, CPU time, peak memory, and which open ports it named."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BETWEEN_LOOKS_S: Final = 0.05
PATIENCE_S: Final = 600.0

Port = tuple[str, int]


@dataclass
class Turn:
    """What one run showed. `said` is what only our engine tells."""

    wall_s: float
    cpu_s: float
    memory_mb: float
    open: frozenset[Port] = frozenset()
    said: dict[str, Any] = field(default_factory=dict)


class TurnFailed(Exception):
    """A program ended with an error; the message carries its last words."""


def measured(command: Sequence[str], environment: dict[str, str]) -> tuple[Turn, str]:
    """Run a program to its end; returns what it cost as a whole process, and what it printed."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        peak = _Peak(child.pid)
        peak.start()
        before = os.times()
        try:
            out, words = child.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise TurnFailed(f"{command[-1]} did not end within {PATIENCE_S:.0f} s") from None
        wall, after = time.monotonic() - began, os.times()
        peak.join()
    if child.returncode:
        raise TurnFailed(f"exit code {child.returncode}: {words.strip()[-1000:]}")
    return Turn(wall, after.children_user + after.children_system - before.children_user - before.children_system, peak.mb), out


class _Peak(threading.Thread):
    """Reads a process's peak memory now and then; what it reports after its end would count its parent's as well."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.status = Path(f"/proc/{pid}/status")
        self.mb = 0.0

    def run(self) -> None:
        while True:
            found = 0.0
            with contextlib.suppress(OSError):
                for line in self.status.read_text(encoding="ascii").splitlines():
                    if line.startswith("VmHWM:"):
                        found = int(line.split()[1]) / 1024
            if not found:
                return
            self.mb = found
            time.sleep(BETWEEN_LOOKS_S)
