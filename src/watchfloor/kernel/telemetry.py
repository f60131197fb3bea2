"""Logging: sentences for people on a terminal, JSON lines otherwise; secrets never pass, control characters never act."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

MESSAGE_CHARACTERS: Final = 4096
MASK: Final = "***"
TALKATIVE: Final = ("alembic", "asyncio", "urllib3")  # what they say at INFO is of use to nobody but us
SHORTEST_SECRET: Final = 6  # shorter ones would blank out ordinary words
_PATTERNS: Final = (
    re.compile(r"(?<=://)[^\s/@]*:[^\s@]+(?=@)"),  # the credentials of an address
    re.compile(r"\bwf_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b"),  # an API key
    re.compile(r"(?i)(?<=authorization: )\S+( \S+)?"),
)
# C0 and C1 controls, bidirectional overrides, line and paragraph separators, lone surrogates.
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_secrets: set[str] = set()


def keep_secret(values: Iterable[str]) -> None:
    """Have these exact values masked in every log line of this process."""
    _secrets.update(value for value in values if len(value) >= SHORTEST_SECRET)


def redact(text: str) -> str:
    """Return the text without secrets: registered values, credentials in addresses, API keys."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    return text


def escape(text: str) -> str:
    """Return the text with characters that steer terminals or reorder lines written out."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


class Human(logging.Formatter):
    """One line a record: time in UTC, level, process, message; a traceback follows indented."""

    def __init__(self, process: str) -> None:
        """Name the process in every line."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        clock = time.strftime("%H:%M:%S", time.gmtime(record.created))
        line = f"{clock} {record.levelname:<7} {self._process}: {_message(record)}"
        trace = _trace(record)
        return line if not trace else "\n".join([line, *(f"    {escape(part)}" for part in trace.splitlines())])


class Lines(logging.Formatter):
    """One JSON document a line, for log collectors."""

    def __init__(self, process: str) -> None:
        """Name the process in every line."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; JSON itself escapes what could break out of it."""
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": _message(record),
        }
        if trace := _trace(record):
            entry["trace"] = trace
        return json.dumps(entry)


def set_up(process: str, level: str = "INFO", *, stream: TextIO | None = None, terminal: bool | None = None) -> None:
    """Send every log record of this process to `stream` (stderr), replacing what was set up before.

    Args:
        process: What people call this process: worker, scheduler, api.
        level: DEBUG, INFO, WARNING or ERROR.
        stream: Where lines go.
        terminal: Whether people read it; by default whether the stream is a terminal.
    """
    stream = stream or sys.stderr
    people = stream.isatty() if terminal is None else terminal
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Human(process) if people else Lines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.DEBUG if root.level <= logging.DEBUG else logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_ended


def _thread_ended(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        name = args.thread.name if args.thread else "?"
        logging.getLogger("watchfloor").error("thread %s ended", name, exc_info=args.exc_value)


def _message(record: logging.LogRecord) -> str:
    text = escape(redact(record.getMessage()))
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}… ({len(text)} characters)"


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info:
        return ""
    return redact(logging.Formatter().formatException(record.exc_info))
