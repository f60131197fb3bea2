"""Connections by policy: a name is looked up here, every answer is judged, and what was judged is what is dialled."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import httpcore

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.fetch.guard import is_address

if TYPE_CHECKING:
    import ssl

    from watchfloor.kernel.fetch.guard import Reach

Resolve: TypeAlias = Callable[[str, int], list[str]]


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a name as this machine resolves it; OSError when it does not."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Dialler(httpcore.NetworkBackend):
    """What httpcore dials with. `ends` is when all is to be over, on the monotonic clock: no read, write or handshake outlasts it."""

    def __init__(self, reach: Reach, schemes: dict[tuple[str, int], str], ends: float, resolve: Resolve = addresses_of) -> None:
        """`schemes` tells the scheme of each host and port, which httpcore does not pass on."""
        self._reach = reach
        self._schemes = schemes
        self._ends = ends
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()

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
        found = self._reach.judge(origin, host, self._answers(host, port))
        failures: list[httpcore.ConnectError | httpcore.ConnectTimeout] = []
        for address in found:
            try:
                stream = self._sockets.connect_tcp(address, port, self._left(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failures.append(error)
            else:
                return Bounded(stream, self._ends)
        raise failures[-1] if failures else httpcore.ConnectError(f"{host} has no address")

    def _answers(self, host: str, port: int) -> list[str]:
        if is_address(host):
            return [host]
        try:
            return self._resolve(host, port)
        except OSError as error:  # no such name, or nobody to ask
            raise httpcore.ConnectError(f"{host} cannot be looked up: {error.strerror or error}") from error

    def _left(self, timeout: float | None) -> float:
        return _left(self._ends, timeout)


class Bounded(httpcore.NetworkStream):
    """A connection on which nothing waits beyond the end of all."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        """Wrap a connection of httpcore's own."""
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read as httpcore does."""
        return self._stream.read(max_bytes, _left(self._ends, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write as httpcore does."""
        self._stream.write(buffer, _left(self._ends, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Speak TLS from here on; the name that was asked for is the one that is checked."""
        return Bounded(self._stream.start_tls(ssl_context, server_hostname, _left(self._ends, timeout)), self._ends)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore says
        """Tell what httpcore asks about the socket."""
        return self._stream.get_extra_info(info)


def _left(ends: float, timeout: float | None, late: type[Exception] = httpcore.ConnectTimeout) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise late(os.strerror(errno.ETIMEDOUT))
    return left if timeout is None else min(left, timeout)
