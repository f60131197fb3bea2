"""Seal, open, sign, verify, wrap and hash with keys the caller holds; this module stores none.

KEK (file, 0400)
 └─ organisation's data key (DEK), wrapped with AES-KW together with the organisation's id
     └─ purpose key = HKDF-SHA256(DEK, "wf/v1/" + purpose)
         └─ data key = HMAC-SHA256(purpose key, salt): one per value, so no nonce counter can run out
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import string
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from watchfloor.kernel.errors import Forged, SetupError, Unauthenticated

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

KEY_BYTES: Final = 32
KID_BYTES: Final = 8
SIGNATURE_BYTES: Final = 64
_MAGIC: Final = b"W1"
_SALT: Final = 16
_NONCE: Final = 12
_TAG: Final = 16
_HEADER: Final = len(_MAGIC) + KID_BYTES
_BODY: Final = _HEADER + _SALT + _NONCE
SEALED_OVERHEAD_BYTES: Final = _BODY + _TAG


def new_key() -> bytes:
    """Return 32 fresh random bytes: a KEK, a DEK, a pepper or an Ed25519 private key."""
    return os.urandom(KEY_BYTES)


@lru_cache(maxsize=4096)
def key_id(key: bytes) -> bytes:
    """Return the 8 bytes that name a key; they tell nothing about it."""
    return hashlib.sha256(b"wf/v1/kid\0" + key).digest()[:KID_BYTES]


@lru_cache(maxsize=4096)
def purpose_key(key: bytes, purpose: str) -> bytes:
    """Derive the key for one purpose: field, artifact, link, webhook or blind. Cached; see `forget_derived_keys`."""
    _require_key(key)
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=b"wf/v1/" + purpose.encode()).derive(key)


def forget_derived_keys() -> None:
    """Drop cached derivations, after an organisation's keys were destroyed."""
    key_id.cache_clear()
    purpose_key.cache_clear()


def seal(key: bytes, plaintext: bytes, aad: bytes, *, kid: bytes | None = None) -> bytes:
    """Encrypt with AES-256-GCM as `W1 | kid 8 | salt 16 | nonce 12 | ciphertext and tag`.

    Args:
        key: A purpose key.
        plaintext: Any length, also none.
        aad: Where the value lives, such as `org|table|column|row|part|version`; it opens nowhere else.
        kid: Names the key when opening; default `key_id(key)`. A column passes its DEK's kid.
    """
    _require_key(key)
    header = _MAGIC + (key_id(key) if kid is None else kid)
    if len(header) != _HEADER:
        raise ValueError("a key id has 8 bytes")
    noise = os.urandom(_SALT + _NONCE)
    data_key = hmac.digest(key, noise[:_SALT], "sha256")
    return header + noise + AESGCM(data_key).encrypt(noise[_SALT:], plaintext, header + aad)


def open_(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Decrypt what `seal` made.

    Raises:
        Forged: `plaintext` when it was never sealed, `sealed` when key, place or bytes do not fit.
    """
    _require_key(key)
    sealed = bytes(sealed)
    if not sealed.startswith(_MAGIC) or len(sealed) < SEALED_OVERHEAD_BYTES:
        raise Forged("plaintext")
    data_key = hmac.digest(key, sealed[_HEADER : _HEADER + _SALT], "sha256")
    try:
        return AESGCM(data_key).decrypt(sealed[_HEADER + _SALT : _BODY], sealed[_BODY:], sealed[:_HEADER] + aad)
    except InvalidTag:
        raise Forged("sealed") from None


def sealed_kid(sealed: bytes) -> bytes:
    """Return the key id a sealed value names; raises Forged when it is not sealed."""
    if not sealed.startswith(_MAGIC) or len(sealed) < SEALED_OVERHEAD_BYTES:
        raise Forged("plaintext")
    return bytes(sealed[len(_MAGIC) : _HEADER])


def wrap_key(kek: bytes, org: UUID, dek: bytes) -> bytes:
    """Wrap an organisation's DEK under the KEK; the organisation's id is inside, so rows cannot be swapped."""
    _require_key(kek)
    _require_key(dek)
    return aes_key_wrap(kek, org.bytes + dek)


def unwrap_key(kek: bytes, org: UUID, wrapped: bytes) -> bytes:
    """Return the DEK that `wrap_key` wrapped for this organisation; anything else raises Forged `wrapped`."""
    _require_key(kek)
    try:
        inside = aes_key_unwrap(kek, bytes(wrapped))
    except (InvalidUnwrap, ValueError):
        raise Forged("wrapped") from None
    if len(inside) != len(org.bytes) + KEY_BYTES or not hmac.compare_digest(inside[:16], org.bytes):
        raise Forged("wrapped")
    return inside[16:]


def create_key_file(path: Path) -> bytes:
    """Write a fresh key as hexadecimal text, readable by its owner alone, and return it; never replaces a file."""
    key = new_key()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o400)
    except FileExistsError:
        raise SetupError(f"{path} exists already; a key is never replaced. Move it away if you really want a new one.") from None
    except OSError as error:
        raise SetupError(
            f"The key file {path} cannot be created: {error.strerror}. Check that its directory exists and is writable."
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(key.hex().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def read_key_file(path: Path) -> bytes:
    """Return the key in a file made by `create_key_file`; refuses one that others may read or change."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SetupError(
            f"The key file {path} cannot be read: {error.strerror}. Restore it from your backup; data sealed with it is lost without."
        ) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise SetupError(f"{path} is not a regular file. Point the setting at the key file itself.")
        if status.st_mode & 0o077:
            raise SetupError(
                f"The key file {path} is open to other accounts (mode {stat.S_IMODE(status.st_mode):04o}). Run: chmod 0400 {path}"
            )
        text = os.read(handle, 4 * KEY_BYTES)
    finally:
        os.close(handle)
    return parse_key(text.decode("latin-1"), f"The key file {path}")


