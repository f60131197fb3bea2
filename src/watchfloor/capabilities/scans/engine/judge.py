"""Judge services: what is wrong, how bad, and what to do about it. Pure; the day is an argument."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.schemas import Certificate, Problem, Service
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SOON = timedelta(days=14)
WEAK_HASHES = frozenset(("md5", "sha1"))
RSA_BITS_MIN, EC_BITS_MIN = 2048, 224
OLD_TLS = frozenset(("SSLv2", "SSLv3", "TLSv1", "TLSv1.1"))


@dataclass(frozen=True)
class Verdict:
    """One thing wrong with one service."""

    check: str
    title: str
    severity: Severity
    evidence: str
    remedy: str


def judge(target: str, services: Iterable[Service], today: datetime) -> list[Problem]:
    """Return what is wrong with the services of one target, worst first.

    The key is made of target, port and check, never of a version, so that a finding outlives upgrades and scans.
    `today` is aware of its time zone.
    """
    problems = [
        Problem(
            key=key(target, service.port, verdict.check),
            check=verdict.check,
            title=verdict.title,
            severity=verdict.severity,
            target=target,
            port=service.port,
            evidence=verdict.evidence,
            remedy=verdict.remedy,
        )
        for service in services
        for check in CHECKS
        for verdict in check(service, today)
    ]
    return sorted(problems, key=lambda one: (-one.severity.rank, one.port, one.check))


def key(target: str, port: int, check: str) -> str:
    """Return the stable name of a finding."""
    return hashlib.sha256(f"{target}\0tcp/{port}\0{check}".encode()).hexdigest()


CLEARTEXT = {
    "telnet": (Severity.HIGH, "Telnet sends passwords in the clear", "Turn telnet off and use SSH; until then allow it from a management network only."),
    "ftp": (Severity.MEDIUM, "FTP sends passwords in the clear", "Use SFTP, or require TLS for FTP (explicit FTPS) for sign-in and data."),
    "pop3": (Severity.LOW, "POP3 without TLS from the first byte", "Offer POP3 over TLS (port 995) and refuse sign-in before STLS."),
    "imap": (Severity.LOW, "IMAP without TLS from the first byte", "Offer IMAP over TLS (port 993) and refuse sign-in before STARTTLS."),
    "http": (Severity.LOW, "Web pages are served without encryption", "Serve them over HTTPS and redirect port 80 to it."),
    "redis": (Severity.MEDIUM, "Redis protocol without TLS", "Turn TLS on (`tls-port`, `port 0`), or bind it to loopback or a Unix socket."),
    "memcached": (Severity.MEDIUM, "memcached without TLS", "Bind memcached to loopback, or turn TLS on (`-Z`)."),
    "vnc": (Severity.MEDIUM, "Remote desktop (VNC) without encryption", "Reach VNC through SSH or a VPN only."),
    "rsync": (Severity.LOW, "rsync daemon without encryption", "Run rsync over SSH, or limit the daemon to a backup network."),
}  # fmt: skip


def _cleartext(service: Service, today: datetime) -> Iterator[Verdict]:
    del today
    if service.tls_version or service.name not in CLEARTEXT:
        return
    severity, title, remedy = CLEARTEXT[service.name]
    if service.name == "http" and "basic-authentication" in service.facts:
        yield Verdict(
            "http-basic-cleartext", "A web sign-in sends passwords in the clear", Severity.HIGH, service.evidence,
            "Serve this page over HTTPS only; passwords that were sent may be known to others.",
        )  # fmt: skip
    yield Verdict(f"cleartext-{service.name}", title, severity, service.evidence, remedy)


def _no_tls(service: Service, today: datetime) -> Iterator[Verdict]:
    del today
    if service.name == "postgresql" and "no-tls" in service.facts:
        yield Verdict(
            "cleartext-postgresql", "PostgreSQL does not offer TLS", Severity.MEDIUM, service.evidence,
            "Set `ssl = on` with a certificate and use `hostssl` lines in pg_hba.conf.",
        )  # fmt: skip


OPEN_STORES = {
    "redis": ("Redis or Valkey answers without a password", "Set a password or ACL users (`requirepass`, `aclfile`) and bind it to loopback."),
    "redis-tls": ("Redis or Valkey answers without a password", "Set a password or ACL users, or require client certificates (`tls-auth-clients yes`)."),
    "memcached": ("memcached answers without a password", "Bind memcached to loopback or turn SASL on (`-S`); it can also be abused to flood others."),
    "zookeeper": ("ZooKeeper answers status commands to anyone", "Set `4lw.commands.whitelist`, turn SASL on and limit access to the cluster."),
}  # fmt: skip


def _unauthenticated(service: Service, today: datetime) -> Iterator[Verdict]:
    del today
    if "no-authentication" in service.facts and service.name in OPEN_STORES:
        title, remedy = OPEN_STORES[service.name]
        severity = Severity.CRITICAL if service.name.startswith("redis") else Severity.HIGH
        yield Verdict(f"unauthenticated-{service.name.removesuffix('-tls')}", title, severity, service.evidence, remedy)


def _ssh(service: Service, today: datetime) -> Iterator[Verdict]:
    del today
    if service.name == "ssh" and "ssh-1" in service.facts:
        yield Verdict(
            "ssh-protocol-1",
            "SSH protocol 1 is accepted",
            Severity.HIGH,
            service.evidence,
            "Allow protocol 2 only; protocol 1 can be decrypted.",
        )


def _tls_version(service: Service, today: datetime) -> Iterator[Verdict]:
    del today
    oldest = service.tls_oldest or (service.tls_version if service.tls_version in OLD_TLS else "")
    if oldest:
        severity = Severity.HIGH if oldest.startswith("SSL") else Severity.MEDIUM
        yield Verdict(
            "tls-old-version", "TLS older than 1.2 is accepted", severity, f"The server agreed to {oldest}.",
            "Allow TLS 1.2 and 1.3 only (`ssl_protocols TLSv1.2 TLSv1.3` or the like).",
        )  # fmt: skip


def _certificate(service: Service, today: datetime) -> Iterator[Verdict]:
    leaf = service.certificate
    if leaf is None:
        return
    yield from _validity(leaf, today)
    who = f"subject {leaf.subject}, issuer {leaf.issuer}"
    if leaf.self_signed:
        yield Verdict(
            "tls-self-signed", "The certificate is self-signed", Severity.LOW, who,
            "Use a certificate of an authority its clients know, public or your own.",
        )  # fmt: skip
    if leaf.signature_hash in WEAK_HASHES:
        yield Verdict(
            "tls-weak-signature", f"The certificate is signed with {leaf.signature_hash.upper().replace('SHA1', 'SHA-1')}", Severity.MEDIUM, who,
            "Issue a new certificate signed with SHA-256 or better.",
        )  # fmt: skip
    least = EC_BITS_MIN if leaf.key_type == "EC" else RSA_BITS_MIN
    if leaf.key_type in {"RSA", "DSA", "EC"} and leaf.key_bits < least:
        yield Verdict(
            "tls-weak-key", "The certificate's key is too short", Severity.MEDIUM, f"{leaf.key_type} with {leaf.key_bits} bits",
            "Issue a new certificate with RSA of 2048 bits or more, or ECDSA P-256.",
        )  # fmt: skip


def _validity(leaf: Certificate, today: datetime) -> Iterator[Verdict]:
    begins, ends = _moment(leaf.not_before), _moment(leaf.not_after)
    evidence = f"valid from {leaf.not_before} to {leaf.not_after}"
    if today < begins:
        yield Verdict(
            "tls-not-yet-valid", "The certificate is not valid yet", Severity.MEDIUM, evidence,
            "Check the server's clock when the certificate was made, and issue it again.",
        )  # fmt: skip
    if today > ends:
        yield Verdict(
            "tls-expired", "The certificate has expired", Severity.HIGH, evidence, "Renew the certificate now and automate its renewal."
        )
    elif ends - today < SOON:
        days = (ends - today).days
        yield Verdict(
            "tls-expiring", "The certificate expires within 14 days", Severity.MEDIUM, f"{evidence}; {days} days left",
            "Renew the certificate and automate its renewal.",
        )  # fmt: skip


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CHECKS: tuple[Callable[[Service, datetime], Iterator[Verdict]], ...] = (
    _unauthenticated, _cleartext, _no_tls, _ssh, _tls_version, _certificate,
)  # fmt: skip
