"""Answer a request for a stored file as HTTP has it: whole or one range, not at all when the client has it, never shown by a browser."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from watchfloor.kernel.artifacts.store import opened
from watchfloor.kernel.errors import Forged, Lost

if TYPE_CHECKING:
    from fastapi import Request

    from watchfloor.kernel.artifacts.models import Artifact
    from watchfloor.kernel.jobs.ledger import Ledger

RANGES: Final[dict[int | str, dict[str, Any]]] = {
    206: {"description": "The range that the Range header asks for."},
    304: {"description": "The client has this file: If-None-Match names its ETag."},
    416: {"description": "The range lies outside the file."},
}
OUTSIDE: Final = (0, -1)
DIGITS: Final = 19  # of a 64-bit number


def answer(ledger: Ledger, card: Artifact, request: Request) -> Response:
    """Return the answer to GET or HEAD for a file; call it after the transaction in which `get_stored` found the card.

    A file that turns out damaged while it is sent ends short of its Content-Length; what is wrong with its first part is still an error.

    Raises:
        Lost: Its bytes are gone or were changed.
        SourceUnavailable: The place where they lie does not answer.
    """
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{card.sha256.hex()}"',
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(card.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        # May be kept by who asked, and must be asked about: keys are revoked and files removed.
        "Cache-Control": "private, no-cache",
    }
    if _knows(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range")
    if asked is not None and request.headers.get("if-range", headers["ETag"]) == headers["ETag"] and request.method == "GET":
        span = parse_range(asked, card.size_bytes)
        if span == OUTSIDE:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{card.size_bytes}"})
        if span is not None:
            headers["Content-Range"] = f"bytes {span[0]}-{span[1]}/{card.size_bytes}"
            return _sent(ledger, card, span[0], span[1], 206, headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(card.size_bytes)}, media_type=card.media_type)
    return _sent(ledger, card, 0, card.size_bytes - 1, 200, headers)


def parse_range(text: str, size_bytes: int) -> tuple[int, int] | None:
    """Return the first and last byte of a Range header, OUTSIDE when it lies outside the file, None when it is to be ignored.

    Several ranges at once are ignored, as RFC 9110 allows: the whole file answers them too.
    """
    unit, _, ranges = text.partition("=")
    first, dash, last = ranges.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or not (first or last) or not all(_is_number(end) for end in (first, last) if end):
        return None
    if not first:
        length = min(int(last), size_bytes)
        return (size_bytes - length, size_bytes - 1) if length else OUTSIDE
    begin, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
    if last and int(last) < begin:
        return None
    return (begin, end) if begin < size_bytes else OUTSIDE


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS


def _knows(header: str | None, etag: str) -> bool:
    """Compare weakly, as If-None-Match asks."""
    told = [one.strip().removeprefix("W/") for one in (header or "").split(",")]
    return "*" in told or etag in told


def _sent(ledger: Ledger, card: Artifact, first: int, last: int, status: int, headers: dict[str, str]) -> Response:
    parts = opened(ledger, card, first=first, last=last)
    try:
        begin = list(islice(parts, 1))
    except Forged as error:
        message = f"The bytes of artifact {card.id} were changed where they are stored; nothing of them is shown."
        raise Lost(message) from error
    headers["Content-Length"] = str(max(last - first + 1, 0))
    return StreamingResponse(chain(begin, parts), status, headers, card.media_type)
