"""What every request passes before any route: a name, an allowed Host, a bounded body; and what every answer carries."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Final

import anyio
from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES: Final = 1024 * 1024
UPLOAD_BYTES: Final = 1024 * BODY_BYTES
LINGER_BYTES: Final = 16 * BODY_BYTES
LINGER_S: Final = 2.0
log = logging.getLogger("watchfloor.api")
SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Gatekeeper:
    """Pure ASGI, so that streams flow through it unbuffered."""

    def __init__(
        self, app: ASGIApp, *, hosts: frozenset[str] | None, refuse: Callable[..., Response], uploads: frozenset[str] = frozenset()
    ) -> None:
        """Answer to `hosts` (None: to all); `refuse(status, code, detail, request id)` makes an error's answer; `uploads` are paths of files."""
        self._app, self._hosts, self._refuse, self._uploads = app, hosts, refuse, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = secrets.token_hex(8)

        began = False

        async def named(message: Message) -> None:
            nonlocal began
            began = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        is_upload = scope["path"] in self._uploads
        refused = self._refused(Headers(scope=scope), request_id, UPLOAD_BYTES if is_upload else BODY_BYTES)
        body = b"" if refused or is_upload else await _read(receive)
        if body is None:
            refused = self._too_large(BODY_BYTES, request_id)
        if refused:
            refused.headers["Connection"] = "close"
            await _refuse_and_linger(refused, receive, named)
            return
        upload = Upload(receive, named)
        try:
            if is_upload:
                await self._app(scope, upload.receive, upload.send)
            else:
                await self._app(scope, _again(body or b"", receive), named)
        except Exception:
            log.exception("request %s failed", request_id)
            if began:  # half an answer cannot become an error any more: the server breaks the line
                raise
            await self._refuse(500, "error", "The server failed on this request.", request_id)(scope, receive, named)

    def _refused(self, headers: Headers, request_id: str, limit: int) -> Response | None:
        host = headers.get("host", "").rpartition("]")[0].lstrip("[") or headers.get("host", "").partition(":")[0]
        if self._hosts is not None and host.lower() not in self._hosts:
            return self._refuse(
                400, "invalid_input", "The Host header names another server; this one answers on its loopback address.", request_id
            )
        length = headers.get("content-length", "0")
        if length.isdigit() and len(length) < 20 and int(length) <= limit:  # noqa: PLR2004 - digits of a 64-bit number
            return None
        return self._too_large(limit, request_id)

    def _too_large(self, limit: int, request_id: str) -> Response:
        return self._refuse(413, "too_large", f"The body is larger than {limit} bytes; send less at once.", request_id)


class Upload:
    """A body that its route reads piece by piece, after it knows who sends it; what the route leaves unread is thrown away, within limits."""

    def __init__(self, receive: Receive, send: Send) -> None:
        """Stand between the server and the route."""
        self._receive, self._send = receive, send
        self._ended = False

    async def receive(self) -> Message:
        """Hand the next piece to the route."""
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on; its end waits for what is still on its way, as in `_refuse_and_linger`."""
        if self._ended or (message["type"] == "http.response.body" and message.get("more_body")):
            await self._send(message)
        elif message["type"] == "http.response.start":
            MutableHeaders(raw=message["headers"])["Connection"] = "close"
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            await _linger(self._receive)
            await self._send({"type": "http.response.body"})


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body, or None as soon as it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _refuse_and_linger(refused: Response, receive: Receive, send: Send) -> None:
    """Answer, then throw away a little of what still arrives: closing a line with unread input would take the answer with it."""
    await send({"type": "http.response.start", "status": refused.status_code, "headers": refused.raw_headers})
    await send({"type": "http.response.body", "body": refused.body, "more_body": True})
    await _linger(receive)
    await send({"type": "http.response.body"})


async def _linger(receive: Receive) -> None:
    dropped = 0
    with anyio.move_on_after(LINGER_S):
        while dropped < LINGER_BYTES:
            message = await receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                break
            dropped += len(message.get("body", b""))


def _again(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that was read already, then whatever comes (a disconnect)."""
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def told() -> Message:
        return waiting.pop() if waiting else await receive()

    return told
