"""Recognise directories by the entry LDAP shows to anyone. Source: RFC 4512, RFC 3045. Pure."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import CERTAIN, LIKELY, Match, Reader, Said, text

ANSWER = re.compile(rb"\x30(?:[\x05-\x7f]|\x81.|\x82..|\x84....)\x02\x01[\0\x01][\x64\x65\x78]", re.DOTALL)
FUNCTIONALITY = {0: "2000", 1: "2003 mixed", 2: "2003", 3: "2008", 4: "2008 R2", 5: "2012", 6: "2012 R2", 7: "2016", 10: "2025"}


def attribute(data: bytes, name: bytes) -> bytes:
    """Return the first value of an attribute in a search entry: BER, found by its name."""
    found = re.search(
        rb"\x04"
        + bytes((len(name),))
        + rb"(?i:"
        + re.escape(name)
        + rb")\x31(?:[\0-\x7f]|\x81.|\x82..|\x84....)\x04(?:([\0-\x7f])|\x81(.)|\x82(..)|\x84(....))",
        data,
        re.DOTALL,
    )
    if not found:
        return b""
    size = int.from_bytes(next(one for one in found.groups() if one is not None), "big")
    return data[found.end() : found.end() + min(size, 200)]


# Who else names itself in vendorName or vendorVersion.
VENDORS = (
    (b"ApacheDS", "ApacheDS"),
    (b"Apache Software Foundation", "ApacheDS"),
    (b"ForgeRock", "OpenDJ"),
    (b"OpenDJ", "OpenDJ"),
    (b"Novell", "NetIQ eDirectory"),
    (b"Oracle", "Oracle Directory"),
    (b"lldap", "LLDAP"),
    (b"GLAuth", "GLAuth"),
)


def _ldap(said: Said) -> Match | None:
    data = said.to("ldap")
    if not ANSWER.match(data):
        return None
    product, version, evidence = _vendor(data)
    facts = ("anonymous-ldap",) if attribute(data, b"namingContexts") else ()
    return Match(
        name="ldap", product=product, version=version, evidence=evidence, confidence=CERTAIN if product else LIKELY, facts=facts,
    )  # fmt: skip


def _vendor(data: bytes) -> tuple[str, str, bytes]:
    """Return product, version and evidence."""
    vendor, version = attribute(data, b"vendorName"), attribute(data, b"vendorVersion")
    evidence = b"rootDSE " + (vendor + b" " + version if vendor or version else b"without vendor")
    if b"389-Directory/" in version or b"389 Project" in vendor:
        found = re.search(rb"389-Directory/(\d[\w.]{0,24})", version)
        return "389 Directory Server", text(found[1]) if found else "", evidence
    if b"OpenLDAProotDSE" in data:
        return "OpenLDAP", "", b"objectClass OpenLDAProotDSE"
    if b"Samba Team" in vendor:
        found = re.match(rb"(\d[\d.]{0,20})", version)
        return "Samba", text(found[1]) if found else "", evidence
    level = attribute(data, b"domainFunctionality")
    if level or attribute(data, b"forestFunctionality"):
        known = FUNCTIONALITY.get(int(level)) if level.isdigit() and len(level) < 4 else None  # noqa: PLR2004 - at most three digits
        return "Microsoft Active Directory", "", f"domain functionality {known or 'unknown'}".encode()
    product = next((name for mark, name in VENDORS if mark in vendor or mark in version), text(vendor, 60))
    return product, "", evidence


READERS: tuple[Reader, ...] = (_ldap,)
