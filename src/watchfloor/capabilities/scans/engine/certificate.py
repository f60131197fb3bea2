"""Read what a certificate says, whatever a stranger put into it. Pure."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

NAMES_MAX = 100


def read(der: bytes) -> Certificate | None:
    """Return the certificate's facts, or None when these bytes are no certificate we understand."""
    try:
        with warnings.catch_warnings():
            # Negative serial numbers and the like: odd, and exactly what we are here to see.
            warnings.simplefilter("ignore")
            found = x509.load_der_x509_certificate(der)
            subject, issuer = found.subject, found.issuer
            kind, bits = _key(found)
            return Certificate(
                sha256=hashlib.sha256(der).hexdigest(),
                subject=escape(subject.rfc4514_string(), 200),
                issuer=escape(issuer.rfc4514_string(), 200),
                names=_names(found),
                not_before=_time(found.not_valid_before_utc),
                not_after=_time(found.not_valid_after_utc),
                self_signed=subject == issuer,
                signature_hash=_hash(found),
                key_type=kind,
                key_bits=bits,
                serial=f"{found.serial_number:x}"[:64],
                authority=_authority(found),
            )
    except (ValueError, TypeError, x509.InvalidVersion):
        return None


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment.year > 999 else moment.isoformat()  # noqa: PLR2004 - strftime does not pad


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    return tuple(escape(str(one.value), 255) for one in list(extension)[:NAMES_MAX])


def _authority(found: x509.Certificate) -> bool:
    try:
        return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _hash(found: x509.Certificate) -> str:
    try:
        algorithm = found.signature_hash_algorithm
    except Exception:  # noqa: BLE001 - cryptography raises its own UnsupportedAlgorithm for what it does not know
        return "unknown"
    return algorithm.name if algorithm else ""


def _key(found: x509.Certificate) -> tuple[str, int]:
    try:
        key = found.public_key()
    except Exception:  # noqa: BLE001 - an unsupported or broken key is a fact about the certificate, not a failure
        return "unknown", 0
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    return ("Ed448", 456) if isinstance(key, ed448.Ed448PublicKey) else ("unknown", 0)


def matches(names: Iterable[str], name: str) -> bool:
    """Tell whether a certificate with these alternative names is one for `name`. A wildcard stands for one whole leftmost label.

    The common name does not count, as in every current client. Source: RFC 9525.
    """
    wanted = name.lower().rstrip(".")
    _, _, parent = wanted.partition(".")
    for one in names:
        offered = one.lower().rstrip(".")
        if offered == wanted or (offered.startswith("*.") and parent.count(".") and offered[2:] == parent):
            return True
    return False
