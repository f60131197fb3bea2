"""Tell services by the datagrams they answered with: name, product, version, and facts that checks rely on. Pure."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.scans.schemas import PortAnswer

Told = dict[str, Any]
CPE: Final = {
    "BIND": "isc:bind", "dnsmasq": "thekelleys:dnsmasq", "Unbound": "nlnetlabs:unbound", "NSD": "nlnetlabs:nsd", "PowerDNS": "powerdns:authoritative",
    "Knot DNS": "nic:knot_dns", "memcached": "memcached:memcached", "Asterisk PBX": "digium:asterisk", "Net-SNMP": "net-snmp:net-snmp",
}  # fmt: skip
VERSION: Final = re.compile(r"\d{1,9}(?:\.[0-9A-Za-z]{1,20}){1,5}(?:[-+~][0-9A-Za-z.+~-]{1,60})?")
# Who makes an SNMP engine, by the enterprise number in its id: https://www.iana.org/assignments/enterprise-numbers
ENTERPRISES: Final = {
    9: "Cisco", 11: "HP", 311: "Microsoft", 674: "Dell", 1588: "Brocade", 2011: "Huawei", 2021: "Net-SNMP", 2636: "Juniper", 3375: "F5", 4526: "NETGEAR",
    6574: "Synology", 6876: "VMware", 8072: "Net-SNMP", 12356: "Fortinet", 14988: "MikroTik", 24681: "QNAP", 25461: "Palo Alto Networks", 25506: "H3C",
    30065: "Arista", 41112: "Ubiquiti",
}  # fmt: skip
DNS_HEADER, DNS_ANSWER, DNS_RECURSES = 12, 0x8000, 0x0080


def identify(answer: PortAnswer) -> Service:
    """Return the service of one UDP port that answered."""
    told: Told = {"name": "unknown"}
    for reply in answer.replies:
        with suppress(IndexError, ValueError, struct.error):
            found = READERS.get(reply.probe, _unknown)(reply.data)
            facts = (*told.get("facts", ()), *found.get("facts", ()))
            told = {**told, **{name: value for name, value in found.items() if value}, "facts": facts}
    first = answer.replies[0].data if answer.replies else b""
    product, version = told.get("product", ""), told.get("version", "")
    return Service(
        port=answer.port, protocol="udp", name=told["name"], product=product, version=version, cpe=_cpe(product, version),
        confidence=0 if told["name"] == "unknown" else 90 if product else 80, evidence=told.get("evidence") or escape(first), facts=told.get("facts", ()),
    )  # fmt: skip


def _cpe(product: str, version: str) -> str:
    plain = "".join(one if one.isalnum() or one in "._-" else f"\\{one}" for one in version.lower())
    return f"cpe:2.3:a:{CPE[product]}:{plain or '*'}:*:*:*:*:*:*:*" if product in CPE else ""


def _unknown(_data: bytes) -> Told:
    return {"name": "unknown"}


def _dns(data: bytes) -> Told:
    flags, questions, answers = struct.unpack_from(">3H", data, 2)
    if not flags & DNS_ANSWER:
        return _unknown(data)
    text = _txt(data, questions) if answers else ""
    facts = ("recursion",) if flags & DNS_RECURSES else ()
    return {"name": "dns", "facts": facts, "evidence": escape(f"version.bind: {text}") if text else "", **_dns_product(text)}


def _txt(data: bytes, questions: int) -> str:
    """Return the first TXT record's first string."""
    at = DNS_HEADER
    for _ in range(min(questions, 4)):
        at = _after_name(data, at) + 4
    at = _after_name(data, at)
    kind, _group, _life, length = struct.unpack_from(">HHIH", data, at)
    text = data[at + 11 : at + 10 + length][: data[at + 10]]
    return text.decode("utf-8", "replace") if kind == 16 else ""  # noqa: PLR2004 - TXT


def _after_name(data: bytes, at: int) -> int:
    for _ in range(128):
        size = data[at]
        if size >= 0xC0:  # noqa: PLR2004 - a pointer ends a name
            return at + 2
        at += 1 + size
        if not size:
            return at
    raise ValueError("a name without end")


