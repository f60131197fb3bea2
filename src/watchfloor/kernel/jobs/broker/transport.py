"""Redis and Valkey under kombu, hardened: an envelope is checked before kombu believes a word of it.

Stock kombu 5.7 takes the acknowledgement tag, the route, the encoding and the shape of a message from the message itself;
a list element that is no JSON object ends the worker, and a large one is parsed in full.
"""

# ruff: noqa: ANN401, SLF001 - kombu and Celery have no types here, and this floor exists to know their insides

from __future__ import annotations

import json
import re
import uuid
from queue import Empty
from typing import TYPE_CHECKING, Any, Final, cast

from kombu.transport import TRANSPORT_ALIASES, redis

from watchfloor.kernel.errors import Forged

if TYPE_CHECKING:
    from watchfloor.kernel.jobs.broker.gate import Gate

MAX_ENVELOPE_BYTES: Final = 8 * 1024
_MAX_CONTROL_BYTES: Final = 1024 * 1024
_BASE64: Final = re.compile("[A-Za-z0-9+/]*={0,2}")


class Channel(redis.Channel):  # type: ignore[misc]  # kombu has no type hints
    """A Redis channel that hands over only well-formed messages, under tags and routes of its own."""

    gate: Gate | None = None
    from_transport_options = (*redis.Channel.from_transport_options, "gate")

    def _brpop_read(self, **options: Any) -> bool:
        """Read one reply as kombu does, refusing bad envelopes on queues that carry tickets."""
        try:
            reply = self._read_reply(**options)
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        if not reply:
            raise Empty
        queue = _text(reply[0]).rsplit(self.sep, 1)[0]
        self._queue_cycle.rotate(queue)
        if self.gate is None or queue not in self.gate.queues:
            self.connection._deliver(json.loads(_text(reply[1])), queue)
            return True
        try:
            envelope = read_envelope(reply[1], queue)
        except Forged as error:
            self.gate.refuse(error.reason, {"queue": queue, "length": len(reply[1])})
        else:
            self.connection._deliver(envelope, queue)
        return True

    def _read_reply(self, **options: Any) -> Any:
        try:
            return self.client.parse_response(self.client.connection, "BRPOP", **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise

    def _handle_message(self, client: Any, r: Any) -> dict[str, Any]:
        """Blank a control message that is not one, so that it cannot end the connection."""
        payload = cast("dict[str, Any]", super()._handle_message(client, r))
        data = payload["data"]
        if _text(payload["type"]).endswith("message") and not _is_control(data):
            if self.gate is not None:
                self.gate.refuse("control", {"length": len(data) if isinstance(data, bytes | str) else 0})
            payload["data"] = None
        return payload


class Transport(redis.Transport):  # type: ignore[misc]  # kombu has no type hints
    """The Redis transport with the channel above."""

    Channel = Channel


def install() -> None:
    """Let redis:// and rediss:// mean this transport in this process."""
    name = f"{__name__}:Transport"
    TRANSPORT_ALIASES.update(redis=name, rediss=name)


def read_envelope(item: bytes | str, queue: str) -> dict[str, Any]:
    """Return a fresh kombu envelope with the fields a ticket may choose. Raises Forged `length`, `envelope` or `compression`."""
    if len(item) > MAX_ENVELOPE_BYTES:
        raise Forged("length")
    try:
        found = json.loads(item)
    except (ValueError, RecursionError):
        raise Forged("envelope") from None
    if not isinstance(found, dict):
        raise Forged("envelope")
    headers, properties = found.get("headers"), found.get("properties")
    body, content_type = found.get("body"), found.get("content-type")
    if not (isinstance(headers, dict) and isinstance(properties, dict) and isinstance(body, str) and isinstance(content_type, str)):
        raise Forged("envelope")
    if properties.get("body_encoding") != "base64":
        raise Forged("envelope")
    if "compression" in headers:
        raise Forged("compression")
    route = {"exchange": "", "routing_key": queue}
    return {
        "body": _base64_or_refuse(body),
        "content-type": content_type,
        "content-encoding": "binary",
        "headers": {"task": headers.get("task"), "id": headers.get("id")},
        "properties": {"delivery_tag": uuid.uuid4().hex, "delivery_info": route, "body_encoding": "base64", "priority": 0},
    }


def _base64_or_refuse(body: str) -> str:
    """Return text that is base64 and nothing else; kombu's decoder would drop foreign characters and raise on bad padding."""
    if not _BASE64.fullmatch(body) or len(body) % 4:
        raise Forged("envelope")
    return body


def _is_control(data: Any) -> bool:
    if not data:
        return True
    if not isinstance(data, bytes | str) or len(data) > _MAX_CONTROL_BYTES:
        return False
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return _is_message(found)


def _is_message(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    properties, headers = found.get("properties"), found.get("headers", {})
    return (
        isinstance(properties, dict)
        and isinstance(headers, dict)
        and "compression" not in headers
        and isinstance(properties.get("delivery_tag"), str)
        and isinstance(properties.get("delivery_info", {}), dict)
        and isinstance(found.get("body"), str)
        and properties.get("body_encoding") == "base64"
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
