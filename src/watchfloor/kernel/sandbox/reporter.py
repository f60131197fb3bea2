"""The box's mouth: progress, parts to keep, a stream of frames, and the files that came in with the order."""

from __future__ import annotations

import fcntl
import math
import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pydantic_core import from_json, to_json

from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.sandbox import wire
from watchfloor.kernel.sandbox.profiles import MIB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

_REPORT_EVERY_S = 0.05
_MODES = {os.O_RDONLY: "rb", os.O_WRONLY: "wb", os.O_RDWR: "r+b"}


def bounded(answer: object) -> bytes:
    """Return an answer as JSON; GiveUp when it is too large."""
    body = to_json(answer)
    if len(body) > wire.BODY_LIMIT_BYTES:
        message = f"sandbox: the answer has {len(body)} bytes, {wire.BODY_LIMIT_BYTES} are allowed; split the work into smaller jobs"
        raise GiveUp(message)
    return body


class Reporter:
    """Sends progress at most 20 times a second, the last value always, and what is to be kept before the end."""

    def __init__(self, channel: socket.socket, files: Mapping[str, int]) -> None:
        """Share the channel that the answer takes later; `files` are descriptors by name."""
        self._channel = channel
        self._files = files
        self._lock = threading.Lock()
        self._waiting: bytes | None = None
        self._sent_at = -math.inf
        self._answered = bytearray()
        self._owes_reply = False
        self._reply: dict[str, Any] = {}

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report from any thread."""
        shown = [
            min(max(int(done), 0), 1 << 52),
            min(max(int(total), 0), 1 << 52),
            wire.scrub(phase, limit=100),
            wire.scrub(note, limit=500),
        ]
        with self._lock:
            self._waiting = wire.frame(wire.PROGRESS, to_json(shown))
            if time.monotonic() - self._sent_at >= _REPORT_EVERY_S:
                self._send()

    @property
    def reply(self) -> dict[str, Any]:
        """Return what the supervisor said last when it had kept a part."""
        with self._lock:
            self._heard()
            return self._reply

    def keep(self, answer: BaseModel) -> bool:
        """Hand over a part of the answer to be kept now; False while the part before it is still being kept, then nothing was sent."""
        with self._lock:
            if not self._heard():
                return False
            self._send()
            self._channel.sendall(wire.frame(wire.KEEP, bounded(answer)))
            self._owes_reply = True
        return True

    def send(self, body: bytes | bytearray) -> None:
        """Hand one frame of at most 8 MiB to the handler; waits while it is busy with the frames before."""
        if len(body) > wire.BODY_LIMIT_BYTES:
            message = f"sandbox: a frame has {len(body)} bytes, {wire.BODY_LIMIT_BYTES} are allowed; send smaller ones"
            raise GiveUp(message)
        with self._lock:
            self._channel.sendall(wire.header(wire.STREAM, len(body)))
            self._channel.sendall(body)

    def file(self, name: str) -> BinaryIO:
        """Open a file that came with the order, from its beginning where it can be read and rewound; GiveUp names those there are."""
        number = self._files.get(name)
        if number is None:
            there = ", ".join(sorted(self._files)) or "none"
            message = f"sandbox: no file {name!r} was given to this box; there are: {there}"
            raise GiveUp(message)
        access = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
        if access != os.O_WRONLY:
            with suppress(OSError):  # a pipe starts where it is
                os.lseek(number, 0, os.SEEK_SET)
        return cast("BinaryIO", os.fdopen(os.dup(number), _MODES[access]))

    def _heard(self) -> bool:
        """Take replies that have arrived; True when none is outstanding."""
        with suppress(BlockingIOError):
            while piece := self._channel.recv(MIB, socket.MSG_DONTWAIT):
                self._answered += piece
        for kind, body in wire.frames(self._answered):
            if kind == wire.REPLY:
                self._reply, self._owes_reply = from_json(body), False
        return not self._owes_reply

    def flush(self) -> None:
        """Send what is still held back."""
        with self._lock:
            self._send()

    def _send(self) -> None:
        if self._waiting is not None:
            self._channel.sendall(self._waiting)
            self._waiting, self._sent_at = None, time.monotonic()
