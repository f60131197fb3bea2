"""A web server on loopback that answers by script: whole, broken off, slow, or not at all."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"


@dataclass(frozen=True)
class Asked:
    """A request as it came in; header names are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What to send. `cut` closes the connection after so many bytes of the body, `stall` keeps it open there and sends no more."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: int | None = None
    length: int | None = None


class Quiet(ThreadingHTTPServer):
    """Says nothing about clients that hang up."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


class Server:
    """Answers with what `plan` holds for a path, one after the other, the last one for ever; else asks `answer`."""

    def __init__(self, answer: Callable[[Asked], Answer] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.plan: dict[str, list[Answer]] = defaultdict(list)
        self.asked: list[Asked] = []
        self.answer = answer
        self.released = threading.Event()
        self._lock = threading.Lock()
        self.httpd = Quiet(("127.0.0.1", 0), self._handler())
        if tls:
            self.httpd.socket = tls.wrap_socket(self.httpd.socket, server_side=True)
        self.scheme = "https" if tls else "http"

    @property
    def port(self) -> int:
        return int(self.httpd.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def decide(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            planned = self.plan.get(asked.path) or self.plan.get(asked.path.partition("?")[0])
            if planned:
                return planned.pop(0) if len(planned) > 1 else planned[0]
        return self.answer(asked) if self.answer else Answer(status=404, body=b"no such thing")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
                send(self, server.decide(asked), server.released)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                send(self, server.decide(asked), server.released)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


def send(handler: BaseHTTPRequestHandler, answer: Answer, released: threading.Event) -> None:
    handler.send_response(answer.status)
    headers = dict(answer.headers)
    if answer.status not in {204, 304} and "Transfer-Encoding" not in headers:
        headers.setdefault("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    stop = next((at for at in (answer.cut, answer.stall) if at is not None), len(answer.body))
    handler.wfile.write(answer.body[:stop])
    handler.wfile.flush()
    if answer.stall is not None:
        released.wait(30)
    if answer.cut is not None or answer.stall is not None:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve(answer: Callable[[Asked], Answer] | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer, tls)
    thread = threading.Thread(target=server.httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.httpd.shutdown()
        server.httpd.server_close()
        thread.join()