def _dns_product(text: str) -> Told:
    version = VERSION.search(text)
    number = version[0] if version else ""
    for word, product in (("dnsmasq", "dnsmasq"), ("unbound", "Unbound"), ("nsd", "NSD"), ("powerdns", "PowerDNS"), ("knot", "Knot DNS")):
        if word in text.lower():
            return {"product": product, "version": number}
    # BIND alone writes its bare number here.
    return {"product": "BIND", "version": number} if number and text.startswith("9.") else {}


def _ntp(data: bytes) -> Told:
    if len(data) < 48 or data[0] & 7 != 4:  # noqa: PLR2004 - RFC 5905: 48 bytes, mode 4 is a server's answer
        return _unknown(data)
    return {"name": "ntp", "evidence": f"NTP version {data[0] >> 3 & 7}, stratum {data[1]}"}


def _snmp(data: bytes) -> Told:
    """Read the engine id in an SNMPv3 report: five bytes of it name who made the engine."""
    if data[:1] != b"\x30":
        return _unknown(data)
    found = re.search(rb"\x04([\x05-\x20])(\x80[\x00-\xff]{4})", data[:300])
    maker = ENTERPRISES.get(int.from_bytes(found[2][:4], "big") & 0x7FFFFFFF, "") if found else ""
    return {"name": "snmp", "product": maker, "evidence": f"SNMPv3 engine of {maker}" if maker else "SNMPv3 engine"}


def _snmp_public(data: bytes) -> Told:
    if data[:1] != b"\x30" or b"public" not in data:
        return _unknown(data)
    at = data.rfind(b"\x2b\6\1\2\1\1\1\0")
    text = data[at + 10 :] if at > 0 and data[at + 8 : at + 9] == b"\4" else b""
    return {"name": "snmp", "facts": ("default-community",), "evidence": f"community public reads: {escape(text, 200)}"}


def _lines(data: bytes, *wanted: str) -> str:
    """Return the value of the first of these header lines."""
    for line in data[:4096].decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in wanted:
            return value.strip()[:200]
    return ""


def _named(text: str) -> Told:
    """Return product and version of `Asterisk PBX 18.2.0` or `MiniUPnPd/2.2.1`."""
    version = VERSION.search(text)
    product = re.split(r"[/(]", text[: version.start()] if version else text)[0].strip(" -/")
    return {"product": escape(product, 80), "version": escape(version[0], 80) if version else ""}


def _sip(data: bytes) -> Told:
    if not data.startswith((b"SIP/2.0 ", b"OPTIONS ")):
        return _unknown(data)
    return {"name": "sip", **_named(_lines(data, "server", "user-agent"))}


def _ssdp(data: bytes) -> Told:
    if not data.startswith(b"HTTP/1.1 200"):
        return _unknown(data)
    server = _lines(data, "server")
    # `Linux/5.4 UPnP/1.1 MiniUPnPd/2.2.1`: the last word is the program.
    return {"name": "ssdp", "evidence": escape(f"{server} {_lines(data, 'location')}"), **_named(server.rpartition(" ")[2])}


def _ike(data: bytes) -> Told:
    plain = data.removeprefix(bytes(4))
    version, exchange = plain[17], plain[18]
    if version >> 4 not in {1, 2} or not any(plain[8:16]) or len(plain) < 28:  # noqa: PLR2004 - an IKE header
        return _unknown(data)
    return {"name": "ike", "evidence": f"IKE version {version >> 4}.{version & 15}, exchange type {exchange}"}


def _stun(data: bytes) -> Told:
    kind, _length, cookie = struct.unpack_from(">HHI", data)
    software = re.search(rb"\x80\x22\x00([\x01-\x7f])", data)
    text = data[software.end() : software.end() + software[1][0]].decode("utf-8", "replace") if software else ""
    if cookie != 0x2112A442 or kind not in {0x0101, 0x0111}:  # noqa: PLR2004 - STUN's cookie
        return _unknown(data)
    return {"name": "stun", "evidence": escape(text) or "STUN binding response", **(_named(text) if text else {})}


