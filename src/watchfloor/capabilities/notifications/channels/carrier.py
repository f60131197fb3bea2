"""Carry what a library asks through `requests` over our own connections, and let it open none of its own."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Final, NoReturn

from watchfloor.kernel.errors import EgressRefused
from watchfloor.kernel.fetch.post import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest, Response
    from requests.adapters import BaseAdapter

    from watchfloor.kernel.fetch.post import Answer, Poster

MOST: Final = 3  # requests for one message: some services want theirs put more simply once
_OVER: Final = {429, *range(300, 400)}  # asking again at once, or elsewhere, is ours to decide
_SEALED: ContextVar[bool] = ContextVar("sealed", default=False)
_TRIP: ContextVar[Trip | None] = ContextVar("trip", default=None)
_FORBIDDEN: Final = frozenset(
    {
        "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr",
        "subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "ctypes.dlopen",
        # Python 3.11 tells of no threads; a test sees to it that no service has any.
        "_thread.start_new_thread", "_thread.start_joinable_thread",
    }
)  # fmt: skip


@dataclass
class Trip:
    """One message on its way: what the last request for it was answered, or why there is no answer."""

    poster: Poster
    ends: float
    asked: int = 0
    answer: Answer | None = None
    error: EgressRefused | NoAnswer | None = None

    def carry(self, request: PreparedRequest) -> Response:
        """Post a request and return the answer without what leads elsewhere; raises requests.ConnectionError when there is none."""
        body = request.body or b""
        if request.method != "POST" or not isinstance(body, (bytes, str)):
            self._refuse(EgressRefused(f"the service wants {request.method} requests; only messages that are one POST are sent"))
        if self.asked >= MOST or (self.answer is not None and self.answer.status in _OVER):
            self._refuse(None)
        self.asked += 1
        headers = {name: _text(value) for name, value in request.headers.items()}
        with _unsealed():
            try:
                self.answer = self.poster.post(request.url or "", body.encode() if isinstance(body, str) else body, headers, ends=self.ends)
            except (EgressRefused, NoAnswer) as error:
                self._refuse(error)
        return _response(request, self.answer)

    def _refuse(self, error: EgressRefused | NoAnswer | None) -> NoReturn:
        from requests import ConnectionError as Unreached  # noqa: PLC0415 - loaded where such a channel is used

        self.error = self.error or error
        raise Unreached("not sent") from None


@contextmanager
def in_place() -> Iterator[None]:
    """Let every new session of `requests` in this process use the trip that it is on; what is on none reaches nobody."""
    from requests import sessions  # noqa: PLC0415 - loaded where such a channel is used

    # Sessions are made inside of functions of `requests`, where nobody can hand over an adapter; they take the one that goes by this name.
    names = vars(sessions)
    before, names["HTTPAdapter"] = names["HTTPAdapter"], _adapter()
    try:
        yield
    finally:
        names["HTTPAdapter"] = before


@contextmanager
def sealed(trip: Trip | None = None) -> Iterator[None]:
    """Run strangers' code that may reach others by this trip alone: a socket, a process or a thread of its own is an EgressRefused."""
    _watched()
    on, shut = _TRIP.set(trip), _SEALED.set(True)
    try:
        yield
    finally:
        _SEALED.reset(shut)
        _TRIP.reset(on)


@contextmanager
def _unsealed() -> Iterator[None]:
    shut = _SEALED.set(False)
    try:
        yield
    finally:
        _SEALED.reset(shut)


@cache
def _watched() -> None:
    """Watch what Python does from here on; a hook cannot be taken away again, and this one costs nothing where nothing is sealed."""
    sys.addaudithook(_watch)


def _watch(event: str, _: object) -> None:
    if event in _FORBIDDEN and _SEALED.get():
        trip = _TRIP.get()
        refused = EgressRefused(f"the service's own code tried to reach out by itself ({event}), which is never allowed")
        if trip is not None:
            trip.error = refused
        raise refused


@cache
def _adapter() -> type[BaseAdapter]:
    from requests.adapters import BaseAdapter  # noqa: PLC0415 - loaded where such a channel is used

    class Carrier(BaseAdapter):
        """What sessions ask."""

        def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
            """Ask; time limits, certificates and proxies are ours, whatever is wished for."""
            trip = _TRIP.get()
            if trip is None:
                raise EgressRefused("a request was made outside of any message")
            return trip.carry(request)

        def close(self) -> None:
            """Do nothing: connections are kept for the next message."""

    return Carrier


def _response(request: PreparedRequest, answer: Answer) -> Response:
    from requests import Response  # noqa: PLC0415 - loaded where such a channel is used

    found = Response()
    found.status_code, found.url, found.request = answer.status, request.url or "", request
    found.headers.update({name: value for name, value in answer.headers.items() if name not in {"location", "content-encoding"}})
    found.raw = BytesIO(answer.body)
    return found


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
