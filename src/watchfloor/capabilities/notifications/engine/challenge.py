"""Ask a webhook's receiver to repeat something that nobody can guess, and tell whether it did. Pure."""

from __future__ import annotations

import hmac
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine.sign import signed_headers
from watchfloor.capabilities.notifications.engine.to_webhook import message_id, own_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

TYPE: Final = "webhook.verification"


def to_challenge(
    challenge: str, *, idem: bytes, at: datetime, keys: Sequence[str], headers: Mapping[str, str]
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes to send and the headers that sign them, of the same shape as every message."""
    told = {"type": TYPE, "timestamp": at.astimezone(UTC).isoformat(), "data": {"challenge": challenge}}
    body = json.dumps(told, separators=(",", ":")).encode()
    return body, {"Content-Type": "application/json", **own_headers(headers), **signed_headers(keys, message_id(idem), at, body)}


def echoes(answer: str, challenge: str) -> bool:
    """Tell whether an answer repeats a challenge: as its whole text, or as `challenge` of a JSON object.

    A receiver that sends back whatever it gets has understood nothing, and does not pass.
    """
    text: Any = answer.strip()
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return False
        text = found.get("challenge", "")
    return isinstance(text, str) and hmac.compare_digest(text.encode(), challenge.encode())
