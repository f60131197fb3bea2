"""Mail to a relay on this machine."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from benchmarks.deliveries.aside import aside
from benchmarks.deliveries.batches import MESSAGE, envelope, rate
from watchfloor.capabilities.notifications.channels import mail
from watchfloor.capabilities.notifications.engine.to_email import Mail, to_email
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.clock import now

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.wire import Envelope

TO = "ana@example.org"


def ours(count: int) -> tuple[float, int]:
    """Return mails a second over kept connections, and how many different ones arrived."""
    with aside("smtp") as relay:
        target = {"host": "127.0.0.1", "port": str(relay.port), "tls": "none", "from": "wf@example.org", "to": TO}

        def made() -> Envelope:
            idem = secrets.token_bytes(32)
            letter = Mail(sender="Watchfloor <wf@example.org>", to=TO, idem=idem, at=now())
            return envelope(ChannelKind.EMAIL, idem, target, to_email(MESSAGE, letter))

        found = rate(count, made, mail.send, relay.port)
    return found, relay.arrived
