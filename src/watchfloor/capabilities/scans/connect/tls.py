"""A TLS client that accepts anything, because it only looks, and a raw hello for versions the library no longer speaks."""

from __future__ import annotations

import os
import ssl
import struct
from functools import lru_cache

VERSIONS = {(3, 0): "SSLv3", (3, 1): "TLSv1", (3, 2): "TLSv1.1", (3, 3): "TLSv1.2"}
# ECDHE and RSA with AES-CBC, then 3DES and RC4: what servers of that age agree to.
OLD_CIPHERS = (0xC014, 0xC00A, 0xC013, 0xC009, 0x0039, 0x0033, 0x0035, 0x002F, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004, 0x00FF)


@lru_cache(maxsize=2)
def context(*, alpn: tuple[str, ...] = ("http/1.1", "h2")) -> ssl.SSLContext:
    """Return a client context that verifies nothing: what is wrong with a certificate is the finding."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    found.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    found.set_ciphers("ALL:COMPLEMENTOFDEFAULT:@SECLEVEL=0")
    found.set_alpn_protocols(list(alpn))
    return found


def old_hello(name: str = "") -> bytes:
    """Return a ClientHello that offers TLS 1.1 and older only. Source: RFC 4346."""
    groups = struct.pack("!HHH4H", 10, 10, 8, 23, 24, 25, 29)
    points = struct.pack("!HHBB", 11, 2, 1, 0)
    host = name.encode("ascii")
    server = struct.pack("!HHHBH", 0, len(host) + 5, len(host) + 3, 0, len(host)) + host if host else b""
    extensions = server + groups + points
    ciphers = struct.pack(f"!{len(OLD_CIPHERS)}H", *OLD_CIPHERS)
    body = (
        b"\x03\x02"
        + os.urandom(32)
        + b"\0"
        + struct.pack("!H", len(ciphers))
        + ciphers
        + b"\1\0"
        + struct.pack("!H", len(extensions))
        + extensions
    )
    shake = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(shake)) + shake


def agreed(answer: bytes) -> str:
    """Return the version of a ServerHello, empty when the answer is none: an alert, nothing, or another protocol."""
    if len(answer) < 11 or answer[0] != 0x16 or answer[5] != 2:  # noqa: PLR2004 - handshake record, ServerHello
        return ""
    return VERSIONS.get((answer[9], answer[10]), "")
