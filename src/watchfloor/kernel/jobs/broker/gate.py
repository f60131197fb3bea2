"""The choke point of a worker: what may pass from the broker to Celery, and who is told about the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from watchfloor.kernel.errors import Forged, Untrusted
from watchfloor.kernel.jobs.broker import tickets

if TYPE_CHECKING:
    from kombu.message import Message

Keys: TypeAlias = Callable[[], Mapping[bytes, tickets.TicketKey]]
OnRejected: TypeAlias = Callable[[str, Mapping[str, str]], None]
NowMs: TypeAlias = Callable[[], int]

log = logging.getLogger(__name__)

_DETAIL_CHARACTERS: Final = 64
# Whatever a message says about itself, Celery is told this.
_CONSTANTS: Final[Mapping[str, Any]] = {
    "lang": "py",
    "shadow": None,
    "eta": None,
    "expires": None,
    "group": None,
    "group_index": None,
    "retries": 0,
    "timelimit": [None, None],
    "parent_id": None,
    "argsrepr": "",
    "kwargsrepr": "",
    "origin": "",
    "ignore_result": True,
    "replaced_task_nesting": 0,
    "stamped_headers": None,
    "stamps": {},
}


def clock_ms() -> int:
    """Return this machine's time; a worker passes the database's instead where it knows it."""
    return time.time_ns() // 1_000_000


def no_keys() -> Mapping[bytes, tickets.TicketKey]:
    """Know no dispatcher: every ticket is refused with `kid`."""
    return {}


def log_rejection(reason: str, detail: Mapping[str, str]) -> None:
    """Write one warning; what a gate does when nobody else wants to know."""
    log.warning("A message was refused: %s %s", reason, dict(detail))


@dataclass
class Gate:
    """Verifies messages and reports those it refuses."""

    kinds: frozenset[str]
    queues: frozenset[str]
    keys: Keys = no_keys
    on_rejected: OnRejected = log_rejection
    now_ms: NowMs = clock_ms
    rejected: dict[str, int] = field(default_factory=dict)

    def admit(self, message: Message, queue: str) -> None:
        """Verify a message taken from `queue` and leave nothing in it that was not verified. Raises Untrusted."""
        headers = message.headers
        task, name = headers.get("task"), headers.get("id")
        if message.content_type != tickets.CONTENT_TYPE:
            raise Forged("content_type")
        body = message.body
        if not isinstance(body, bytes | bytearray | memoryview):
            raise Forged("length")
        if not isinstance(task, str) or not isinstance(name, str):
            raise Forged("id")
        body = bytes(body)
        tickets.verify(self.keys(), task, name, queue, body, self.now_ms())
        if task not in self.kinds:
            raise Forged("kind")
        message.body = body
        message.content_encoding = "binary"
        message.headers = {**_CONSTANTS, "task": task, "id": name, "root_id": name}
        message.properties = {"correlation_id": name, "reply_to": ""}
        message.delivery_info = {**message.delivery_info, "exchange": "", "routing_key": queue, "redelivered": False}

    def refuse(self, reason: str, detail: Mapping[str, object]) -> None:
        """Count one refusal and tell whoever listens; never raises, never passes on more than a few characters."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        try:
            self.on_rejected(reason, {key: _printable(value) for key, value in detail.items()})
        except Exception:
            log.exception("A refused message (%s) could not be reported.", reason)

    def __repr__(self) -> str:
        """Stay short: kombu prints its options."""
        return f"Gate({len(self.kinds)} kinds)"

    def __json__(self) -> str:
        """Let `inspect stats` answer: it sends the transport's options along."""
        return repr(self)


def reason_of(error: BaseException) -> str:
    """Return the stable word for a message that could not be read."""
    return error.reason if isinstance(error, Untrusted) else "unreadable"


def _printable(value: object) -> str:
    """Make hostile text safe for logs and tables: cut first, then escape."""
    text = (
        value[:_DETAIL_CHARACTERS]
        if isinstance(value, str)
        else ""
        if value is None
        else type(value).__name__
        if not isinstance(value, int)
        else str(value)[:_DETAIL_CHARACTERS]
    )
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
