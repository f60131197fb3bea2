"""A real HTTP server that takes messages, answers as it is told, and remembers what came."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@dataclass
class Receiver:
    """What came, in order: headers with small names, and bodies. `answers` are used up one by one, then 200."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    lock: threading.Condition = field(default_factory=threading.Condition)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Remember a message and return the status to answer with."""
        with self.lock:
            self.came.append((headers, body))
            self.lock.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def wait_for(self, count: int, child: subprocess.Popen[bytes]) -> None:
        """Wait until so many have come, or the process that sends them has ended."""
        with self.lock:
            while len(self.came) < count and child.poll() is None:
                self.lock.wait(0.5)

    def ids(self) -> list[str]:
        """Return the ids of what came."""
        return [headers["webhook-id"] for headers, _body in self.came]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Serve on a free loopback port."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            status = found.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")  # what Slack says

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
