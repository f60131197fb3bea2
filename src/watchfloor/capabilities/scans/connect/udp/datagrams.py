"""One harmless datagram for each service that is common over UDP: each asks for something any client may read, none signs in.

Sources: RFC 1035 and 6762 (DNS), 5905 (NTP), 3414 (SNMPv3), 3261 (SIP), 2408 (IKE), 8489 (STUN), 1002 (NetBIOS), 1350 (TFTP), 5531 (RPC), 7252
(CoAP), UPnP 1.1, memcached's protocol.txt, ASF 2.0, MC-SQLR.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SNMP_CHECK: Final = "default-snmp-community"


def _name(dotted: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in dotted.split(".")) + b"\0"


def dns(name: str = "version.bind", kind: int = 16, group: int = 3, *, wanted: int = 0x0100) -> bytes:
    """Ask for the server's version; recursion is desired, so that the answer says whether it is offered."""
    return os.urandom(2) + struct.pack(">5H", wanted, 1, 0, 0, 0) + _name(name) + struct.pack(">2H", kind, group)


def mdns() -> bytes:
    """Ask which services are announced, for an answer to us alone."""
    return b"\0\0" + struct.pack(">5H", 0, 1, 0, 0, 0) + _name("_services._dns-sd._udp.local") + struct.pack(">2H", 12, 0x8001)


def ntp() -> bytes:
    """Ask the time, as a client of version 4."""
    return bytes((0x23,)) + bytes(39) + os.urandom(8)


def _ber(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((tag, len(body))) + body


def snmp() -> bytes:
    """Ask an SNMPv3 engine who it is (discovery): needs no community and no user."""
    head = _ber(0x30, _ber(2, bytes((1 + os.urandom(1)[0] % 127,))), _ber(2, b"\0\xff\xe3"), _ber(4, b"\4"), _ber(2, b"\3"))
    user = _ber(4, _ber(0x30, _ber(4), _ber(2, b"\0"), _ber(2, b"\0"), _ber(4), _ber(4), _ber(4)))
    scoped = _ber(0x30, _ber(4), _ber(4), _ber(0xA0, _ber(2, b"\1"), _ber(2, b"\0"), _ber(2, b"\0"), _ber(0x30)))
    return _ber(0x30, _ber(2, b"\3"), head, user, scoped)


def snmp_public() -> bytes:
    """Read the system's description with the community `public`; sent only where the check is asked for."""
    description = _ber(0x30, _ber(6, b"\x2b\6\1\2\1\1\1\0"), _ber(5))
    get = _ber(0xA0, _ber(2, b"\1"), _ber(2, b"\0"), _ber(2, b"\0"), _ber(0x30, description))
    return _ber(0x30, _ber(2, b"\1"), _ber(4, b"public"), get)


def sip() -> bytes:
    """Ask what a SIP server can do."""
    token = os.urandom(6).hex()
    return (
        f"OPTIONS sip:nobody@invalid SIP/2.0\r\nVia: SIP/2.0/UDP invalid;branch=z9hG4bK{token};rport\r\nMax-Forwards: 70\r\n"
        f"From: <sip:watchfloor@invalid>;tag={token}\r\nTo: <sip:nobody@invalid>\r\nCall-ID: {token}@invalid\r\nCSeq: 1 OPTIONS\r\n"
        "Contact: <sip:watchfloor@invalid>\r\nAccept: application/sdp\r\nUser-Agent: Watchfloor\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def ike() -> bytes:
    """Offer one old proposal (3DES, SHA-1, pre-shared key, 1024 bits); a refusal is an answer too."""
    attributes = struct.pack(">10H", 0x8001, 5, 0x8002, 2, 0x8003, 1, 0x8004, 2, 0x800B, 1) + struct.pack(">2HI", 0x000C, 4, 28_800)
    transform = struct.pack(">BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
    proposal = struct.pack(">BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
    offer = struct.pack(">BBHII", 0, 0, 12 + len(proposal), 1, 1) + proposal
    return os.urandom(8) + bytes(8) + struct.pack(">BBBBII", 1, 0x10, 2, 0, 0, 28 + len(offer)) + offer


def ike_nat() -> bytes:
    """The same behind the marker of NAT traversal."""
    return bytes(4) + ike()


def stun() -> bytes:
    """Ask under which address we are seen."""
    return struct.pack(">HHI", 1, 0, 0x2112A442) + os.urandom(12)


def netbios() -> bytes:
    """Ask for the names a machine goes by."""
    return os.urandom(2) + struct.pack(">5H", 0, 1, 0, 0, 0) + b"\x20CK" + b"A" * 30 + b"\0" + struct.pack(">2H", 0x21, 1)


def ssdp() -> bytes:
    """Ask this host alone what it offers."""
    return b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n'


def tftp() -> bytes:
    """Ask to read a file that is not there; the refusal comes from another port."""
    return b"\0\1watchfloor-" + os.urandom(6).hex().encode() + b"\0octet\0"


def memcached() -> bytes:
    """Ask for the version: the shortest answer there is, for the source may be forged by others."""
    return struct.pack(">4H", 1, 0, 1, 0) + b"version\r\n"


def rpcbind() -> bytes:
    """Call the port mapper's procedure that does nothing."""
    return os.urandom(4) + struct.pack(">9I", 0, 2, 100_000, 2, 0, 0, 0, 0, 0)


def ipmi() -> bytes:
    """Ask whether a management controller is present (ASF ping)."""
    return b"\6\0\xff\6" + struct.pack(">IBBBB", 4542, 0x80, 0, 0, 0)


def mssql() -> bytes:
    """Ask SQL Server's browser for its instances."""
    return b"\3"


def coap() -> bytes:
    """Ask for the list of resources."""
    return b"\x40\1" + os.urandom(2) + b"\xbb.well-known\4core"


def openvpn() -> bytes:
    """Begin a session; servers that demand a key for this stay silent."""
    return b"\x38" + os.urandom(8) + b"\0" + bytes(4)


def quic() -> bytes:
    """Offer a version that nobody has: a server answers with those it knows (RFC 9000, 6)."""
    return b"\xc0\x0a\x0a\x0a\x0a\x08" + os.urandom(8) + b"\x08" + os.urandom(8) + bytes(1200)


def nothing() -> bytes:
    """Send an empty line to a port without a known service."""
    return b"\r\n\r\n"


PROBES: Final[dict[int, tuple[str, Callable[[], bytes]]]] = {
    53: ("dns", dns), 69: ("tftp", tftp), 111: ("rpcbind", rpcbind), 123: ("ntp", ntp), 137: ("netbios-ns", netbios), 161: ("snmp", snmp),
    443: ("quic", quic), 500: ("ike", ike), 623: ("ipmi", ipmi), 1194: ("openvpn", openvpn), 1434: ("mssql-browser", mssql), 1900: ("ssdp", ssdp),
    3478: ("stun", stun), 4500: ("ike-nat", ike_nat), 5060: ("sip", sip), 5353: ("mdns", mdns), 5683: ("coap", coap), 11211: ("memcached", memcached),
}  # fmt: skip


def probes(port: int, checks: tuple[str, ...] = ()) -> list[tuple[str, bytes]]:
    """Return what a port is asked, first things first."""
    name, make = PROBES.get(port, ("unknown", nothing))
    asked = [(name, make())]
    if name == "snmp" and SNMP_CHECK in checks:
        asked.append(("snmp-public", snmp_public()))
    return asked
