"""Sign webhooks and check signatures: Standard Webhooks v1 (HMAC-SHA256) and v1a (Ed25519). Pure.

Keys are texts: `whsec_` before 24 to 64 bytes in base64 for v1; for v1a `whsk_` before a seed and its public key, 64 bytes together (the seed
alone is read too), and `whpk_` before the public key alone, which checks and cannot sign.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from watchfloor.kernel.errors import Expired, Forged, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

SHARED: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
SHORTEST: Final = 24
LONGEST: Final = 64
TOLERANCE: Final = timedelta(minutes=5)
_SEED: Final = 32
_MOST_SIGNATURES: Final = 20


def shared_key(random: bytes) -> str:
    """Write random bytes as a key of v1; InvalidInput unless they are 24 to 64."""
    _fits(random)
    return SHARED + b64encode(random).decode("ascii")


def key_pair(seed: bytes) -> tuple[str, str]:
    """Write the private and the public key of v1a that a random seed of 32 bytes makes."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PRIVATE + b64encode(seed + public).decode("ascii"), PUBLIC + b64encode(public).decode("ascii")


def public_key(private: str) -> str:
    """Return what a receiver checks v1a with."""
    return PUBLIC + b64encode(_private(private).public_key().public_bytes_raw()).decode("ascii")


def signed_headers(keys: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message; while keys are rotated the old and the new one sign together.

    `body` are the bytes that are sent, and `at` is the moment of this attempt. Raises InvalidInput for a key that cannot sign.
    """
    seconds = int(at.timestamp())
    content = _content(message_id, str(seconds), body)
    signatures = " ".join(_signature(key, content) for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(seconds), "webhook-signature": signatures}


def verify(keys: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Check a message as a receiver does; one signature that one key confirms is enough.

    Raises:
        Forged: A header is missing, or no signature is right.
        Expired: The message is older than the tolerance, or from the future.
    """
    found = {name.lower(): value for name, value in headers.items()}
    name, stamp, signatures = (found.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature"))
    if not name or not signatures:
        raise Forged("the webhook has no id or no signature")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004 - the year 33658
        raise Forged("the webhook's time is no number of seconds")
    content = _content(name, stamp, body)
    given = signatures.split(" ")[:_MOST_SIGNATURES]
    if not any(_confirms(key, content, signature) for key in keys for signature in given):
        raise Forged("no signature of the webhook is right for these keys")
    if abs(now.timestamp() - int(stamp)) > tolerance.total_seconds():
        raise Expired("the webhook is signed for another time")


def _content(message_id: str, stamp: str, body: bytes) -> bytes:
    return f"{message_id}.{stamp}.".encode() + body


def _signature(key: str, content: bytes) -> str:
    if key.startswith(SHARED):
        return "v1," + b64encode(_hmac(key, content)).decode("ascii")
    return "v1a," + b64encode(_private(key).sign(content)).decode("ascii")


def _confirms(key: str, content: bytes, signature: str) -> bool:
    version, _, text = signature.partition(",")
    try:
        given = b64decode(text, validate=True)
    except ValueError:
        return False
    if version == "v1" and key.startswith(SHARED):
        return hmac.compare_digest(_hmac(key, content), given)
    if version != "v1a" or key.startswith(SHARED):
        return False
    checker = Ed25519PublicKey.from_public_bytes(_decoded(key, PUBLIC)) if key.startswith(PUBLIC) else _private(key).public_key()
    try:
        checker.verify(given, content)
    except InvalidSignature:
        return False
    return True


def _hmac(key: str, content: bytes) -> bytes:
    secret = _decoded(key, SHARED)
    _fits(secret)
    return hmac.digest(secret, content, hashlib.sha256)


def _private(key: str) -> Ed25519PrivateKey:
    found = _decoded(key, PRIVATE)
    if len(found) not in {_SEED, 2 * _SEED}:
        raise InvalidInput(f"a key that begins with {PRIVATE} holds 32 or 64 bytes, this one {len(found)}")
    made = Ed25519PrivateKey.from_private_bytes(found[:_SEED])
    if found[_SEED:] and made.public_key().public_bytes_raw() != found[_SEED:]:
        raise InvalidInput(f"the two halves of this key that begins with {PRIVATE} do not belong together")
    return made


def _decoded(key: str, prefix: str) -> bytes:
    if not key.startswith(prefix):
        raise InvalidInput(f"this is no key that begins with {prefix}")
    try:
        found = b64decode(key.removeprefix(prefix), validate=True)
    except ValueError:
        raise InvalidInput(f"what stands behind {prefix} is no base64") from None
    if prefix == PUBLIC and len(found) != _SEED:
        raise InvalidInput(f"a key that begins with {PUBLIC} holds 32 bytes, this one {len(found)}")
    return found


def _fits(secret: bytes) -> None:
    if not SHORTEST <= len(secret) <= LONGEST:
        raise InvalidInput(f"a key of a webhook holds {SHORTEST} to {LONGEST} bytes, this one {len(secret)}")
