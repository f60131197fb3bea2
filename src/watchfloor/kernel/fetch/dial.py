"""Connections by policy: a name is looked up here, every answer is judged, and what was judged is what is dialled."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

import httpcore

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.fetch.guard import is_address

if TYPE_CHECKING:
    from watchfloor.kernel.fetch.guard import Reach

Resolve: TypeAlias = Callable[[str, int], list[str]]
_PIECE = 1 << 14


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a name as this machine resolves it; OSError when it does not."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass
class Bounds:
    """What one question may still cost: `ends` is when all is to be over, on the monotonic clock, `bytes_left` what may be read (None: all)."""

    ends: float
    bytes_left: int | None = None

    def wait(self, timeout: float | None, late: type[Exception] = httpcore.ConnectTimeout) -> float:
        """Return how long something may take at most; raises `late` when no time is left."""
        left = self.ends - monotonic()
        if left <= 0:
            raise late(os.strerror(errno.ETIMEDOUT))
        return left if timeout is None else min(left, timeout)

    def take(self, most: int) -> int:
        """Return how many bytes may be read now; raises ReadError when there have been enough."""
        if self.bytes_left is None:
            return most
        if self.bytes_left <= 0:
            raise httpcore.ReadError("more came than is read of an answer")
        return min(most, self.bytes_left)


class Dialler(httpcore.NetworkBackend):
    """What httpcore dials with. No read, write or handshake outlasts `bounds`; `dialled` is the address that was dialled last."""

    def __init__(self, reach: Reach, schemes: dict[tuple[str, int], str], bounds: Bounds, resolve: Resolve = addresses_of) -> None:
        """`schemes` tells the scheme of each host and port, which httpcore does not pass on."""
        self._reach = reach
        self._schemes = schemes
        self._bounds = bounds
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()
        self.dialled = ""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Dial the first address that answers, after all of them were judged."""
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        origin = f"{self._schemes.get((host, port), 'https')}://{shown}"
        found = judged(self._reach, origin, host, port, self._bounds.wait(timeout), self._resolve)
        failures: list[httpcore.ConnectError | httpcore.ConnectTimeout] = []
        for address in found:
            self.dialled = address
            try:
                stream = self._sockets.connect_tcp(address, port, self._bounds.wait(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failures.append(error)
            else:
                return Bounded(stream, self._bounds, address)
        raise failures[-1] if failures else httpcore.ConnectError(f"{host} has no address")


def judged(reach: Reach, origin: str, host: str, port: int, within_s: float, resolve: Resolve = addresses_of) -> list[str]:
    """Return every address of a host, all of which may be reached; EgressRefused otherwise, ConnectError when no address is known in time."""
    answers = [host] if is_address(host) else _looked_up(host, port, within_s, resolve)
    return reach.judge(origin, host, answers)


def _looked_up(host: str, port: int, within_s: float, resolve: Resolve) -> list[str]:
    """Look a name up in a thread that may be left behind: the system's own way has no limit of time."""
    told: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            told.put(resolve(host, port))
        except OSError as error:  # no such name, or nobody to ask
            told.put(error)

    Thread(target=look_up, daemon=True, name="look-up").start()
    try:
        found = told.get(timeout=within_s)
    except Empty:
        raise httpcore.ConnectTimeout(f"{host} was not looked up in time") from None
    if isinstance(found, OSError):
        raise httpcore.ConnectError(f"{host} cannot be looked up: {found.strerror or found}") from found
    return found


class Bounded(httpcore.NetworkStream):
    """A connection on which nothing waits beyond the end of all, and no more is read than is left to read.

    What is written waits until it is a piece or until an answer is asked for: a small request is one packet, not one for its headers and
    one for its body.
    """

    def __init__(self, stream: httpcore.NetworkStream, bounds: Bounds, address: str) -> None:
        """Wrap a connection of httpcore's own to an address."""
        self._stream, self._address = stream, address
        self._bounds = bounds
        self._held = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read as httpcore does."""
        bounds = self._bounds
        if self._held:
            with contextlib.suppress(httpcore.WriteError):  # the other end may have answered before it hung up
                self._flush(timeout)
        found = self._stream.read(bounds.take(max_bytes), bounds.wait(timeout, httpcore.ReadTimeout))
        if bounds.bytes_left is not None:
            bounds.bytes_left -= len(found)
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write as httpcore does, in pieces: httpcore gives each of its own the whole time again."""
        self._held += buffer
        if len(self._held) >= _PIECE:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        held, self._held = self._held, b""
        for start in range(0, len(held), _PIECE):
            self._stream.write(held[start : start + _PIECE], self._bounds.wait(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on; the name that was asked for is the one that is checked."""
        shielded = self._stream.start_tls(ssl_context, server_hostname, self._bounds.wait(timeout))
        return Bounded(shielded, self._bounds, self._address)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore says
        """Tell what httpcore asks about the socket, and as `dialled` the address, which a socket forgets when the other end is gone."""
        return self._address if info == "dialled" else self._stream.get_extra_info(info)


def trust(authorities: str = "") -> ssl.SSLContext:
    """Return the system's trusted authorities, those of httpcore where the system has none, and what was given as PEM."""
    paths = ssl.get_default_verify_paths()
    found = ssl.create_default_context() if paths.cafile or paths.capath else httpcore.default_ssl_context()
    if authorities:
        found.load_verify_locations(cadata=authorities)
    return found


def described(error: Exception) -> str:
    """Say what a failure on the way was; some have no text of their own."""
    name = {
        httpcore.ConnectTimeout: "no connection in time",
        httpcore.ReadTimeout: "no answer in time",
        httpcore.RemoteProtocolError: "the answer broke off or is no HTTP",
    }.get(type(error), "the connection failed")
    return f"{name}: {error}" if str(error) else name
