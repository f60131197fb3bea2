"""What is sent: messages as they are rendered for deliveries, in batches as a box gets them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic import SecretStr

from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.schemas.wire import Batch, ChannelKind, Envelope, Outcomes, Sent
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 200
TITLE = "TLS 1.0 is on"
BODY = "The service on port 443 still accepts TLS 1.0."
MESSAGE = Message(
    type="finding.opened", severity=Severity.HIGH, title=TITLE, asset="web-1", lines=(BODY,), occurred_at=datetime(2026, 11, 29, tzinfo=UTC)
)


class Kept:
    """Takes outcomes that come before the end."""

    def __init__(self) -> None:
        """Begin."""
        self.outcomes: list[Any] = []
        self.reply: dict[str, Any] = {}

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Say nothing of progress."""

    def keep(self, answer: Outcomes) -> bool:
        """Take some."""
        self.outcomes += answer.outcomes
        return True


def rate(count: int, made: Callable[[], Envelope], send: Callable[[Batch, Any], Outcomes], port: int) -> float:
    """Return how many messages a second are rendered, signed and taken by their receiver, in batches of 200; raises when one is not taken."""
    began = time.perf_counter()
    for start in range(0, count, SIZE):
        size = min(SIZE, count - start)
        batch = Batch(envelopes=tuple(made() for _ in range(size)), networks=("127.0.0.0/8",), near=True, ports=(port,))
        kept = Kept()
        done = [*send(batch, kept).outcomes, *kept.outcomes]
        refused = [one for one in done if one.kind is not Sent.OK]
        if refused or len(done) != size:
            message = f"{size - len(done)} have no outcome, and of {len(refused)} the first is: {refused[:1]}"
            raise RuntimeError(message)
    return count / (time.perf_counter() - began)


def envelope(kind: ChannelKind, idem: bytes, target: dict[str, str], body: bytes, headers: dict[str, str] | None = None) -> Envelope:
    """Put finished bytes into an envelope."""
    told = {name: SecretStr(value) for name, value in target.items()}
    return Envelope(delivery_id=uuid4(), idem_hex=idem.hex(), channel=kind, target=told, body=body, headers=headers or {})
