"""Recognise remote desktops and terminals: RDP, VNC, X11, telnet and their like. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from watchfloor.capabilities.scans.engine.fingerprint.match import ANY, LIKELY, Match, Reader, Said, by_signs, sign, text
from watchfloor.capabilities.scans.engine.fingerprint.windows import challenge

PROTECTIONS = {0: "RDP security", 1: "TLS", 2: "CredSSP", 8: "CredSSP EX"}


def _rdp(said: Said) -> Match | None:
    data = said.to("rdp")
    if data[:2] != b"\x03\0" or len(data) < 11 or data[5] != 0xD0:  # noqa: PLR2004 - a connection confirm
        return None
    kind = data[11] if len(data) >= 19 else 0  # noqa: PLR2004 - with a negotiation response
    selected = data[15] if kind == 2 else 0  # noqa: PLR2004 - it agreed to one
    facts = () if selected in {2, 8} else ("rdp-no-nla",)
    evidence = f"selected {PROTECTIONS.get(selected, selected)}".encode()
    told = challenge(said.to("rdp-challenge"))
    if told:
        return Match(name="rdp", product=told.product, version=told.version, evidence=evidence + b", " + told.evidence, facts=facts)
    if kind == 2 and selected == 1 and data[12] == 1:  # noqa: PLR2004 - only xrdp sets this one flag
        return Match(name="rdp", product="xrdp", evidence=evidence, confidence=LIKELY, facts=facts)
    return Match(name="rdp", evidence=evidence, confidence=LIKELY, facts=facts)


def _vnc(said: Said) -> Match | None:
    found = next((found for reply in said.replies if (found := re.match(rb"RFB (\d{3}\.\d{3})\n", reply.data))), None)
    if found is None:
        return None
    types = _security_types(said.to("vnc-security"))
    facts = ("vnc-none",) if 1 in types else ()
    evidence = found[0].strip() + (b" security types " + b", ".join(b"%d" % one for one in types) if types else b"")
    if found[1] in {b"003.889", b"004.000"}:
        return Match(name="vnc", product="Apple Remote Desktop", evidence=evidence, facts=facts)
    if found[1] in {b"004.001", b"005.000", b"005.001"}:
        return Match(name="vnc", product="RealVNC", evidence=evidence, facts=facts)
    # Tight's own sign-in, which only its relatives offer.
    return Match(name="vnc", product="TightVNC" if 16 in types else "", evidence=evidence, confidence=LIKELY, facts=facts)  # noqa: PLR2004 - its number


def _security_types(data: bytes) -> tuple[int, ...]:
    if not data or data[0] == 0 or data.startswith(b"RFB"):
        return ()
    return tuple(data[1 : 1 + data[0]]) if data[0] < 20 else ()  # noqa: PLR2004 - no server offers that many


def _x11(said: Said) -> Match | None:
    data = said.to("x11")
    if len(data) < 8 or data[2:4] != b"\x0b\0":  # noqa: PLR2004 - version 11
        return None
    if data[0] != 1:
        return Match(name="x11", evidence=data[8 : 8 + data[1]], confidence=LIKELY)
    release, size = int.from_bytes(data[8:12], "little"), int.from_bytes(data[24:26], "little")
    vendor = data[40 : 40 + min(size, 60)]
    xorg = b"X.Org" in vendor
    version = _xorg(release) if xorg else ""
    return Match(
        name="x11", product="X.Org Server" if xorg else text(vendor, 60), version=version, evidence=vendor + b" release %d" % release,
        facts=("no-authentication",),
    )  # fmt: skip


def _xorg(release: int) -> str:
    """Return the release people know: 12013000 is 1.20.13, and 12101007 is 21.1.7, whose number still begins with the old 1."""
    major, minor, patch, last = release // 10_000_000, release // 100_000 % 100, release // 1000 % 100, release % 1000
    if major != 1:
        return ""
    return f"{minor}.{patch}.{last}" if minor >= 21 else f"1.{minor}.{patch}"  # noqa: PLR2004 - the first of the new series


SIGNS = (
    sign(ANY, rb"\xff[\xfb-\xfe]", "telnet", ""),
    sign(("greeting",), rb"(?i:[^\r\n]{0,60}\r?\n?[^\r\n]{0,60}(?:login|username):\s{0,4}\Z)", "telnet", ""),
    sign(("rlogin",), rb"\x01(?:rlogind: )?[^\r\n]{0,60}[Pp]ermission denied", "rlogin", ""),
    sign(("rlogin",), rb"\x01(?:rshd: |[^\r\n]{0,60}(?:address|reserved|privileged))", "rsh", ""),
    sign(("rlogin",), rb"\x01(?:Where are you\?|Login incorrect|[^\r\n]{0,40}Password)", "exec", ""),
    sign(ANY, rb"REDQ\x02\0\0\0", "spice", "SPICE"),
    sign(("http",), rb"5\.error,|4\.args,", "guacd", "Apache Guacamole guacd"),
)


def _signs(said: Said) -> Match | None:
    found = by_signs(said, SIGNS)
    return replace(found, evidence=said.replies[0].data[:60]) if found and found.name == "telnet" else found


READERS: tuple[Reader, ...] = (_rdp, _vnc, _x11, _signs)
