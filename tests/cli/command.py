"""Run the real command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 120


def environment(data_dir: Path | None = None, **more: str) -> dict[str, str]:
    """Return a clean environment: none of the tester's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHFLOOR_")}
    return {**kept, **({"WATCHFLOOR_DATA_DIR": str(data_dir)} if data_dir else {}), "COLUMNS": "100", "TERM": "dumb", **more}


def wf(*arguments: str, data_dir: Path | None = None, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "watchfloor", *arguments], env=environment(data_dir, **more), input=stdin, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def start(*arguments: str, data_dir: Path, log: Path, **more: str) -> subprocess.Popen[bytes]:
    """Start a command that stays; its output goes to `log`."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "watchfloor", *arguments], env=environment(data_dir, **more), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True,
        )  # fmt: skip
