"""Say what a protocol wants to hear before TLS begins on its plain port (STARTTLS)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import packets

if TYPE_CHECKING:
    import asyncio

    from watchfloor.capabilities.scans.schemas import PortAnswer

ANSWER_MAX = 8192


@dataclass(frozen=True)
class Turn:
    """Send, then read until `until` is found in the answer (nothing is read when it is None)."""

    sends: bytes
    until: re.Pattern[bytes] | None


def _turn(sends: bytes, until: bytes | None) -> Turn:
    return Turn(sends, re.compile(until, re.DOTALL | re.MULTILINE) if until is not None else None)


_SSL_REQUEST = struct.pack("!II", 8, 80_877_103)
# An LDAP ExtendedRequest for 1.3.6.1.4.1.1466.20037. Source: RFC 4511 section 4.14.
_LDAP_STARTTLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
# CLIENT_SSL, CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION, and the rest of a short handshake response.
_MYSQL_SSL = b"\x20\0\0\x01" + struct.pack("<IIB", 0x8A00 | 0x0200, 1 << 24, 33) + b"\0" * 23
_XMPP = "<?xml version='1.0'?><stream:stream to='{}' xmlns='jabber:{}' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
_PROCEED = _turn(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", rb"<proceed")

TURNS: dict[str, tuple[Turn, ...]] = {
    "smtp": (_turn(b"", rb"^220 "), _turn(b"EHLO {helo}\r\n", rb"^250 [^\n]*\n"), _turn(b"STARTTLS\r\n", rb"^220[ -][^\n]*\n")),
    "imap": (_turn(b"", rb"^\* (?:OK|PREAUTH)[^\n]*\n"), _turn(b"wf1 STARTTLS\r\n", rb"^wf1 OK[^\n]*\n")),
    "pop3": (_turn(b"", rb"^\+OK[^\n]*\n"), _turn(b"STLS\r\n", rb"^\+OK[^\n]*\n")),
    "ftp": (_turn(b"", rb"^220 [^\n]*\n"), _turn(b"AUTH TLS\r\n", rb"^234[ -][^\n]*\n")),
    "sieve": (_turn(b"", rb"^OK[^\n]*\n"), _turn(b"STARTTLS\r\n", rb"^OK[^\n]*\n")),
    "nntp": (_turn(b"", rb"^20[01][ -][^\n]*\n"), _turn(b"STARTTLS\r\n", rb"^382[ -][^\n]*\n")),
    "ldap": (_turn(_LDAP_STARTTLS, rb"\x30.{1,6}\x02\x01\x01\x78.{1,5}\x0a\x01\0"),),
    "xmpp": (_turn(_XMPP.format("{host}", "client").encode(), rb"</stream:features>|<starttls"), _PROCEED),
    "xmpp-server": (_turn(_XMPP.format("{host}", "server").encode(), rb"</stream:features>|<starttls"), _PROCEED),
    "postgresql": (_turn(_SSL_REQUEST, rb"\AS"),),
    "rdp": (_turn(packets.rdp_negotiate(), rb"\A\x03\0\0\x13.{7}\x02"),),
    "mysql": (_turn(b"", rb"\A.{3}\0\x0a[^\0]+\0.{13}"), _turn(_MYSQL_SSL, None)),
}  # fmt: skip


def upgrade_of(answer: PortAnswer) -> str | None:
    """Return the protocol whose upgrade leads to TLS on this port, empty where TLS begins with the first byte, None without TLS."""
    if answer.starttls:
        return answer.starttls if answer.starttls in TURNS else None
    return "" if answer.tls and answer.tls.version else None


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: str, host: str, helo: str) -> bool:
    """Bring a fresh connection to where a ClientHello is expected; tells whether the server agreed. Bounded by the caller's time."""
    for turn in TURNS[protocol]:
        if turn.sends:
            said = turn.sends.replace(b"{host}", host.encode("ascii", "ignore"))
            writer.write(said.replace(b"{helo}", helo.encode("ascii", "ignore")))
        if turn.until is not None and not await _until(reader, turn.until):
            return False
    return True


async def _until(reader: asyncio.StreamReader, wanted: re.Pattern[bytes]) -> bool:
    said = bytearray()
    while len(said) < ANSWER_MAX:
        chunk = await reader.read(4096)
        if not chunk:
            return False
        said += chunk
        if wanted.search(said):
            return True
    return False
