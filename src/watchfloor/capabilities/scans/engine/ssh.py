"""Read what an SSH server told: algorithms, host keys, ways to sign in. Pure."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import SshFacts, SshKey

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import SshAnswer

NAMES_MAX, NAME_MAX = 100, 64
CURVES = {"nistp256": 256, "nistp384": 384, "nistp521": 521}
STRICT = "kex-strict-s-v00@openssh.com"
# Markers that are no algorithms.
MARKERS = frozenset((STRICT, "ext-info-s", "kex-strict-c-v00@openssh.com", "ext-info-c"))


def facts(answer: SshAnswer | None) -> SshFacts | None:
    """Return what is known of a server, or None when it told no algorithms."""
    lists = _lists(answer.kexinit) if answer else None
    if answer is None or lists is None:
        return None
    exchanges, host_keys, ciphers, ciphers_in, macs, macs_in, compressions, _, _, _ = lists
    keys = (key(blob) for blob in answer.host_keys)
    return SshFacts(
        key_exchanges=tuple(one for one in exchanges if one not in MARKERS),
        strict=STRICT in exchanges,
        host_key_algorithms=tuple(host_keys),
        ciphers=tuple(dict.fromkeys((*ciphers, *ciphers_in))),
        macs=tuple(dict.fromkeys((*macs, *macs_in))),
        compressions=tuple(compressions),
        keys=tuple(one for one in keys if one is not None),
        methods=tuple(escape(one, NAME_MAX) for one in answer.methods if one),
        methods_known=answer.asked,
        open=answer.open,
    )


def _lists(payload: bytes) -> list[list[str]] | None:
    """Return the ten name lists of a KEXINIT. Source: RFC 4253 section 7.1."""
    if payload[:1] != b"\x14":
        return None
    found: list[list[str]] = []
    at = 17
    for _ in range(10):
        listed = _field(payload, at)
        if listed is None:
            return None
        names = listed[: NAMES_MAX * NAME_MAX].decode("ascii", "replace").split(",")[:NAMES_MAX]
        found.append([escape(one, NAME_MAX) for one in names if one])
        at += 4 + len(listed)
    return found


def _field(data: bytes, at: int) -> bytes | None:
    size = int.from_bytes(data[at : at + 4], "big")
    return data[at + 4 : at + 4 + size] if at + 4 + size <= len(data) and len(data) >= at + 4 else None


def key(blob: bytes) -> SshKey | None:
    """Return a host key's type, size and fingerprint as `ssh-keygen -l` writes it, or None when it is none."""
    fields: list[bytes] = []
    at = 0
    while len(fields) < 5 and (one := _field(blob, at)) is not None:  # noqa: PLR2004 - a DSA key has the most
        fields.append(one)
        at += 4 + len(one)
    kind = escape(fields[0], NAME_MAX) if fields else ""
    bits = _bits(kind, fields)
    if not bits:
        return None
    print_ = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return SshKey(type=kind, bits=bits, fingerprint=f"SHA256:{print_}")


def _bits(kind: str, fields: list[bytes]) -> int:
    match kind, len(fields):
        case "ssh-rsa", 3:
            return int.from_bytes(fields[2], "big").bit_length()
        case "ssh-dss", 5:
            return int.from_bytes(fields[1], "big").bit_length()
        case "ssh-ed25519", 2:
            return 256
        case _:
            return CURVES.get(kind.removeprefix("ecdsa-sha2-"), 0)