def parse_key(text: str, source: str) -> bytes:
    """Return the key written as 64 hexadecimal digits; `source` names the setting or file in the SetupError."""
    text = text.strip()
    if len(text) != 2 * KEY_BYTES or not text.isascii() or not text.isalnum():
        raise SetupError(_not_a_key(source))
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise SetupError(_not_a_key(source)) from None


def _not_a_key(source: str) -> str:
    return f"{source} does not hold 64 hexadecimal digits. Restore the key from your backup; data sealed with it is lost without."


class Signer:
    """An Ed25519 private key for as long as this object lives; `kid` and `public` may be published."""

    def __init__(self, private: bytes | None = None) -> None:
        """Take 32 private bytes, or make a fresh key that never leaves this process."""
        self._key = Ed25519PrivateKey.generate() if private is None else Ed25519PrivateKey.from_private_bytes(private)
        self.public: bytes = self._key.public_key().public_bytes_raw()
        self.kid: bytes = public_kid(self.public)

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature."""
        return self._key.sign(data)

    def __repr__(self) -> str:
        """Show the public name only."""
        return f"Signer({self.kid.hex()})"


def public_kid(public: bytes) -> bytes:
    """Return the 8 bytes that name a public key."""
    return hashlib.sha256(public).digest()[:KID_BYTES]


@lru_cache(maxsize=256)
def _public_key(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def signature_fits(public: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether the owner of the public key signed exactly this."""
    try:
        _public_key(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def keyed_hash(key: bytes, value: bytes | str, *context: str) -> bytes:
    """Return a 32-byte blind index: equal values of one context are equal, nobody without the key can guess.

    The caller normalises the value first; `context` keeps columns and kinds apart.
    """
    data = value.encode() if isinstance(value, str) else value
    parts = [part.encode() for part in context]
    return hmac.digest(key, b"".join(len(part).to_bytes(4, "big") + part for part in [*parts, data]), "sha256")


def same(left: bytes | str, right: bytes | str) -> bool:
    """Compare secrets without telling by the time taken where they differ."""
    return hmac.compare_digest(_bytes(left), _bytes(right))


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _require_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")


_ALPHABET: Final = string.digits + string.ascii_letters
_KEY_ID: Final = 8
_SECRET: Final = 43  # 62 ** 43 > 2 ** 256
_CHECK: Final = 6
_PREFIX: Final = "wf"
_API_KEY_LENGTH: Final = len(_PREFIX) + _KEY_ID + _SECRET + _CHECK + 3


@dataclass(frozen=True)
class ApiKey:
    """An API key's parts. `id` may be shown and looked up; `secret` is shown to its owner once."""

    id: str
    secret: str

    @property
    def text(self) -> str:
        """Return `wf_<8 id>_<43 secret>_<6 check>`, the form people and secret scanners see."""
        body = f"{_PREFIX}_{self.id}_{self.secret}"
        return f"{body}_{_check(body)}"

    def hash(self, pepper: bytes) -> bytes:
        """Return the 32 bytes to store; the secret has 256 bits, so no slow hash is needed."""
        return keyed_hash(pepper, self.secret, "api-key", self.id)

    def __repr__(self) -> str:
        """Show the id only."""
        return f"ApiKey(id={self.id!r})"


def mint_api_key() -> ApiKey:
    """Return a fresh API key."""
    return ApiKey(id=_random_text(_KEY_ID), secret=_random_text(_SECRET))


def parse_api_key(text: str) -> ApiKey:
    """Split an API key and check its last six digits; a typo never reaches the database. Raises Unauthenticated."""
    body, _, check = text.rpartition("_")
    parts = body.split("_")
    shape = len(text) == _API_KEY_LENGTH and text.isascii() and text.replace("_", "").isalnum() and len(parts) == 3  # noqa: PLR2004 - prefix, id, secret
    if not shape or parts[0] != _PREFIX or len(parts[1]) != _KEY_ID or len(parts[2]) != _SECRET or not same(check, _check(body)):
        raise Unauthenticated(
            "This is not an API key. A key reads wf_, 8 characters, _, 43 characters, _, 6 characters; copy it completely."
        )
    return ApiKey(id=parts[1], secret=parts[2])


def api_key_fits(key: ApiKey, stored: bytes, pepper: bytes) -> bool:
    """Tell whether a presented key is the stored one, in constant time."""
    return same(key.hash(pepper), stored)


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
