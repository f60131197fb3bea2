"""Messages to strangers' addresses: posted once, no redirect followed, and of what comes back only the beginning read."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Self

import httpcore

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import OutsideError
from watchfloor.kernel.fetch.dial import Bounds, Dialler, Resolve, addresses_of, described
from watchfloor.kernel.fetch.guard import locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchfloor.kernel.fetch.guard import Location, Reach

_OURS = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent"}
# The certificate is in order and somebody else's: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_OTHER_NAME = {62, 64}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one message may cost. An answer's headers beyond `head_bytes` are an error, its body beyond `body_bytes` is left unread."""

    connect_s: float = 5.0
    total_s: float = 15.0
    body_s: float = 5.0
    head_bytes: int = 16 << 10
    body_bytes: int = 4 << 10


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a receiver said: `body` is its beginning, as it came; header names are in small letters."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = ""


class NoAnswer(OutsideError):
    """A message was not answered. `word` is one of timeout, connection, lookup, tls, tls_name, protocol, request."""

    code = "no_answer"

    def __init__(self, word: str, message: str, address: str = "") -> None:
        """Keep the word for counters and the address that was dialled."""
        super().__init__(message)
        self.word = word
        self.address = address


class Poster:
    """Posts to hosts within reach, over connections that are kept. Not for several threads; a context of TLS may be shared."""

    def __init__(
        self, reach: Reach, *, agent: str, trusted: ssl.SSLContext, limits: Limits | None = None, resolve: Resolve = addresses_of
    ) -> None:
        """Prepare; nothing is connected yet."""
        self._reach, self._agent, self._limits = reach, agent, limits or Limits()
        self._schemes: dict[tuple[str, int], str] = {}
        self._bounds = Bounds(0.0)
        self._dialler = Dialler(reach, self._schemes, self._bounds, resolve)
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted, network_backend=self._dialler, max_connections=4, max_keepalive_connections=2, keepalive_expiry=20.0
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is connected."""
        self._pool.close()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, ends: float | None = None) -> Answer:
        """Post a body and return the answer, whatever its status.

        Args:
            url: Where to.
            body: Sent as it is.
            headers: Sent beside ours, which they cannot replace.
            ends: When the time is over if that is earlier than the limits say, on the monotonic clock.

        Raises:
            EgressRefused: That may not be asked; nothing was sent.
            NoAnswer: There was no answer, or none that can be read.
        """
        location = locate(url)
        self._reach.check(location)
        limits, bounds = self._limits, self._bounds
        bounds.ends = min(monotonic() + limits.total_s, ends if ends is not None else float("inf"))
        bounds.bytes_left = limits.head_bytes
        self._dialler.dialled = ""
        self._schemes[location.host, location.port] = location.scheme
        try:
            with self._pool.stream(
                "POST",
                httpcore.URL(
                    scheme=location.scheme.encode(), host=location.host.encode(), port=location.port, target=location.target.encode()
                ),
                headers=self._headers(location, body, headers),
                content=body,
                extensions={"timeout": {"connect": limits.connect_s, "read": None, "write": None, "pool": limits.connect_s}},
            ) as response:
                return self._read(response)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            self._fail(location, error)

    def _headers(self, location: Location, body: bytes, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        standard = {"http": 80, "https": 443}[location.scheme] == location.port
        host = f"[{location.host}]" if ":" in location.host else location.host
        ours = {
            "Host": host if standard else location.authority,
            "User-Agent": self._agent,
            "Accept-Encoding": "identity",
            "Content-Length": str(len(body)),
        }
        theirs = {name: value for name, value in headers.items() if name.lower() not in _OURS}
        return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in (ours | theirs).items()]

    def _read(self, response: httpcore.Response) -> Answer:
        limits, bounds = self._limits, self._bounds
        bounds.ends = min(bounds.ends, monotonic() + limits.body_s)
        bounds.bytes_left = limits.body_bytes
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        address = str(response.extensions["network_stream"].get_extra_info("dialled"))
        found = b""
        try:
            for piece in response.iter_stream():
                found += piece
                if len(found) >= limits.body_bytes:
                    break
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            pass  # the status came, which is the answer; what a receiver has to say beside it may be cut off
        return Answer(status=response.status, headers=headers, body=found[: limits.body_bytes], address=address)

    def _fail(self, location: Location, error: Exception) -> NoReturn:
        cause = error.__cause__ or error.__context__
        word = "connection"
        if isinstance(cause, ssl.SSLCertVerificationError):
            word = "tls_name" if cause.verify_code in _OTHER_NAME else "tls"
        elif isinstance(cause, ssl.SSLError):
            word = "tls"
        elif isinstance(error, httpcore.TimeoutException):
            word = "timeout"
        elif isinstance(error, httpcore.LocalProtocolError):
            word = "request"
        elif isinstance(error, httpcore.ProtocolError):
            word = "protocol"
        elif isinstance(error, httpcore.ConnectError) and not self._dialler.dialled:
            word = "lookup"
        raise NoAnswer(word, f"{location.host}: {described(error)}", self._dialler.dialled) from None
