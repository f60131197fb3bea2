"""The owner's side of the zygote: start it before any key or connection exists, watch it, stop it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic_core import to_json

import watchfloor
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.sandbox.nursery import KIND

if TYPE_CHECKING:
    from collections.abc import Sequence

_START_S = 30.0
_STOP_S = 10.0
_LONGEST_ADDRESS = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


class Zygote:
    """A running zygote. `address` is all that a `Sandbox` needs, in this process or in any child."""

    def __init__(self, paths: Sequence[str], preload: Sequence[str], warm: Sequence[str]) -> None:
        """Use `start`."""
        self._paths = paths
        self._preload, self._warm = preload, warm
        self._owner = os.getpid()
        self.address = str(_private_folder() / "zygote")
        self._process = self._spawn()

    @property
    def pid(self) -> int:
        """Return the process id of the present zygote."""
        return self._process.pid

    def alive(self) -> bool:
        """Tell whether orders are accepted; true in any process that shares this object."""
        if os.getpid() == self._owner and self._process.poll() is not None:
            return False
        with socket.socket(socket.AF_UNIX, KIND) as probe:
            probe.settimeout(1)
            return probe.connect_ex(self.address) == 0

    def restart(self) -> None:
        """End this zygote with all its boxes and start another at the same address; for the owner only."""
        if os.getpid() != self._owner:
            raise SetupError("Only the process that started the zygote can restart it; restart the worker.")
        self._end()  # the folder stays: its name is known by now, and nobody else may take it
        self._process = self._spawn()

    def stop(self) -> None:
        """End the zygote and every box; does nothing in a process that did not start it."""
        if os.getpid() == self._owner:
            self._end()
            shutil.rmtree(Path(self.address).parent, ignore_errors=True)

    def _end(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.terminate()
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = to_json(
            {"address": self.address, "parent": os.getpid(), "preload": list(self._preload), "warm": list(self._warm)}
        ).decode()
        # A fresh interpreter instead of a fork: nothing of this process, known or forgotten, is in its memory.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-s", "-m", "watchfloor.kernel.sandbox", settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment(),
            cwd="/",
            start_new_session=True,
        )
        if not self._ready(process):
            process.kill()
            code = process.wait()
            message = f"The sandbox's zygote did not start (exit code {code}); its own words are above, in this process's error output."
            raise SetupError(message)
        return process

    def _environment(self) -> dict[str, str]:
        package = Path(watchfloor.__file__).resolve().parent.parent
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": os.pathsep.join([str(package), *self._paths]),
        }
        # As root boxes run as nobody, who reaches the system's own temporary folder but perhaps not ours.
        if os.geteuid() != 0 and "TMPDIR" in os.environ:
            environment["TMPDIR"] = os.environ["TMPDIR"]
        return environment

    def _ready(self, process: subprocess.Popen[bytes]) -> bool:
        if process.stdout is None:
            return False
        with process.stdout as output:
            readable, _, _ = select.select([output], [], [], _START_S)
            return bool(readable) and output.readline() == b"ready\n"


def _private_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-zygote-"))
    if len(str(folder)) > _LONGEST_ADDRESS - 10:
        with contextlib.suppress(OSError):
            folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="watchfloor-zygote-", dir="/tmp"))
    return folder


def start(*, paths: Sequence[str | Path] = (), preload: Sequence[str] = (), warm: Sequence[str] = ()) -> Zygote:
    """Start a zygote; call it before keys are read or connections opened, and keep the result.

    It ends with the calling process, however that ends, and every box ends with it.

    Args:
        paths: Folders beside this package's own from which boxes import.
        preload: Modules to import now rather than with each box that needs them.
        warm: Modules to import as soon as nobody wants a box for half a second.

    Raises:
        SetupError: It did not become ready within 30 s.
    """
    return Zygote([str(Path(path).resolve()) for path in paths], list(preload), list(warm))
