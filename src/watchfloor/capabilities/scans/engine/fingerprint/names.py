"""Recognise name servers by version.bind over TCP. Source: RFC 1035, RFC 4892. Pure."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import LIKELY, Match, Reader, Said, revision
from watchfloor.capabilities.scans.engine.text import escape

HEADER_BYTES = 14  # two of the length in front of the message, twelve of its header
RECURSION_AVAILABLE = 0x80
TXT = 16
PRODUCTS = (
    (re.compile(r"dnsmasq-(\d[\w.]*)"), "dnsmasq"),
    (re.compile(r"unbound (\d[\w.]*)"), "Unbound"),
    (re.compile(r"NSD (\d[\w.]*)"), "NSD"),
    (re.compile(r"Knot DNS (\d[\w.]*)"), "Knot DNS"),
    (re.compile(r"(?:Knot Resolver|kresd),? ?(\d[\w.]*)?"), "Knot Resolver"),
    (re.compile(r"PowerDNS Authoritative Server (\d[\w.]*)"), "PowerDNS Authoritative Server"),
    (re.compile(r"PowerDNS Recursor (\d[\w.]*)"), "PowerDNS Recursor"),
    (re.compile(r"(?:Served by )?PowerDNS"), "PowerDNS"),
    (re.compile(r"CoreDNS-(\d[\w.]*)"), "CoreDNS"),
    (re.compile(r"Microsoft DNS (\d[\d.]*)"), "Microsoft DNS"),
    (re.compile(r"yadifa-?(\d[\w.]*)?"), "YADIFA"),
    (re.compile(r"gdnsd(?:[ /-]v?(\d[\w.]*))?"), "gdnsd"),
    (re.compile(r"MaraDNS(?: version)? ?(\d[\w.]*)?"), "MaraDNS"),
    (re.compile(r"Technitium DNS Server ?(\d[\w.]*)?"), "Technitium DNS Server"),
    (re.compile(r"AdGuard"), "AdGuard DNS"),
    (re.compile(r"(?:BIND )?(9\.\d{1,2}\.\d{1,3}(?:-[SWP]\d)?)(?:-|$|[ .])"), "BIND"),
    (re.compile(r"(?:BIND )?([489]\.\d{1,2}(?:\.\d{1,3})?(?:-[A-Z]\w*)?)$"), "BIND"),
)


def _dns(said: Said) -> Match | None:
    answers = [reply.data for reply in said.replies if reply.probe in {"dns", "dns-server"} and reply.data[2:4] == b"WF"]
    answers = [data for data in answers if len(data) >= HEADER_BYTES]
    if not answers:
        return None
    flags = answers[0][5]
    facts = ("recursion",) if flags & RECURSION_AVAILABLE else ()
    words = next((words for data in answers if (words := escape(txt(data), 120))), "")
    for pattern, product in PRODUCTS:
        found = pattern.match(words)
        if found:
            version = (found[1] or "").rstrip(".") if pattern.groups else ""
            return Match(name="dns", product=product, version=version, revision=_revision(words), evidence=words.encode(), facts=facts)
    return Match(name="dns", evidence=words.encode() or b"response code %d" % (flags & 15), confidence=LIKELY, facts=facts)


def _revision(words: str) -> str:
    """Return a package revision such as 1~deb12u1-Debian, as Debian's BIND tells it."""
    package = re.search(r"9\.\d+\.\d+(?:-\w\d)?-(\d[\w.~+]*?)-(?:Debian|Ubuntu)", words)
    return package[1] if package else revision(words)


def txt(data: bytes) -> bytes:
    """Return the first text of the first answer of a DNS message in its TCP frame, empty when there is none."""
    if len(data) < HEADER_BYTES or data[8:10] == b"\0\0":
        return b""
    place = _after_name(data, HEADER_BYTES) + 4 if data[6:8] != b"\0\0" else HEADER_BYTES
    place = _after_name(data, place)
    if int.from_bytes(data[place : place + 2], "big") != TXT or place + 11 > len(data):
        return b""
    size = data[place + 10]
    return data[place + 11 : place + 11 + size]


def _after_name(data: bytes, place: int) -> int:
    """Return where a name ends; a pointer ends it."""
    for _ in range(128):
        if place >= len(data):
            break
        size = data[place]
        if size >= 0xC0:  # noqa: PLR2004 - a pointer
            return place + 2
        place += size + 1
        if size == 0:
            break
    return place


READERS: tuple[Reader, ...] = (_dns,)
