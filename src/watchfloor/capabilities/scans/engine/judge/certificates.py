"""Checks of certificates: validity, names, keys, signatures, order. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.certificate import matches
from watchfloor.capabilities.scans.engine.judge.check import MOZILLA_TLS, NIST_KEYS, Category, Check, Seen, Subject, cwe, rfc
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import Certificate

SOON = timedelta(days=14)
WEAK_HASHES = {"md2": "MD2", "md4": "MD4", "md5": "MD5", "sha1": "SHA-1"}
RSA_BITS_MIN, EC_BITS_MIN = 2048, 224
NAMES_SHOWN = 8
NEEDS = "The certificate of a TLS handshake."
SENDS = "One TLS handshake, which ends before anything is asked for."


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _validity(leaf: Certificate) -> str:
    return f"valid from {leaf.not_before} to {leaf.not_after}"


def _who(leaf: Certificate) -> str:
    return f"subject {leaf.subject}, issuer {leaf.issuer}"


def _expired(subject: Subject) -> Seen | None:
    leaf = subject.service.certificate
    return Seen(_validity(leaf)) if leaf and subject.today > _moment(leaf.not_after) else None


def _expiring(subject: Subject) -> Seen | None:
    leaf = subject.service.certificate
    left = _moment(leaf.not_after) - subject.today if leaf else SOON
    return Seen(f"{_validity(leaf)}; {left.days} days left") if leaf and timedelta(0) <= left < SOON else None


def _not_yet_valid(subject: Subject) -> Seen | None:
    leaf = subject.service.certificate
    return Seen(_validity(leaf)) if leaf and subject.today < _moment(leaf.not_before) else None


def _self_signed(subject: Subject) -> Seen | None:
    leaf = subject.service.certificate
    return Seen(_who(leaf)) if leaf and leaf.self_signed else None


def _mismatch(subject: Subject) -> Seen | None:
    leaf = subject.service.certificate
    if not (leaf and subject.name) or matches(leaf.names, subject.name):
        return None
    shown = ", ".join(leaf.names[:NAMES_SHOWN]) or "no name at all"
    more = f" and {len(leaf.names) - NAMES_SHOWN} more" if len(leaf.names) > NAMES_SHOWN else ""
    return Seen(f"Asked for {subject.name}; the certificate is for {shown}{more}.")


def _weak_signature(subject: Subject) -> Seen | None:
    """Judge every certificate of the chain but roots: clients trust a root by itself, not by its signature."""
    leaf = subject.service.certificate
    if leaf and leaf.signature_hash in WEAK_HASHES and not (leaf.self_signed and leaf.authority):
        return Seen(_who(leaf), title=f"The certificate is signed with {WEAK_HASHES[leaf.signature_hash]}")
    for one in _intermediates(subject):
        if one.signature_hash in WEAK_HASHES:
            return Seen(f"Intermediate: {_who(one)}", title=f"A certificate of the chain is signed with {WEAK_HASHES[one.signature_hash]}")
    return None


def _intermediates(subject: Subject) -> list[Certificate]:
    sent = subject.service.tls.chain if subject.service.tls else ()
    return [one for one in sent[1:] if not one.self_signed]


def _weak_key(subject: Subject) -> Seen | None:
    leaf = subject.service.certificate
    for one, role in [*([(leaf, "")] if leaf else []), *((one, "Intermediate: ") for one in _intermediates(subject))]:
        least = EC_BITS_MIN if one.key_type == "EC" else RSA_BITS_MIN
        if one.key_type in {"RSA", "DSA", "EC"} and one.key_bits < least:
            return Seen(f"{role}{one.key_type} with {one.key_bits} bits")
    return None


def _chain_expired(subject: Subject) -> Seen | None:
    for one in _intermediates(subject):
        if not _moment(one.not_before) <= subject.today <= _moment(one.not_after):
            return Seen(f"{_who(one)}; {_validity(one)}")
    return None


def _chain_order(subject: Subject) -> Seen | None:
    """Judge whether the certificates sent belong together: each issued by the one after it, as TLS 1.2 demands."""
    sent = subject.service.tls.chain if subject.service.tls else ()
    for one, issuer in pairwise(sent):
        if one.issuer != issuer.subject:
            return Seen(f"{one.subject} was issued by {one.issuer}, but {issuer.subject} follows.")
    return None


CHECKS = (
    Check(
        id="tls-expired", title="The certificate has expired", severity=Severity.HIGH, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="Clients refuse an expired certificate, or their users learn to click warnings away, which an attacker in between needs.",
        remedy="Renew the certificate now and automate its renewal.", references=(cwe(298), rfc(5280)), sees=_expired,
    ),
    Check(
        id="tls-expiring", title="The certificate expires within 14 days", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="Unless it is renewed, clients will refuse this service when the certificate ends.",
        remedy="Renew the certificate and automate its renewal.", references=(cwe(298), rfc(5280)), sees=_expiring,
    ),
    Check(
        id="tls-not-yet-valid", title="The certificate is not valid yet", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="Clients refuse a certificate before its first day.",
        remedy="Check the server's clock when the certificate was made, and issue it again.", references=(cwe(298), rfc(5280)), sees=_not_yet_valid,
    ),
    Check(
        id="tls-self-signed", title="The certificate is self-signed", severity=Severity.LOW, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="Nobody but the server itself vouches for it, so a client cannot tell it from an attacker's.",
        remedy="Use a certificate of an authority its clients know, public or your own.", references=(cwe(295), rfc(5280)), sees=_self_signed,
    ),
    Check(
        id="tls-name-mismatch", title="The certificate is for another name", severity=Severity.MEDIUM, category=Category.ENCRYPTION,
        needs="The certificate of a TLS handshake, and a target that was given as a host name.", sends=SENDS,
        description="Clients refuse a certificate whose alternative names do not hold the name they asked for.",
        remedy="Issue a certificate with this name among its subject alternative names, or correct the name's address.",
        references=(cwe(297), rfc(9525)), sees=_mismatch,
    ),
    Check(
        id="tls-weak-signature", title="A certificate is signed with a broken hash", severity=Severity.MEDIUM, category=Category.ENCRYPTION,
        needs="The chain of certificates of a TLS handshake.", sends=SENDS,
        description="With MD5 or SHA-1 a second certificate with the same signature can be made. Roots are trusted by themselves and not judged.",
        remedy="Issue a new certificate signed with SHA-256 or better.", references=(cwe(328), rfc(9155), NIST_KEYS), sees=_weak_signature,
    ),
    Check(
        id="tls-weak-key", title="The certificate's key is too short", severity=Severity.MEDIUM, category=Category.ENCRYPTION,
        needs="The chain of certificates of a TLS handshake.", sends=SENDS,
        description="RSA and DSA keys below 2048 bits and elliptic curves below 224 bits are within reach of those with many computers.",
        remedy="Issue a new certificate with RSA of 2048 bits or more, or ECDSA P-256.", references=(cwe(326), NIST_KEYS, MOZILLA_TLS), sees=_weak_key,
    ),
    Check(
        id="tls-chain-expired", title="An intermediate certificate is not valid today", severity=Severity.MEDIUM, category=Category.ENCRYPTION,
        needs="The chain of certificates of a TLS handshake.", sends=SENDS,
        description="Clients that have no other way to a root refuse the service, although its own certificate is good.",
        remedy="Install the current intermediate certificates of the authority.", references=(cwe(298), rfc(5280)), sees=_chain_expired,
    ),
    Check(
        id="tls-chain-order", title="The chain of certificates does not fit together", severity=Severity.LOW, category=Category.CONFIGURATION,
        needs="The chain of certificates of a TLS handshake.", sends=SENDS,
        description="Each certificate sent must be certified by the one after it; some clients fail otherwise.",
        remedy="Send the leaf first, then each intermediate in order, and leave foreign certificates out.", references=(rfc(5246), MOZILLA_TLS),
        sees=_chain_order,
    ),
)  # fmt: skip
