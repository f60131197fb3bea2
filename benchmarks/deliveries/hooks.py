"""Signed webhooks to a receiver on this machine, ours and Apprise's."""

from __future__ import annotations

import importlib
import importlib.util
import secrets
import time
from typing import TYPE_CHECKING

from benchmarks.deliveries.aside import aside
from benchmarks.deliveries.batches import BODY, MESSAGE, TITLE, envelope, rate
from watchfloor.capabilities.notifications.channels import webhook
from watchfloor.capabilities.notifications.engine.sign import shared_key
from watchfloor.capabilities.notifications.engine.to_webhook import to_webhook
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.clock import now

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.wire import Envelope


def missing() -> str:
    """Say why the peer cannot take part; nothing when it can."""
    return "" if importlib.util.find_spec("apprise") else "apprise is not installed here: pip install apprise"


def ours(count: int) -> tuple[float, int]:
    """Return webhooks a second, and how many different ones arrived."""
    key = shared_key(secrets.token_bytes(32))
    with aside("http") as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hook"

        def made() -> Envelope:
            idem = secrets.token_bytes(32)
            body, headers = to_webhook(MESSAGE, idem=idem, at=now(), keys=[key])
            return envelope(ChannelKind.WEBHOOK, idem, {"url": url}, body, headers)

        found = rate(count, made, webhook.send, receiver.port)
    return found, receiver.arrived


def apprise(count: int) -> tuple[float, int]:
    """Return the same of Apprise as its documentation uses it: one object, one URL, `notify` for each message. It signs nothing."""
    peer = importlib.import_module("apprise")
    with aside("http") as receiver:
        sender = peer.Apprise()
        sender.add(f"json://127.0.0.1:{receiver.port}/hook")
        began = time.perf_counter()
        taken = sum(bool(sender.notify(title=TITLE, body=BODY)) for _ in range(count))
        found = taken / (time.perf_counter() - began)
    return found, receiver.arrived
