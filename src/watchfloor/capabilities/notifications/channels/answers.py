"""What an answer over HTTP means for a message, and what of it may be written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from watchfloor.capabilities.notifications.schemas.apprise import secrets_in
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Outcome, Sent
from watchfloor.kernel import clock
from watchfloor.kernel.fetch.patience import asked_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.notifications.schemas.wire import Envelope
    from watchfloor.kernel.fetch.post import Answer, NoAnswer

HEAD: Final = 1_000
SHORTEST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 86_400.0
_SHORTEST_SECRET: Final = 6
_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_SECRET_HEADERS: Final = re.compile(r"authorization|cookie|key|pass|secret|signature|token", re.IGNORECASE)


def retry_after(answer: Answer) -> float | None:
    """Return the seconds that a receiver asks to wait, between a second and a day; None when it asks for nothing."""
    asked = asked_for(answer.headers.get("retry-after", ""), clock.now())
    return None if asked is None else min(max(asked, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def secrets_of(envelope: Envelope) -> list[str]:
    """Return every text of an envelope that must not be written down, longest first."""
    found = {value.get_secret_value() for value in envelope.target.values()}
    for url in [value for value in found if "://" in value]:
        _, _, path = url.partition("://")[2].partition("/")
        found |= {path, *re.split("[/?=&#]", path), *(secrets_in(url) if envelope.channel is ChannelKind.APPRISE else ())}
    found |= {value for name, value in envelope.headers.items() if _SECRET_HEADERS.search(name)}
    found |= {word for value in list(found) for word in value.split()} | {unquote(value) for value in found}
    return sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


def masked(text: str, secrets: Iterable[str], most: int = HEAD) -> str:
    """Return the beginning of a text without secrets and without what a database or a terminal would stumble over."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _HIDDEN.sub(" ", text)[:most].strip()


def outcome(
    envelope: Envelope, kind: Sent, answer: Answer, ms: int, *, code: str = "", reason: str = "", wait: float | None = None, mark: str = ""
) -> Outcome:
    """Return the outcome of an envelope that was answered."""
    secrets = secrets_of(envelope) if answer.body or reason else []
    head = masked(answer.body.decode("utf-8", "replace"), secrets)
    return Outcome(
        delivery_id=envelope.delivery_id, kind=kind, code=(code or str(answer.status))[:40], ms=ms, address=answer.address[:100],
        head=head.encode()[:HEAD].decode("utf-8", "ignore"), retry_after_s=wait, reason=masked(reason, secrets, 300), mark=mark,
    )  # fmt: skip


def unanswered(envelope: Envelope, error: NoAnswer, ms: int) -> Outcome:
    """Return the outcome of an envelope that nobody answered: a certificate for another name stays one, everything else may pass."""
    kind = Sent.PERMANENT if error.word in {"tls_name", "request"} else Sent.RETRY
    return Outcome(
        delivery_id=envelope.delivery_id, kind=kind, code=error.word, ms=ms, address=error.address[:100],
        reason=masked(str(error), secrets_of(envelope), 300),
    )  # fmt: skip
