"""Read an NTLM challenge: which Windows answers, or whether it is Samba. Source: MS-NLMP 2.2.1.2. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# Builds that belong to one release of Windows each; a build shared by server and client is left without a name.
BUILDS = {
    2600: "Windows XP", 3790: "Windows Server 2003", 20348: "Windows Server 2022", 26100: "Windows 11 or Server 2025", 17763: "Windows 10 or Server 2019",
    14393: "Windows 10 or Server 2016", 9600: "Windows 8.1 or Server 2012 R2", 9200: "Windows 8 or Server 2012", 7601: "Windows 7 or Server 2008 R2",
    7600: "Windows 7 or Server 2008 R2", 6003: "Windows Server 2008", 6002: "Windows Vista or Server 2008", 6001: "Windows Vista or Server 2008",
    22000: "Windows 11", 22621: "Windows 11", 22631: "Windows 11", 19041: "Windows 10",
}  # fmt: skip
NAMES = {1: "computer", 2: "domain", 3: "dns computer", 4: "dns domain"}
MESSAGE_BYTES = 56


@dataclass(frozen=True)
class Challenge:
    """What the challenge tells."""

    product: str
    version: str
    samba: bool
    evidence: bytes


def challenge(data: bytes) -> Challenge | None:
    """Return what the first NTLM challenge in an answer tells, or None."""
    place = data.find(b"NTLMSSP\0\x02\0\0\0")
    message = data[place:] if place >= 0 else b""
    if len(message) < MESSAGE_BYTES:
        return None
    major, minor, build = message[48], message[49], int.from_bytes(message[50:52], "little")
    version = f"{major}.{minor}.{build}"
    names = ", ".join(f"{name} {value}" for name, value in _names(message))
    evidence = f"NTLM {version}, {names}".encode()
    if build == 0:
        return Challenge("Samba", "", samba=(major, minor) == (6, 1), evidence=evidence)
    return Challenge("Microsoft " + BUILDS.get(build, "Windows"), version, samba=False, evidence=evidence)


def _names(message: bytes) -> list[tuple[str, str]]:
    size, start = int.from_bytes(message[40:42], "little"), int.from_bytes(message[44:48], "little")
    fields = message[start : start + size]
    found: list[tuple[str, str]] = []
    place = 0
    while place + 4 <= len(fields) and len(found) < len(NAMES):
        kind, length = int.from_bytes(fields[place : place + 2], "little"), int.from_bytes(fields[place + 2 : place + 4], "little")
        if kind == 0:
            break
        if kind in NAMES:
            found.append((NAMES[kind], fields[place + 4 : place + 4 + length].decode("utf-16-le", "replace")[:60]))
        place += 4 + length
    return found
