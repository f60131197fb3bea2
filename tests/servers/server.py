"""A running server that a test may stop, kill, wipe and start again."""

from __future__ import annotations

import shutil
import socket
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator


@dataclass
class Server:
    """One server; `url` stays the same over restarts."""

    url: str
    launch: Callable[[], subprocess.Popen[bytes]]
    halt: Callable[[subprocess.Popen[bytes]], None]
    erase: Callable[[], None]
    child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        assert self.child is not None
        return self.child.pid

    def start(self) -> None:
        """Start it and return when it answers."""
        assert self.child is None
        self.child = self.launch()

    def stop(self) -> None:
        """Stop it in order."""
        if self.child is not None:
            self.halt(self.child)
            self.child = None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()
        self.child = None

    def wipe(self) -> None:
        """Forget everything a stopped server stored."""
        assert self.child is None
        self.erase()


@contextmanager
def folder(name: str) -> Iterator[Path]:
    """Make a short temporary directory that other accounts may pass through; pytest's own are closed to them."""
    made = Path(tempfile.mkdtemp(prefix=f"wf-{name}-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run a server for the length of the block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a loopback port nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