def _netbios(data: bytes) -> Told:
    """List the names, as `WORKGROUP<00>`: 56 bytes of header, a count, then 18 bytes for each."""
    if len(data) < 57 or not data[2] & 0x80:  # noqa: PLR2004 - header and count
        return _unknown(data)
    names = [
        data[at : at + 15].decode("ascii", "replace").rstrip() + f"<{data[at + 15]:02x}>"
        for at in range(57, min(57 + 18 * data[56], len(data) - 17), 18)
    ]
    return {"name": "netbios-ns", "evidence": escape("names: " + ", ".join(names))}


def _mdns(data: bytes) -> Told:
    flags, _questions, answers = struct.unpack_from(">3H", data, 2)
    if not flags & DNS_ANSWER:
        return _unknown(data)
    services = sorted({found.decode("ascii") for found in re.findall(rb"[\x02-\x1f](_[a-z0-9-]{1,30})(?=\x04_(?:tcp|udp))", data)})
    return {"name": "mdns", "evidence": escape(f"{answers} answers: {', '.join(services)}")}


def _tftp(data: bytes) -> Told:
    if data[:2] not in {b"\0\3", b"\0\5", b"\0\6"}:
        return _unknown(data)
    return {"name": "tftp", "evidence": escape(data[4:].rstrip(b"\0"))}


def _memcached(data: bytes) -> Told:
    text = data[8:]
    if not text.startswith((b"VERSION ", b"ERROR")):
        return _unknown(data)
    version = VERSION.search(text[:80].decode("ascii", "replace"))
    return {"name": "memcached", "product": "memcached", "version": version[0] if version else "", "facts": ("no-authentication",)}


def _rpcbind(data: bytes) -> Told:
    return {"name": "rpcbind", "evidence": "the port mapper answers"} if data[4:8] == b"\0\0\0\1" else _unknown(data)


def _ipmi(data: bytes) -> Told:
    if data[:1] != b"\6" or data[8:9] != b"\x40":
        return _unknown(data)
    return {"name": "ipmi", "evidence": "IPMI is supported" if data[20:21] >= b"\x80" else "ASF is supported"}


def _mssql(data: bytes) -> Told:
    if data[:1] != b"\5":
        return _unknown(data)
    text = data[3:].decode("latin-1")
    version = re.search(r"Version;(\d{1,3}(?:\.\d{1,6}){1,3})", text)
    return {"name": "mssql-browser", "product": "Microsoft SQL Server", "version": version[1] if version else "", "evidence": escape(text)}


def _coap(data: bytes) -> Told:
    return {"name": "coap", "evidence": escape(data[4:])} if data[0] >> 6 == 1 and data[1] >> 5 in {2, 4, 5} else _unknown(data)


def _openvpn(data: bytes) -> Told:
    return {"name": "openvpn", "product": "OpenVPN"} if len(data) >= 14 and data[0] >> 3 == 8 else _unknown(data)  # noqa: PLR2004 - a hard reset


def _quic(data: bytes) -> Told:
    """Read a version negotiation packet: long header, version 0, two ids, then the versions."""
    if not data[0] & 0x80 or any(data[1:5]):
        return _unknown(data)
    at = 6 + data[5]
    at += 1 + data[at]
    versions = [data[place : place + 4].hex() for place in range(at, min(len(data) - 3, at + 64), 4)]
    return {"name": "quic", "evidence": f"QUIC versions {', '.join(versions)}"}


READERS: Final[dict[str, Callable[[bytes], Told]]] = {
    "dns": _dns, "ntp": _ntp, "snmp": _snmp, "snmp-public": _snmp_public, "sip": _sip, "ssdp": _ssdp, "ike": _ike, "ike-nat": _ike, "stun": _stun,
    "netbios-ns": _netbios, "mdns": _mdns, "tftp": _tftp, "memcached": _memcached, "rpcbind": _rpcbind, "ipmi": _ipmi, "mssql-browser": _mssql,
    "coap": _coap, "openvpn": _openvpn, "quic": _quic,
}  # fmt: skip
