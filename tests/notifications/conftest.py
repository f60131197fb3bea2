"""A ledger, an organisation with a worker, a receiver, a mailbox and a chat room."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.api.floor import http, ledger, org, owner, stranger
from tests.api.worker import Worker, nursery
from tests.notifications.mailserver import Mailbox, mailserver
from tests.notifications.posted import check_posted
from tests.notifications.receiver import Receiver, receiving
from tests.notifications.world import World
from watchfloor.kernel.jobs.ledger import use_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote

__all__ = ["http", "ledger", "nursery", "org", "owner", "receiver", "stranger", "world"]


@pytest.fixture
def world(ledger: Ledger, org: UUID, nursery: zygote.Zygote, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give an organisation whose messages may go to this machine, and a worker."""
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_NEAR", "yes")
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_PORTS", f"443,80,{urlsplit(receiver.url).port}")
    use_ledger(ledger)
    worker = Worker(ledger, nursery)
    yield World(ledger, org, worker)
    worker.leave()
    use_ledger(None)
    check_posted(receiver.came)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Serve."""
    with receiving() as found:
        yield found


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Serve mail, and let the installation use it as its relay."""
    with mailserver() as found:
        for name, value in {"HOST": "127.0.0.1", "PORT": str(found.port), "TLS": "none"}.items():
            monkeypatch.setenv(f"WATCHFLOOR_NOTIFICATIONS_SMTP_{name}", value)
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_MAIL_FROM", "Watchfloor <wf@example.org>")
        yield found


@pytest.fixture
def room(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Serve what stands in for a chat service, which says ok to what it takes."""
    del world
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take({}, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_PORTS", f"{urlsplit(receiver.url).port},{server.server_port}")
        found.url = f"http://127.0.0.1:{server.server_port}/services/T0/B0/x"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
