"""Links in messages: who asks not to hear of what, or looks after it, signed, so that nobody has to sign in. Pure.

A token is 1 byte of version, 16 of org, 8 of seconds since 1970, 1 of act, 2 of the user's length, the user, the type of event or
the id of a notification, and a MAC of 32 bytes over all of it, as unpadded base64url.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from watchfloor.kernel.errors import Expired, Forged
from watchfloor.kernel.security import keyed_hash, same

if TYPE_CHECKING:
    from collections.abc import Container

PURPOSE: Final = "notifications unsubscribe"
LONGEST: Final = 2000
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">B16sQBH")
_MAC: Final = 32
_SENTENCE: Final = (
    "This link is not one of ours, or a part of it is missing. Copy it completely, or change what you hear of in your settings."
)


class Act(StrEnum):
    """What a link does when it is posted."""

    UNSUBSCRIBE = "unsubscribe"
    UNDO = "undo"
    ACKNOWLEDGE = "acknowledge"


HOLDS_FOR: Final = {Act.UNSUBSCRIBE: timedelta(days=180), Act.UNDO: timedelta(days=30), Act.ACKNOWLEDGE: timedelta(days=30)}


@dataclass(frozen=True, kw_only=True)
class Link:
    """Who does not want to hear of which type of event, does again, or looks after which notification; `issued` counts in whole seconds."""

    org: UUID
    user: str
    act: Act
    what: str
    issued: datetime


def make_token(key: bytes, asked: Link) -> str:
    """Return the token; it can be read by everybody and made only with the key."""
    user = asked.user.encode()
    act = list(Act).index(asked.act)
    body = _HEAD.pack(_VERSION, asked.org.bytes, int(asked.issued.timestamp()), act, len(user)) + user + asked.what.encode()
    text = _text(body + _mac(key, body))
    if len(text) > LONGEST:
        raise ValueError(f"a token of {len(text)} characters is too long for a link")
    return text


def org_of(token: str) -> UUID:
    """Return the org that a token names, to find the key with; nothing is verified yet. Raises Forged."""
    return _parse(_bytes(token)[:-_MAC]).org


def read_token(key: bytes, token: str) -> Link:
    """Return what a token asks for, however old it is. Raises Forged."""
    data = _bytes(token)
    body, mac = data[:-_MAC], data[-_MAC:]
    if not same(mac, _mac(key, body)):
        raise Forged(_SENTENCE)
    return _parse(body)


def demand_act(asked: Link, acts: Container[Act]) -> None:
    """Raise Forged for a link that does something else: each is good at its own address alone."""
    if asked.act not in acts:
        raise Forged(_SENTENCE)


def demand_fresh(asked: Link, now: datetime) -> None:
    """Raise Expired 180 days after a link was sent, and 30 days after one that undoes was shown or that acknowledges was sent."""
    if now - asked.issued > HOLDS_FOR[asked.act]:
        raise Expired(
            f"This link was good for {HOLDS_FOR[asked.act].days} days. Use that of a newer message, or change what you hear of in your settings."
        )


def _parse(body: bytes) -> Link:
    try:
        version, org, issued, act, length = _HEAD.unpack_from(body)
        user, what = body[_HEAD.size : _HEAD.size + length], body[_HEAD.size + length :]
        if version != _VERSION or len(user) != length:
            raise Forged(_SENTENCE)
        return Link(
            org=UUID(bytes=org), user=user.decode(), act=list(Act)[act], what=what.decode(), issued=datetime.fromtimestamp(issued, UTC)
        )
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError, ValueError, OSError):
        raise Forged(_SENTENCE) from None


def _bytes(token: str) -> bytes:
    if not token.isascii() or len(token) > LONGEST:
        raise Forged(_SENTENCE)
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Forged(_SENTENCE) from None
    # The last character of base64 may have bits to spare: one token has one spelling.
    if len(data) <= _HEAD.size + _MAC or _text(data) != token:
        raise Forged(_SENTENCE)
    return data


def _mac(key: bytes, body: bytes) -> bytes:
    return keyed_hash(key, body, "notifications", "unsubscribe")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
