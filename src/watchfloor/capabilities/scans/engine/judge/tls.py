"""Checks of TLS itself: versions, suites, Diffie-Hellman groups, compression, renegotiation. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge.check import MOZILLA_TLS, NIST_TLS, Category, Check, Seen, Subject, cwe, rfc
from watchfloor.capabilities.scans.engine.suites import Strength, strength
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

OLD = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")
DH_BITS_MIN, DH_BITS_BROKEN = 2048, 1024
SHOWN = 6
NEEDS = "The TLS audit of the port."
SENDS = "ClientHellos of each version and set of suites, four at a time, at most 160 in two seconds; every handshake ends after the server's first flight."


def _old_version(subject: Subject) -> Seen | None:
    service = subject.service
    accepted = [version for version in OLD if version in (service.tls.versions if service.tls else ())]
    if not accepted:
        accepted = [service.tls_oldest or service.tls_version] if (service.tls_oldest or service.tls_version) in OLD else []
    if not accepted:
        return None
    worst = Severity.HIGH if accepted[0].startswith("SSL") else Severity.MEDIUM
    return Seen(f"The server agreed to {' and '.join(accepted)}.", severity=worst)


def _suites(subject: Subject, wanted: Callable[[str], bool]) -> Seen | None:
    """Return the suites of this kind with the versions in which they were accepted."""
    found: dict[str, list[str]] = {}
    for version, names in (subject.service.tls.suites if subject.service.tls else {}).items():
        for name in names:
            if wanted(name):
                found.setdefault(name, []).append(version)
    if not found:
        return None
    shown = "; ".join(f"{name} ({', '.join(versions)})" for name, versions in list(found.items())[:SHOWN])
    return Seen(f"Accepted: {shown}" + (f"; and {len(found) - SHOWN} more." if len(found) > SHOWN else "."))


def _parts(*wanted: str) -> Callable[[Subject], Seen | None]:
    return lambda subject: _suites(subject, lambda name: not set(wanted).isdisjoint(name.split("_")))


def _insecure_rest(name: str) -> bool:
    told = {"NULL", "anon", "EXPORT", "EXPORT1024", "RC4"}
    return strength(name) is Strength.INSECURE and told.isdisjoint(name.split("_"))


def _no_forward_secrecy(subject: Subject) -> Seen | None:
    tls = subject.service.tls
    if tls is None or tls.forward_secrecy not in {"never", "sometimes"}:
        return None
    if tls.forward_secrecy == "never":
        return (
            Seen("No accepted suite has it: recorded traffic can be read by whoever gets the server's key.", severity=Severity.MEDIUM)
            if tls.complete
            else None
        )
    seen = _suites(
        subject,
        lambda name: "_WITH_" in name and name.startswith(("TLS_RSA_", "TLS_DH_RSA_", "TLS_DH_DSS_", "TLS_ECDH_RSA_", "TLS_ECDH_ECDSA_")),
    )
    return Seen(seen.evidence, severity=Severity.INFO, title="Some cipher suites have no forward secrecy") if seen else None


def _weak_group(subject: Subject) -> Seen | None:
    bits = subject.service.tls.dh_bits if subject.service.tls else 0
    if not 0 < bits < DH_BITS_MIN:
        return None
    return Seen(f"A group of {bits} bits was used.", severity=Severity.HIGH if bits < DH_BITS_BROKEN else None)


def _compression(subject: Subject) -> Seen | None:
    return Seen("The server chose DEFLATE.") if subject.service.tls and subject.service.tls.compression else None


def _renegotiation(subject: Subject) -> Seen | None:
    tls = subject.service.tls
    return Seen("The ServerHello lacks renegotiation_info.") if tls and tls.secure_renegotiation is False else None


def _no_tls13(subject: Subject) -> Seen | None:
    tls = subject.service.tls
    return Seen(f"Accepted: {', '.join(tls.versions)}.") if tls and "TLSv1.3" in tls.refused and "TLSv1.2" in tls.versions else None


CHECKS = (
    Check(
        id="tls-old-version", title="TLS older than 1.2 is accepted", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="SSL 2 and 3 are broken (DROWN, POODLE); TLS 1.0 and 1.1 rest on MD5 and SHA-1 and were withdrawn in 2021.",
        remedy="Allow TLS 1.2 and 1.3 only (`ssl_protocols TLSv1.2 TLSv1.3` or the like).",
        references=(cwe(327), rfc(8996), rfc(7568), NIST_TLS, MOZILLA_TLS), sees=_old_version,
    ),
    Check(
        id="tls-null-cipher", title="TLS without encryption is accepted", severity=Severity.HIGH, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="NULL suites check who sent a message and leave it readable.", remedy="Remove NULL suites (`!eNULL` in OpenSSL's terms).",
        references=(cwe(319), rfc(9325), MOZILLA_TLS), sees=_parts("NULL"),
    ),
    Check(
        id="tls-anonymous-cipher", title="TLS without a certificate is accepted", severity=Severity.HIGH, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="Anonymous suites do not prove who the server is, so anyone in between can take its place.",
        remedy="Remove anonymous suites (`!aNULL` in OpenSSL's terms).", references=(cwe(322), rfc(9325), MOZILLA_TLS), sees=_parts("anon"),
    ),
    Check(
        id="tls-export-cipher", title="Export-grade cipher suites are accepted", severity=Severity.HIGH, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="Keys of 40 or 56 bits and RSA of 512 bits are broken in hours, and others can be forced down to them (FREAK, Logjam).",
        remedy="Remove export suites (`!EXPORT` in OpenSSL's terms) and update the TLS library.", references=(cwe(326), rfc(9325), MOZILLA_TLS),
        sees=_parts("EXPORT", "EXPORT1024"),
    ),
    Check(
        id="tls-rc4", title="RC4 is accepted", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="The biases of RC4 let repeated secrets such as cookies be recovered; TLS forbids it since 2015.",
        remedy="Remove RC4 (`!RC4` in OpenSSL's terms).", references=(cwe(327), rfc(7465), MOZILLA_TLS), sees=_parts("RC4"),
    ),
    Check(
        id="tls-broken-cipher", title="DES, RC2 or MD5 cipher suites are accepted", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="DES has keys of 56 bits and falls to a search of all keys in hours; RC2 and MD5 are as old.",
        remedy="Allow AES-GCM and ChaCha20-Poly1305 suites only.", references=(cwe(327), rfc(9325), MOZILLA_TLS),
        sees=lambda subject: _suites(subject, _insecure_rest),
    ),
    Check(
        id="tls-3des", title="Ciphers with 64-bit blocks (3DES, IDEA) are accepted", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="Blocks of 64 bits repeat within hours of traffic on one connection (Sweet32).",
        remedy="Remove 3DES and IDEA (`!3DES:!IDEA` in OpenSSL's terms).", references=(cwe(327), "https://sweet32.info/", NIST_TLS),
        sees=_parts("3DES", "IDEA"),
    ),
    Check(
        id="tls-no-forward-secrecy", title="TLS without forward secrecy", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="Without ephemeral Diffie-Hellman, traffic recorded today can be read by whoever gets the server's key later.",
        remedy="Prefer ECDHE suites and TLS 1.3, and remove suites that begin with TLS_RSA.", references=(cwe(310), rfc(9325), MOZILLA_TLS),
        sees=_no_forward_secrecy,
    ),
    Check(
        id="tls-weak-dh", title="A Diffie-Hellman group is too small", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="Groups of 1024 bits and less can be broken once for all servers that share them (Logjam).",
        remedy="Use a group of 2048 bits or more (RFC 7919), or ECDHE only.", references=(cwe(326), rfc(7919), "https://weakdh.org/"), sees=_weak_group,
    ),
    Check(
        id="tls-compression", title="TLS compression is on", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="The size of compressed requests gives secrets in them away (CRIME).", remedy="Turn TLS compression off.",
        references=(cwe(310), rfc(9325), MOZILLA_TLS), sees=_compression,
    ),
    Check(
        id="tls-insecure-renegotiation", title="Secure renegotiation is not supported", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS,
        sends=SENDS, description="An attacker can put own data before a client's, unless renegotiation is off or bound to the handshake.",
        remedy="Update the TLS library, or turn renegotiation off.", references=(cwe(295), rfc(5746)), sees=_renegotiation,
    ),
    Check(
        id="tls-no-1.3", title="TLS 1.3 is not offered", severity=Severity.INFO, category=Category.CONFIGURATION, needs=NEEDS, sends=SENDS,
        description="TLS 1.2 can be set up safely; TLS 1.3 cannot be set up unsafely, and is faster.", remedy="Allow TLS 1.3 beside 1.2.",
        references=(rfc(8446), NIST_TLS), sees=_no_tls13,
    ),
)  # fmt: skip
