"""Write a message as the body and the headers of a signed webhook. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.capabilities.notifications.engine.sign import signed_headers
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from watchfloor.capabilities.notifications.schemas.message import Message

SCHEMA: Final = 1
MOST_BYTES: Final = 20_000
ITEMS: Final = 50
# Ours, those between two machines only, and those that say how the body ends.
_TAKEN: Final = {
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
}  # fmt: skip
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,3998}[\x21-\x7e])?", re.ASCII)


def message_id(idem: bytes) -> str:
    """Return what receivers know a message by: the same in every attempt and in every replay."""
    return f"msg_{idem.hex()}"


def own_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers that a channel's owner adds; InvalidInput for those that are ours or could end a header."""
    for name, value in headers.items():
        taken = name.lower() in _TAKEN or name.lower().startswith("webhook-")
        if taken or not _TOKEN.fullmatch(name):
            raise InvalidInput(f"{name[:100]!a} is no header that can be added to webhooks", field="/headers")
        if not _VALUE.fullmatch(value):
            raise InvalidInput(f"the value of the header {name} is no plain text of one line", field=f"/headers/{name}")
    return dict(headers)


def to_webhook(
    message: Message,
    *,
    idem: bytes,
    at: datetime,
    keys: Sequence[str],
    headers: Mapping[str, str] | None = None,
    items: Sequence[Message] = (),
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes to send and the headers that sign them.

    Args:
        message: What happened.
        idem: The delivery's own number without its replays.
        at: The moment of this attempt; receivers refuse old ones.
        keys: All that sign; two of a kind while they are rotated.
        headers: Those that the channel's owner adds.
        items: The messages of a digest; fifty are listed, all are counted.
    """
    body = _body(message, items)
    own = own_headers(headers or {})
    return body, {"Content-Type": "application/json", **own, **signed_headers(keys, message_id(idem), at, body)}


def _body(message: Message, items: Sequence[Message]) -> bytes:
    """Leave out what is longest until the rest fits; whoever needs all follows the link."""
    data = _data(message)
    if items:
        data |= {"count": len(items), "items": [_item(one) for one in items[:ITEMS]]}
    body = _written(message, data)
    for left_out in ("items", "text", "facts"):
        if len(body) > MOST_BYTES and left_out in data:
            data |= {left_out: type(data[left_out])(), "truncated": True}
            body = _written(message, data)
    return body


def _data(message: Message) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "severity": str(message.severity),
        "title": texts.line(message.title),
        "asset": texts.line(message.asset),
        "text": texts.lines(message),
        "facts": {texts.line(name, 60): texts.line(value, 500) for name, value in message.facts.items()},
        "subject": {"kind": message.subject_kind, "id": texts.line(message.subject_id)},
        "link": texts.web(message.link),
        "dedup_key": texts.line(message.dedup_key, 300),
        "truncated": False,
    }


def _item(message: Message) -> dict[str, Any]:
    return {
        "type": message.type,
        "timestamp": message.occurred_at.astimezone(UTC).isoformat(),
        "severity": str(message.severity),
        "title": texts.line(message.title, 100),
        "asset": texts.line(message.asset, 60),
        "link": texts.web(message.link)[:200],
    }


def _written(message: Message, data: dict[str, Any]) -> bytes:
    told = {"type": message.type, "timestamp": message.occurred_at.astimezone(UTC).isoformat(), "data": data}
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
