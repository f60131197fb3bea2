"""Receivers that may be killed: `python -m tests.chaos.receivers http|smtp PORT FILE` writes each message's id down before it says that it took it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Apart:
    """A receiver in a process of its own, on the same port whenever it comes back."""

    kind: str
    file: Path
    port: int = 0
    child: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Serve."""
        self.file.touch()
        command = [sys.executable, "-m", "tests.chaos.receivers", self.kind, str(self.port), str(self.file)]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.child.stdout is not None
        self.port = int(self.child.stdout.readline())

    def kill(self) -> None:
        """End it as a power cut does."""
        self.child.kill()
        self.child.communicate()

    def ids(self) -> list[str]:
        """Return the ids of all that came, in their order."""
        return self.file.read_text().split()


def hears_http(port: int, put: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            put(self.headers["webhook-id"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(server.server_port, flush=True)  # noqa: T201 - who started it waits for it
        server.serve_forever()


def hears_smtp(port: int, put: Any) -> None:
    class Box:
        async def handle_DATA(self, _server: SMTP, _session: object, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
            put(str(BytesHeaderParser().parsebytes(envelope.original_content)["Message-ID"]).strip())
            return "250 taken"

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        door = await loop.create_server(lambda: SMTP(Box(), hostname="mail.test", loop=loop), "127.0.0.1", port)
        print(door.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - see above
        await door.serve_forever()

    asyncio.run(serve())


def main(kind: str, port: str, file: str) -> None:
    """Receive until killed."""
    sink, lock = os.open(file, os.O_WRONLY | os.O_APPEND), threading.Lock()

    def put(text: str) -> None:
        with lock:
            os.write(sink, f"{text}\n".encode())

    {"http": hears_http, "smtp": hears_smtp}[kind](int(port), put)


if __name__ == "__main__":
    main(*sys.argv[1:])
