"""Listeners on loopback that behave well, badly and not at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def listening(
    talk: Callable[[socket.socket, threading.Event], None],
    *,
    family: int = socket.AF_INET,
    secure: ssl.SSLContext | None = None,
    address: str = "",
    port: int = 0,
) -> Iterator[int]:
    """Serve every connection with `talk` in a thread of its own; yields the port, a free one unless named; ends all at the end."""
    ends = threading.Event()
    threads: list[threading.Thread] = []

    def one(client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client:
            client.settimeout(10)
            if secure is None:
                talk(client, ends)
            else:
                # wrap_socket leaves a socket that nobody closes when its client is gone already, so wait for the first byte.
                client.recv(1, socket.MSG_PEEK)
                with secure.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as wrapped:
                    wrapped.do_handshake()
                    talk(wrapped, ends)

    with socket.socket(family) as server:
        if port:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address or ("127.0.0.1" if family == socket.AF_INET else "::1"), port))
        # What lingers of its connections inherits this, and a server that comes back at its port is let in.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.listen(64)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while not ends.is_set():
                    client, _ = server.accept()
                    if ends.is_set():
                        client.close()
                        return
                    thread = threading.Thread(target=one, args=(client,))
                    threads.append(thread)
                    thread.start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server.getsockname()[1]
        finally:
            ends.set()
            server.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def banner(text: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Greet, then wait for the client to leave."""

    def talk(client: socket.socket, ends: threading.Event) -> None:
        del ends
        client.sendall(text)
        client.recv(100)

    return talk


def answering(answers: Callable[[bytes], bytes]) -> Callable[[socket.socket, threading.Event], None]:
    """Wait for each question and answer it; an empty answer closes."""

    def talk(client: socket.socket, ends: threading.Event) -> None:
        while not ends.is_set() and (asked := client.recv(4096)):
            if not (said := answers(asked)):
                return
            client.sendall(said)

    return talk


def site(answers: Callable[[bytes], bytes]) -> Callable[[socket.socket, threading.Event], None]:
    """Be a web server: answer one question and hang up, since a response that names no length ends with its connection."""

    def talk(client: socket.socket, ends: threading.Event) -> None:
        del ends
        if asked := client.recv(4096):
            client.sendall(answers(asked))

    return talk


def endless(client: socket.socket, ends: threading.Event) -> None:
    """Send without end."""
    while not ends.is_set():
        client.sendall(b"\x00\xff" * 32_768)


def drip(client: socket.socket, ends: threading.Event) -> None:
    """Send one byte at a time, for ever."""
    while not ends.wait(0.05):
        client.sendall(b".")


def close(client: socket.socket, ends: threading.Event) -> None:
    """Hang up at once."""
    del client, ends


def silent(client: socket.socket, ends: threading.Event) -> None:
    """Read everything, say nothing."""
    while not ends.is_set() and client.recv(4096):
        pass


def context(pem: Path) -> ssl.SSLContext:
    """Return a server's TLS settings."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(pem)
    return found


@contextmanager
def refusing() -> Iterator[int]:
    """Yield a port that is bound and closed as long as the block lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def dropping() -> Iterator[int]:
    """Yield a port whose queue is full: further attempts get no answer, as behind a filter that drops."""
    with socket.socket() as held, contextlib.ExitStack() as stack:
        held.bind(("127.0.0.1", 0))
        held.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(held.getsockname())
        yield held.getsockname()[1]
