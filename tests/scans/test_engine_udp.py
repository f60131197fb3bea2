"""What datagrams say about the service that sent them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from watchfloor.capabilities.scans.connect.udp.datagrams import PROBES, SNMP_CHECK, probes
from watchfloor.capabilities.scans.engine.protocols import COMMON_UDP, apart
from watchfloor.capabilities.scans.engine.udp import READERS, identify
from watchfloor.capabilities.scans.engine.udp_sight import sight_udp
from watchfloor.capabilities.scans.schemas import PortAnswer, Reply, UdpHost
from watchfloor.kernel.errors import InvalidInput

TODAY = datetime(2026, 6, 1, tzinfo=UTC)
ASKED = b"\7version\4bind\0\0\x10\0\3"


def txt(text: bytes, flags: int = 0x8580) -> bytes:
    record = b"\xc0\x0c\0\x10\0\3\0\0\0\0" + struct.pack(">HB", len(text) + 1, len(text)) + text
    return b"\1\2" + struct.pack(">5H", flags, 1, 1, 0, 0) + ASKED + record


def told(probe: str, data: bytes) -> tuple[str, str, str, tuple[str, ...]]:
    found = identify(PortAnswer(port=1, protocol="udp", replies=(Reply(probe=probe, data=data),), looked=True))
    assert found.protocol == "udp"
    return found.name, found.product, found.version, found.facts


REPORT = bytes.fromhex("3064020103300f02020a0b020300ffe30401000201030421301f0411") + b"\x80\x00\x1f\x88\x80" + bytes(12) + b"\2\1\1"
SSDP = b"HTTP/1.1 200 OK\r\nServer: Linux/5.4 UPnP/1.1 MiniUPnPd/2.2.1\r\nLocation: http://192.0.2.1:5000/d.xml\r\n\r\n"
BROWSER = b"\5\x58\0ServerName;DB;InstanceName;X;IsClustered;No;Version;15.0.2000.5;tcp;1433;;"
NAMES = b"\1\2\x84\0" + bytes(52) + b"\2" + b"SERVER         \x00\4\0" + b"WORKGROUP      \x00\x84\0" + bytes(6)
STUN = struct.pack(">HHI", 0x0101, 12, 0x2112A442) + bytes(12) + b"\x80\x22\0\x0eCoturn-4.6.1 x"


@pytest.mark.parametrize(
    ("probe", "data", "expected"),
    [
        ("dns", txt(b"9.18.49-1~deb12u1-Debian"), ("dns", "BIND", "9.18.49-1~deb12u1-Debian", ("recursion",))),
        ("dns", txt(b"dnsmasq-2.90", 0x8500), ("dns", "dnsmasq", "2.90", ())),
        ("dns", txt(b"unbound 1.17.1"), ("dns", "Unbound", "1.17.1", ("recursion",))),
        ("dns", txt(b"go away"), ("dns", "", "", ("recursion",))),
        ("dns", b"\1\2" + struct.pack(">5H", 0x8105, 1, 0, 0, 0) + ASKED, ("dns", "", "", ())),
        ("ntp", b"\x24\2" + bytes(46), ("ntp", "", "", ())),
        ("snmp", REPORT, ("snmp", "Net-SNMP", "", ())),
        ("snmp-public", b"\x30\x20\2\1\1\4\6public" + b"\x2b\6\1\2\1\1\1\0\4\3box", ("snmp", "", "", ("default-community",))),
        ("sip", b"SIP/2.0 200 OK\r\nServer: Asterisk PBX 18.2.0\r\n\r\n", ("sip", "Asterisk PBX", "18.2.0", ())),
        ("ssdp", SSDP, ("ssdp", "MiniUPnPd", "2.2.1", ())),
        ("ike", b"a" * 8 + b"x" * 8 + bytes((0, 0x10, 5)) + bytes(9), ("ike", "", "", ())),
        ("ike-nat", bytes(4) + b"a" * 8 + b"x" * 8 + bytes((0, 0x20, 34)) + bytes(9), ("ike", "", "", ())),
        ("stun", STUN, ("stun", "Coturn", "4.6.1", ())),
        ("netbios-ns", NAMES, ("netbios-ns", "", "", ())),
        ("mdns", bytes(2) + struct.pack(">5H", 0x8400, 0, 1, 0, 0) + b"\5_http\4_tcp\5local\0", ("mdns", "", "", ())),
        ("tftp", b"\0\5\0\1File not found\0", ("tftp", "", "", ())),
        ("memcached", bytes(8) + b"VERSION 1.6.18\r\n", ("memcached", "memcached", "1.6.18", ("no-authentication",))),
        ("rpcbind", b"xxxx" + struct.pack(">II", 1, 0), ("rpcbind", "", "", ())),
        ("ipmi", b"\6\0\xff\6" + bytes(4) + b"\x40" + bytes(11) + b"\x81" + bytes(3), ("ipmi", "", "", ())),
        ("mssql-browser", BROWSER, ("mssql-browser", "Microsoft SQL Server", "15.0.2000.5", ())),
        ("coap", b"\x60\x45\1\2</sensors>", ("coap", "", "", ())),
        ("openvpn", b"\x40" + bytes(13), ("openvpn", "OpenVPN", "", ())),
        ("quic", b"\x80" + bytes(4) + b"\x08" + bytes(8) + b"\x08" + bytes(8) + b"\0\0\0\1", ("quic", "", "", ())),
        ("unknown", b"anything", ("unknown", "", "", ())),
    ],
)
def test_an_answer_tells_the_service(probe: str, data: bytes, expected: tuple[str, str, str, tuple[str, ...]]) -> None:
    assert told(probe, data) == expected


def test_findings_of_udp_ports_are_told_apart_from_those_of_tcp_ports() -> None:
    community = b"\x30\x20\2\1\1\4\6public" + b"\x2b\6\1\2\1\1\1\0\4\3box"
    answers = (
        PortAnswer(port=161, protocol="udp", replies=(Reply(probe="snmp-public", data=community),), looked=True),
        PortAnswer(port=11211, protocol="udp", replies=(Reply(probe="memcached", data=bytes(8) + b"VERSION 1.6.18\r\n"),), looked=True),
    )
    seen = sight_udp(UdpHost(address="192.0.2.1", ports=answers, closed=(53,), silent=(123,)), "box", TODAY)
    assert seen is not None
    assert {(one.check, one.protocol, one.port) for one in seen.problems} >= {
        ("default-snmp-community", "udp", 161), ("unauthenticated-memcached", "udp", 11211),
    }  # fmt: skip
    assert (seen.protocol, set(seen.known_ports), set(seen.filtered_ports)) == ("udp", {53}, {123})
    assert sum(tally.filtered for tally in seen.tallies.values()) == 1


def test_a_host_that_answered_nothing_at_all_is_no_host_we_know_of() -> None:
    assert sight_udp(UdpHost(address="192.0.2.1", silent=(53, 123)), "", TODAY) is None


@pytest.mark.parametrize("probe", sorted(READERS))
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 4, b"\xc0" * 600, bytes(1500), b"A" * 65_000, txt(b"x")[:20], txt(b"9.1")[:-2]])
def test_nonsense_is_no_service_and_no_error(probe: str, data: bytes) -> None:
    name, product, version, facts = told(probe, data)
    if name == "unknown":
        assert (product, version, facts) == ("", "", ())


def test_what_a_stranger_wrote_is_harmless() -> None:
    found = identify(
        PortAnswer(port=5060, protocol="udp", replies=(Reply(probe="sip", data=b"SIP/2.0 200 OK\r\nServer: \x1b[2J\xff 1.2\r\n"),))
    )
    assert "\x1b" not in found.product + found.evidence


def test_every_common_port_has_its_own_question_and_reader() -> None:
    assert sorted(PROBES) == sorted(int(port) for port in COMMON_UDP.split(","))
    assert {name for name, _make in PROBES.values()} <= set(READERS)
    assert [name for name, _datagram in probes(161)] == ["snmp"]
    assert [name for name, _datagram in probes(161, (SNMP_CHECK,))] == ["snmp", "snmp-public"]
    assert all(len(datagram) <= 1250 for port in PROBES for _name, datagram in probes(port))


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("22,80", ("22,80", "")),
        ("22,U:53,123", ("22", "53,123")),
        ("U:53,T:80-90,top-100", ("80-90,top-100", "53")),
        ("u:common", ("", COMMON_UDP)),
        ("T:22, U: 161 ,T:1", ("22,1", " 161")),
    ],
)
def test_ports_are_parted_by_protocol(ports: str, expected: tuple[str, str]) -> None:
    assert apart(ports) == expected


def test_a_protocol_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="U: before UDP"):
        apart("S:80")
