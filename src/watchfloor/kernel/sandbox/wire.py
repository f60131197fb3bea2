"""What travels between supervisor, zygote and box: bounded JSON, never objects."""

from __future__ import annotations

import re
import struct
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import from_json, to_json

from watchfloor.kernel import errors
from watchfloor.kernel.errors import GiveUp, InvalidInput, Retry, WatchfloorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Request = TypeVar("Request", bound=BaseModel)
    Answer = TypeVar("Answer", bound=BaseModel)

BODY_LIMIT_BYTES = 8 << 20
NOTE_LIMIT_BYTES = 4096
TEXT_LIMIT = 2000
MOST_FILES = 128
HEADER = struct.Struct("!cI")

REQUEST, LAYERS, PROGRESS, KEEP, STREAM, ANSWER, ERROR = b"R", b"L", b"P", b"K", b"S", b"A", b"E"
REPLY = b"Y"  # to the box: what it gave to keep is kept
_LIMITS = {
    REQUEST: BODY_LIMIT_BYTES,
    LAYERS: NOTE_LIMIT_BYTES,
    PROGRESS: NOTE_LIMIT_BYTES,
    KEEP: BODY_LIMIT_BYTES,
    STREAM: BODY_LIMIT_BYTES,
    REPLY: 4 * NOTE_LIMIT_BYTES,
    ANSWER: BODY_LIMIT_BYTES,
    ERROR: 4 * NOTE_LIMIT_BYTES,
}

# What code in a box may say about its work. Not what decides over jobs, keys or people: a box must not be able to claim
# that its job was cancelled or fenced.
TRAVELS = {
    name: getattr(errors, name)
    for name in (
        "Conflict", "EgressRefused", "GiveUp", "InvalidInput", "NotFound", "OutOfScope", "Retry", "SetupError", "SourceChanged",
        "SourceUnavailable", "TooLarge", "TooMuch",
    )
}  # fmt: skip
_LONGEST_DELAY = timedelta(days=30)

# C0, C1, line and paragraph separators, bidi marks, byte-order mark, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


class Report(Protocol):
    """How code in the box tells how far it is."""

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report progress; called as often as you like."""


class Malformed(Exception):
    """The other side sent what it must not send."""


def header(kind: bytes, size: int) -> bytes:
    """Return what stands before a body of this size."""
    if size > _LIMITS[kind]:
        message = f"{size} bytes where {_LIMITS[kind]} are allowed"
        raise Malformed(message)
    return HEADER.pack(kind, size)


def frame(kind: bytes, body: bytes) -> bytes:
    """Put a header before a body."""
    return header(kind, len(body)) + body


def frames(buffer: bytearray) -> Iterator[tuple[bytes, bytes]]:
    """Take whole frames off the front of a buffer, refusing sizes before they arrive."""
    while len(buffer) >= HEADER.size:
        kind, size = HEADER.unpack_from(buffer)
        if size > _LIMITS.get(kind, -1):
            message = f"a frame of kind {kind!r} with {size} bytes"
            raise Malformed(message)
        if len(buffer) < HEADER.size + size:
            return
        with memoryview(buffer) as whole:
            body = bytes(whole[HEADER.size : HEADER.size + size])
        del buffer[: HEADER.size + size]
        yield kind, body


def scrub(text: object, secrets: tuple[str, ...] = (), limit: int = TEXT_LIMIT) -> str:
    """Make text of unknown origin safe to store and to print: secrets out, control characters escaped, length bounded."""
    found = str(text)
    for secret in secrets:
        found = found.replace(secret, "***")  # before cutting: half a secret would no longer be found
    escaped = _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", found[: limit + 1])
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def _reveal(value: object) -> object:
    """Return a dumped value with its secrets in clear, which pydantic's own JSON would mask."""
    match value:
        case SecretStr() | SecretBytes():
            return value.get_secret_value()
        case dict():
            return {name: _reveal(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_reveal(item) for item in value]
    return value


def pack_request(request: BaseModel) -> bytes:
    """Return the request as JSON with its secrets in clear, for the private socket to the box only."""
    body = to_json(_reveal(request.model_dump()))
    if len(body) > BODY_LIMIT_BYTES:
        message = f"The request for the sandbox has {len(body)} bytes, {BODY_LIMIT_BYTES} are allowed; split the work into smaller jobs."
        raise InvalidInput(message)
    return body


def secrets_of(value: object) -> tuple[str, ...]:
    """Return every secret inside a request, longest first, so that one inside another leaves no rest."""
    return tuple(sorted(set(_secrets(value)), key=len, reverse=True))


def _secrets(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield from filter(None, (value.get_secret_value(),))
        case SecretBytes():
            yield from filter(None, (value.get_secret_value().decode("utf-8", "replace"),))
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
        case dict():
            for item in value.values():
                yield from _secrets(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from _secrets(item)
        case _:
            return


def pack_error(error: BaseException, secrets: tuple[str, ...]) -> bytes:
    """Describe an error raised in the box; only listed classes keep their name, and what derives from one is told as that."""
    name = next((kind.__name__ for kind in type(error).__mro__ if TRAVELS.get(kind.__name__) is kind), "")
    if not name:
        name = type(error).__name__
        text = (
            "memory: the code asked for more memory than its box allows" if isinstance(error, MemoryError) else f"{name}: {_message(error)}"
        )
        return to_json({"class": "GiveUp", "text": scrub(f"sandbox: {text}", secrets)})
    body: dict[str, Any] = {"class": name, "text": scrub(_message(error), secrets)}
    if isinstance(error, InvalidInput) and error.field is not None:
        body["field"] = scrub(error.field, secrets, 200)
    if isinstance(error, Retry) and error.delay is not None:
        body["delay_s"] = error.delay.total_seconds()
    return to_json(body)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - a hostile __str__ may raise anything
        return f"its message cannot be read ({type(failure).__name__})"


def unpack_error(body: bytes, secrets: tuple[str, ...]) -> WatchfloorError:
    """Rebuild an error from the box, trusting nothing in it."""
    match from_json(body):
        case {"class": "InvalidInput", "text": str(text), **rest}:
            field = rest.get("field")
            return InvalidInput(scrub(text, secrets), field=scrub(field, secrets, 200) if isinstance(field, str) else None)
        case {"class": "Retry", "text": str(text), **rest}:
            return Retry(scrub(text, secrets), _delay(rest.get("delay_s")))
        case {"class": str(name), "text": str(text)} if name in TRAVELS:
            make: Callable[[str], WatchfloorError] = TRAVELS[name]
            return make(scrub(text, secrets))
    return GiveUp("sandbox: the code in the box reported an error that cannot be read")


def _delay(seconds: object) -> timedelta | None:
    if not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST_DELAY.total_seconds():
        return None
    return timedelta(seconds=seconds)


def unpack_progress(body: bytes, secrets: tuple[str, ...]) -> tuple[int, int, str, str]:
    """Return done, total, phase, note; Malformed for anything else."""
    try:
        found = from_json(body)
    except ValueError as error:
        raise Malformed(str(error)) from None
    match found:
        case [int(done), int(total), str(phase), str(note)] if 0 <= done < 1 << 53 and 0 <= total < 1 << 53:
            return done, total, scrub(phase, secrets, 100), scrub(note, secrets, 500)
    message = "progress that is not [done, total, phase, note]"
    raise Malformed(message)
