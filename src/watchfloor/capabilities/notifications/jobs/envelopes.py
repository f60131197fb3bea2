"""Make finished bytes of a message for one channel; every kind of channel is a way to render and a way to send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pydantic import SecretStr

from watchfloor.capabilities.notifications.channels import apprise, mail, slack, webhook
from watchfloor.capabilities.notifications.engine.to_apprise import to_apprise
from watchfloor.capabilities.notifications.engine.to_email import Mail, mailbox, to_email
from watchfloor.capabilities.notifications.engine.to_slack import to_slack
from watchfloor.capabilities.notifications.engine.to_webhook import to_webhook
from watchfloor.capabilities.notifications.schemas.wire import Batch, ChannelKind, Envelope, Outcomes
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchfloor.capabilities.notifications.queries.channels import Opened
    from watchfloor.capabilities.notifications.queries.due import Claimed
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.capabilities.notifications.settings import NotificationSettings

Send: TypeAlias = Callable[[Batch, Any], Outcomes]
HEADER: Final = "header "


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """All that rendering one delivery needs; `idem` is what the receiver knows it by, the same however often it is sent."""

    row: Claimed
    message: Message
    channel: Opened
    secrets: list[str]
    idem: bytes
    at: datetime
    settings: NotificationSettings
    thread: str = ""
    unsubscribe: str = ""
    acknowledge: str = ""

    def envelope(self, target: dict[str, str], body: bytes, headers: dict[str, str] | None = None) -> Envelope:
        """Put it into an envelope."""
        return Envelope(
            delivery_id=self.row.id, idem_hex=self.idem.hex(), channel=self.channel.kind,
            target={name: SecretStr(value) for name, value in target.items() if value}, body=body, headers=headers or {},
        )  # fmt: skip


def batch_of(envelopes: Sequence[Envelope], settings: NotificationSettings) -> Batch:
    """Return what a box is given: envelopes, and where an operator lets them go."""
    return Batch(
        envelopes=tuple(envelopes), networks=tuple(one.strip() for one in settings.allowed_networks.split(",") if one.strip()),
        near=settings.allowed_near, ports=tuple(int(one) for one in settings.allowed_ports.split(",")),
        authorities=settings.ca_file.read_text(encoding="ascii") if settings.ca_file else "",
    )  # fmt: skip


@dataclass(frozen=True)
class Way:
    """How one kind of channel renders a message and sends it; `send` runs in a box."""

    render: Callable[[Parcel], Envelope]
    send: Send


def _webhook(parcel: Parcel) -> Envelope:
    own = {name.removeprefix(HEADER): value for name, value in parcel.channel.config.items() if name.startswith(HEADER)}
    body, headers = to_webhook(parcel.message, idem=parcel.idem, at=parcel.at, keys=parcel.secrets, headers=own)
    return parcel.envelope({"url": parcel.channel.config["url"]}, body, headers)


def _email(parcel: Parcel) -> Envelope:
    settings = parcel.settings
    if not settings.smtp_host or not settings.mail_from:
        message = "no relay is set: set WATCHFLOOR_NOTIFICATIONS_SMTP_HOST and WATCHFLOOR_NOTIFICATIONS_MAIL_FROM"
        raise InvalidInput(message)
    to = parcel.channel.config["to"]
    letter = Mail(
        sender=settings.mail_from,
        to=to,
        idem=parcel.idem,
        at=parcel.message.occurred_at,
        reason=_reason(parcel),
        unsubscribe=parcel.unsubscribe,
        acknowledge=parcel.acknowledge,
    )
    target = {
        "host": settings.smtp_host, "port": str(settings.smtp_port), "user": settings.smtp_user, "tls": settings.smtp_tls,
        "password": settings.smtp_password.get_secret_value(), "from": mailbox(settings.mail_from).addr_spec, "to": to,
    }  # fmt: skip
    return parcel.envelope(target, to_email(parcel.message, letter))


def _slack(parcel: Parcel) -> Envelope:
    config = parcel.channel.config
    target = {name: value for name, value in config.items() if name in {"url", "token", "channel"}}
    if "token" in config:
        target["api"] = f"{parcel.settings.slack_api}chat.postMessage"
    body = to_slack(
        parcel.message, room=config.get("channel", ""), thread=parcel.thread, short=parcel.row.short, acknowledge=parcel.acknowledge
    )
    return parcel.envelope(target, body)


def _apprise(parcel: Parcel) -> Envelope:
    return parcel.envelope({"url": parcel.channel.config["url"]}, to_apprise(parcel.message))


def _reason(parcel: Parcel) -> str:
    who = parcel.row.user_id or "your organisation"
    return f"You are told because {who} follows {parcel.message.type}."


WAYS: Final[dict[ChannelKind, Way]] = {
    ChannelKind.EMAIL: Way(_email, mail.send),
    ChannelKind.WEBHOOK: Way(_webhook, webhook.send),
    ChannelKind.SLACK: Way(_slack, slack.send),
    ChannelKind.APPRISE: Way(_apprise, apprise.send),
}
