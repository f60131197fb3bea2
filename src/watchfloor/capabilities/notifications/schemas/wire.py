"""What goes into a box that sends, and what comes out of it."""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, PlainSerializer, SecretStr

from watchfloor.capabilities.notifications.schemas.message import Part


def _decoded(value: object) -> object:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


# Bytes travel to a box inside JSON.
Body = Annotated[bytes, BeforeValidator(_decoded), PlainSerializer(lambda body: base64.b64encode(body).decode(), return_type=str)]


class ChannelKind(StrEnum):
    """The ways a message can leave."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    APPRISE = "apprise"


class Envelope(Part):
    """One delivery, finished: the bytes that are sent are these.

    `target` says where to, by kind of channel, each value a secret that no error and no log shows:
    webhook: `url`; email: `host`, `port`, `user`, `password`, `tls` (implicit, starttls, none), `from`, `to`;
    slack: `url`, or `token`, `channel` and `api`; apprise: `url`.
    """

    delivery_id: UUID
    idem_hex: str = Field(pattern="^[0-9a-f]{64}$", description="The same in every attempt of one delivery.")
    channel: ChannelKind
    target: dict[str, SecretStr]
    body: Body = Field(max_length=5 << 20)
    headers: dict[str, str] = Field(default_factory=dict)


class Batch(Part):
    """What one box sends: envelopes of one kind of channel, and where it may go."""

    envelopes: tuple[Envelope, ...] = Field(max_length=200)
    networks: tuple[str, ...] = Field((), description="Private networks where receivers may be.")
    near: bool = Field(default=False, description="`networks` may name this machine itself; for tests and single machines.")
    ports: tuple[int, ...] = (443, 80)
    authorities: str = Field("", description="Certificates in PEM to trust beside those of the system; a box reads no files of ours.")


class Sent(StrEnum):
    """How one attempt ended."""

    OK = "ok"
    RETRY = "retry"
    PERMANENT = "permanent"
    DISABLE = "disable"


class Outcome(Part):
    """How one envelope fared; `head` is the answer's beginning, `code` the protocol's own or a short word such as timeout.

    The code not_tried says that nothing was attempted: it uses up no attempt and says nothing about the receiver. Of SMTP, a number
    alone is what the relay said about the recipient; what it said about the sender, the content and us is sender_550, content_554 and relay_535.
    """

    delivery_id: UUID
    kind: Sent
    code: str = Field("", max_length=40)
    ms: int = Field(0, ge=0)
    address: str = Field("", max_length=100, description="The address that was dialled, where one was.")
    head: str = Field("", max_length=1024)
    retry_after_s: float | None = Field(None, ge=0, description="What the receiver asked for.")
    reason: str = Field("", max_length=300)
    mark: str = Field("", max_length=40, description="What a chat knows the message by, so that later ones can stand beneath it.")


class Outcomes(Part):
    """How the envelopes of a batch fared; one for each, in any order. They may also come in parts before the end."""

    outcomes: tuple[Outcome, ...]
