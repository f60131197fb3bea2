"""Say what answers on a port from the bytes it sent: service, product, version, and the evidence for it. Pure.

One file per family, each with its `READERS`: what a port said in, a match or nothing out. A version is told only when the bytes prove it.
"""

from __future__ import annotations

from watchfloor.capabilities.scans.engine import certificate
from watchfloor.capabilities.scans.engine.cpe import cpe, cpes
from watchfloor.capabilities.scans.engine.fingerprint import (
    chat,
    databases,
    desktop,
    directory,
    files,
    infrastructure,
    mail,
    names,
    queues,
    ssh,
    web,
)
from watchfloor.capabilities.scans.engine.fingerprint.match import LIKELY, Match, Said
from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import PortAnswer, Service, TlsAnswer

__all__ = ["READERS", "cpe", "fingerprint"]

# At equal confidence the earlier family wins: those whose first bytes are unmistakable stand first.
FAMILIES = (ssh, web, mail, databases, queues, files, names, desktop, directory, chat, infrastructure)
READERS = tuple(reader for family in FAMILIES for reader in family.READERS)

UNDER_TLS = {
    "http": "https", "imap": "imaps", "pop3": "pop3s", "smtp": "smtps", "ftp": "ftps", "redis": "redis-tls", "ldap": "ldaps",
    "mqtt": "mqtts", "amqp": "amqps", "irc": "ircs", "xmpp": "xmpps", "sip": "sips", "nntp": "nntps", "dns": "dns-over-tls",
    "telnet": "telnets", "stomp": "stomps",
}  # fmt: skip


def fingerprint(answer: PortAnswer) -> Service:
    """Return what answers; `unknown` with the bytes as evidence when it cannot be told."""
    found = _best(Said.by(answer)) or _unknown(answer)
    tls = answer.tls
    inside = bool(tls and tls.version and not answer.starttls)
    facts = (*found.facts, "starttls") if answer.starttls and "starttls" not in found.facts else found.facts
    first, *aliases = cpes(found.product, found.version) or [""]
    return Service(
        port=answer.port,
        protocol=answer.protocol,
        name=UNDER_TLS.get(found.name, found.name) if inside else found.name,
        product=found.product,
        version=found.version,
        revision=found.revision,
        cpe=first,
        cpe_aliases=tuple(aliases),
        confidence=found.confidence,
        evidence=escape(found.evidence),
        title=found.title,
        facts=facts,
        **_tls(tls),
    )


def _unknown(answer: PortAnswer) -> Match:
    if answer.tls and answer.tls.version and not answer.starttls:
        return Match(name="tls", confidence=LIKELY)
    return Match(name="unknown", evidence=answer.replies[0].data if answer.replies else b"", confidence=0)


def _tls(tls: TlsAnswer | None) -> dict[str, object]:
    if tls is None or not tls.version:
        return {}
    leaf = certificate.read(tls.certificate) if tls.certificate else None
    return {"tls_version": tls.version, "tls_cipher": escape(tls.cipher, 80), "tls_oldest": tls.oldest, "certificate": leaf}


def _best(said: Said) -> Match | None:
    if not said.replies:
        return None
    matches = [match for reader in READERS if (match := reader(said))]
    return max(matches, key=lambda one: (one.confidence, bool(one.version), bool(one.product)), default=None)
