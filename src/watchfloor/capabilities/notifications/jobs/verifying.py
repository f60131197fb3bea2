"""Ask a webhook's receiver whether it wants our messages: it repeats a challenge, or the channel stays as it is."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.notifications.channels import webhook
from watchfloor.capabilities.notifications.engine.challenge import echoes, to_challenge
from watchfloor.capabilities.notifications.jobs.envelopes import HEADER, batch_of
from watchfloor.capabilities.notifications.queries import channels, keys
from watchfloor.capabilities.notifications.schemas.channels import ChannelVerified, VerifyChannel
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Envelope, Outcome, Outcomes, Sent
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.contract import JobContext


@job("notifications.verify_channel", VerifyChannel, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=60))
def verify_channel(context: JobContext, request: VerifyChannel) -> ChannelVerified:
    """Send a webhook's receiver a challenge; one that repeats it is verified, and takes messages from then on if it did not yet."""
    challenge = secrets.token_urlsafe(32)
    outcome = _asked(context, _envelope(context, request.channel, challenge))
    verified = outcome.kind is Sent.OK and echoes(outcome.head, challenge)
    with context.transaction() as session:
        if verified:
            channels.verified(session, context.org, request.channel, actor=context.actor)
        state = channels.get_channel(session, context.org, request.channel).state
    reason = "" if verified else outcome.reason or "the receiver took the challenge and did not repeat it"
    return ChannelVerified(channel=request.channel, verified=verified, state=state, reason=reason, code=outcome.code, ms=outcome.ms)


def _envelope(context: JobContext, channel: UUID, challenge: str) -> Envelope:
    vault, org = ledger().vault, context.org
    with context.transaction() as session:
        found = channels.open_channels(session, vault, org, [channel]).get(channel)
        signing = keys.open_secrets(session, vault, org, [channel]).get(channel, [])
    if found is None or found.kind is not ChannelKind.WEBHOOK:
        raise GiveUp("there is no such webhook any more")
    idem = hashlib.sha256(f"{org}|{context.job_id}|{context.attempt}|challenge".encode()).digest()
    own = {name.removeprefix(HEADER): value for name, value in found.config.items() if name.startswith(HEADER)}
    body, headers = to_challenge(challenge, idem=idem, at=now(), keys=signing, headers=own)
    return Envelope(
        delivery_id=context.job_id, idem_hex=idem.hex(), channel=found.kind, target={"url": found.config["url"]}, body=body, headers=headers
    )


def _asked(context: JobContext, envelope: Envelope) -> Outcome:
    told: list[Outcome] = []

    def keep(part: Outcomes) -> dict[str, Any]:
        told.extend(part.outcomes)
        return {}

    batch = batch_of([envelope], read_settings(NotificationSettings, "notifications"))
    last: Outcomes = context.sandbox(webhook.send, batch, keep=keep)
    return [*told, *last.outcomes][0]
