"""Receivers in a process of their own, so that taking a message costs its sender nothing: counts different ids of what came."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@dataclass
class Aside:
    """A receiver that runs; `arrived` is known when it has ended."""

    port: int
    arrived: int = 0


@contextmanager
def aside(kind: str) -> Iterator[Aside]:
    """Run a receiver of `http` or `smtp` on loopback."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.deliveries.aside", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
    ) as process:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert process.stdout is not None  # noqa: S101 - see above
        found = Aside(int(process.stdout.readline()))
        try:
            yield found
        finally:
            process.stdin.close()
            found.arrived = int(process.stdout.readline() or 0)


class Envelope(Protocol):
    """What aiosmtpd hands over of a mail."""

    original_content: bytes


class Counter:
    """Counts messages by their ids; those without one each count."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self.ids: set[bytes] = set()

    def add(self, headers: bytes, name: bytes) -> None:
        """Count one."""
        at = headers.lower().find(name)
        self.ids.add(headers[at : headers.find(b"\r\n", at + 2)] if at >= 0 else str(len(self.ids)).encode())

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - as aiosmtpd calls it
        """Take a mail."""
        self.add(envelope.original_content, b"\r\nmessage-id:")
        return "250 taken"

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it closes."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().find(b"content-length:")
                await reader.readexactly(int(head[at + 15 : head.find(b"\r\n", at)]))
                self.add(head, b"\r\nwebhook-id:")
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def serve(kind: str) -> None:
    """Serve until standard input closes, then say how many came."""
    counter = Counter()
    if kind == "smtp":
        from aiosmtpd.smtp import SMTP  # noqa: PLC0415 - the other receiver does without

        loop = asyncio.get_running_loop()
        door = await loop.create_server(lambda: SMTP(counter, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    else:
        door = await asyncio.start_server(counter.speak, "127.0.0.1", 0)
    sys.stdout.write(f"{door.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.write(f"{len(counter.ids)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
