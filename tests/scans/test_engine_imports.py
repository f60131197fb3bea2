"""What files of other scanners say, and what they do not prove; files that are broken or hostile."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from watchfloor.capabilities.scans.engine.imports import Form, read, recognise
from watchfloor.capabilities.scans.engine.imports.nmap import formatted
from watchfloor.capabilities.scans.engine.imports.sighting import sighted
from watchfloor.capabilities.scans.schemas import Group
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.engine.imports.found import FoundHost, Imported

TODAY = datetime(2026, 6, 1, tzinfo=UTC)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n<?xml-stylesheet href="file:///x.xsl" type="text/xsl"?>\n'
RUN = '<nmaprun scanner="nmap" args="nmap -oX -" start="1767225600" version="7.93"><scaninfo type="connect" protocol="tcp" services="1-5,22,80"/>'
END = '<runstats><finished time="1767225660"/></runstats></nmaprun>'
SSH = (
    '<port protocol="tcp" portid="22"><state state="open"/><service name="ssh" product="OpenSSH" version="9.2p1" extrainfo="protocol 2.0" '
    'method="probed" conf="10"><cpe>cpe:/a:openbsd:openssh:9.2p1</cpe><cpe>cpe:/o:linux:linux_kernel</cpe></service></port>'
)

EACH = (
    '<extraports state="closed" count="4"><extrareasons reason="conn-refused" count="4" proto="tcp" ports="1-4"/></extraports>'
    '<extraports state="filtered" count="2"><extrareasons reason="no-response" count="2" proto="tcp" ports="5,80"/></extraports>'
)


def host(ports: str, *, status: str = "up", reason: str = "syn-ack", attributes: str = "") -> str:
    return (
        f'<host {attributes}><status state="{status}" reason="{reason}"/><address addr="02:00:00:00:00:01" addrtype="mac"/>'
        '<address addr="192.0.2.1" addrtype="ipv4"/><hostnames><hostname name="web.example" type="user"/><hostname name="x.isp" type="PTR"/></hostnames>'
        f'<ports>{ports}</ports><times srtt="1500"/></host>'
    )


def nmap(*hosts: str) -> Imported:
    return read((HEAD + RUN + "".join(hosts) + END).encode())


def one(*hosts: str) -> FoundHost:
    (found,) = nmap(*hosts).hosts
    return found


def test_nmap_tells_hosts_services_and_when() -> None:
    found = nmap(host(SSH), host("", status="down"))
    assert (found.tool, found.at, found.silent, found.notes) == ("nmap 7.93", datetime(2026, 1, 1, 0, 1, tzinfo=UTC), 1, ())
    (seen,) = found.hosts
    assert (seen.address, seen.name, seen.rtt_ms) == ("192.0.2.1", "web.example", 1.5)
    (service,) = [port.service for port in seen.open]
    assert (service.port, service.name, service.product, service.version, service.confidence) == (22, "ssh", "OpenSSH", "9.2p1", 100)
    assert service.cpe == "cpe:2.3:a:openbsd:openssh:9.2p1:*:*:*:*:*:*:*"


def test_a_service_named_by_its_number_alone_has_no_product() -> None:
    guess = '<port protocol="tcp" portid="80"><state state="open"/><service name="http" product="x" method="table" conf="3"/></port>'
    service = one(host(guess)).open[0].service
    assert (service.name, service.product, service.confidence, "by the port's number" in service.evidence) == ("http", "", 30, True)


@pytest.mark.parametrize(
    ("ports", "closed", "filtered"),
    [
        ('<extraports state="closed" count="6"/>', ((1, 5), (80, 80)), ()),
        ('<extraports state="filtered" count="6"/>', (), ((1, 5), (80, 80))),
        # The count does not fit the ports that were asked: which ones are meant is not known.
        ('<extraports state="closed" count="5"/>', (), ()),
        ('<extraports state="closed" count="4"/><extraports state="filtered" count="2"/>', (), ()),
        (
            EACH,
            ((1, 4),), ((5, 5), (80, 80)),
        ),
        ('<port protocol="tcp" portid="80"><state state="closed"/></port>', ((80, 80),), ()),
        ('<port protocol="tcp" portid="80"><state state="filtered"/></port>', (), ((80, 80),)),
        ('<port protocol="udp" portid="80"><state state="closed"/></port>', (), ()),
        ("", (), ()),
    ],
)  # fmt: skip
def test_only_what_the_file_proves_is_closed(ports: str, closed: object, filtered: object) -> None:
    seen = one(host(SSH + ports))
    assert (seen.closed, seen.filtered) == (closed, filtered)


def test_a_host_that_timed_out_proves_nothing_about_unlisted_ports() -> None:
    assert one(host(SSH + '<extraports state="closed" count="6"/>', attributes='timedout="true"')).closed == ()


def test_a_host_that_is_only_presumed_up_did_not_answer() -> None:
    found = nmap(host('<extraports state="filtered" count="7"/>', reason="user-set"), host(SSH, reason="user-set"))
    assert (len(found.hosts), found.silent) == (1, 1)


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    whole = HEAD + RUN + host(SSH) + host(SSH)
    found = read(whole[: whole.rindex("<times")].encode())
    assert len(found.hosts) == 1
    assert found.notes[0].startswith("The file breaks off (line ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('<!DOCTYPE nmaprun [<!ENTITY a "b">]><nmaprun/>', "DTD or entities"),
        ('<!DOCTYPE nmaprun SYSTEM "file:///etc/passwd"><nmaprun/>', "DTD or entities"),
        ('<!DOCTYPE nmaprun PUBLIC "x" "http://192.0.2.1/x.dtd"><nmaprun/>', "DTD or entities"),
        ("<html/>", "begins with <html>"),
        ("<nmaprun", "not nmap's XML"),
        ("<", "not nmap's XML"),
        (RUN + "<a>" * 40, "nested deeper"),
        (f'<nmaprun args="{"x" * 500_000}"/>', "longer than any"),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused(content: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read(content.encode(), Form.NMAP)


def test_an_entity_ends_the_reading_and_is_never_resolved() -> None:
    found = nmap(host(SSH.replace("OpenSSH", "&xxe;")), host(SSH))
    assert (found.hosts, "undefined entity" in found.notes[0]) == ((), True)


def test_what_a_stranger_wrote_is_bounded_and_harmless() -> None:
    seen = one(host(SSH.replace("OpenSSH", "\u202e" + "x" * 10_000 + "&#10;")))
    product = seen.open[0].service.product
    assert product.startswith("\\u202e")
    assert len(product) < 400


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("cpe:/a:isc:bind:9.18", "cpe:2.3:a:isc:bind:9.18:*:*:*:*:*:*:*"),
        ("cpe:/a:a%21b:c", "cpe:2.3:a:a\\!b:c:*:*:*:*:*:*:*:*"),
        ("cpe:/a:vendor", ""),
        ("cpe:/o:linux:linux_kernel", ""),
        ("x" * 600, ""),
    ],
)
def test_cpe_names_are_turned_into_the_newer_form(uri: str, expected: str) -> None:
    assert formatted(uri) == expected


MASSCAN = """[
{   "ip": "192.0.2.1",   "timestamp": "1767225600", "ports": [ {"port": 80, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] }
,
{   "ip": "192.0.2.1",   "timestamp": "1767225601", "ports": [ {"port": 22, "proto": "tcp", "service": {"name": "ssh", "banner": "SSH-2.0-OpenSSH_9.2p1"} } ] },
{   "ip": "192.0.2.2",   "timestamp": "1767225602", "ports": [ {"port": 53, "proto": "udp", "status": "open"}, {"port": 0, "proto": "icmp", "status": "open"} ] },
{finished: 1}
]
"""
LISTED = "#masscan\nopen tcp 80 192.0.2.1 1767225600\nbanner tcp 22 192.0.2.1 1767225601 ssh SSH-2.0-OpenSSH_9.2p1\nopen udp 53 192.0.2.2 1767225602\n# end\n"
NAABU = """{"host":"web.example","ip":"192.0.2.1","timestamp":"2026-01-01T00:00:02.5Z","port":80,"protocol":"tcp","tls":false}
{"host":"192.0.2.2","ip":"192.0.2.2","port":{"Port":443,"Protocol":0,"TLS":true}}
"""


@pytest.mark.parametrize("content", [MASSCAN, MASSCAN[: MASSCAN.index("{finished")], LISTED])
def test_masscan_tells_open_ports_and_banners(content: str) -> None:
    found = read(content.encode())
    assert (found.tool, found.at, found.notes) == ("masscan", datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC), ())
    first, second = found.hosts
    assert [(one.protocol, one.service.port, one.banner) for one in first.open] == [("tcp", 22, b"SSH-2.0-OpenSSH_9.2p1"), ("tcp", 80, b"")]
    assert [(one.protocol, one.service.port) for one in second.open] == [("udp", 53)]
    assert (first.closed, first.filtered) == ((), ())


def test_naabu_tells_open_ports_and_names() -> None:
    found = read(NAABU.encode())
    assert (found.tool, found.at) == ("naabu", datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC))
    assert [(one.address, one.name, [port.service.port for port in one.open]) for one in found.hosts] == [
        ("192.0.2.1", "web.example", [80]), ("192.0.2.2", "", [443]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '{"ip":"192.0.2.300","port":80}', '{"ip":"192.0.2.1","port":70000}', '{"ip":"192.0.2.1"}', '{"ip":["x"],"port":1}', "[" * 100_000,
        '{"ip":"192.0.2.1","port":80', "null", '"x"', '{"ip":"192.0.2.1","port":80,"timestamp":"' + "9" * 70_000 + '"}',
    ],
)  # fmt: skip
def test_lines_that_cannot_be_read_are_counted_and_the_others_kept(line: str) -> None:
    found = read((NAABU + line + "\n").encode(), Form.NAABU)
    assert (len(found.hosts), found.notes) == (2, ("1 lines of the file could not be read and were left out.",))
    with pytest.raises(InvalidInput, match="no line of it"):
        read(line.encode(), Form.NAABU)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0\1\2"])
def test_a_file_of_something_else_is_not_guessed_at(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="--format"):
        recognise(content)


def test_too_many_hosts_are_refused() -> None:
    lines = "".join(json.dumps({"ip": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "port": 1}) + "\n" for n in range(65_537))
    with pytest.raises(InvalidInput, match="more than 65,536 hosts"):
        read(lines.encode(), Form.NAABU)


def test_findings_are_judged_and_ports_counted_as_of_any_scan() -> None:
    telnet = '<port protocol="tcp" portid="23"><state state="open"/><service name="telnet" method="probed" conf="10"/></port>'
    part = sighted(nmap(host(telnet + '<extraports state="closed" count="7"/>')).hosts, TODAY)
    (seen,) = part.sightings
    assert [problem.check for problem in seen.problems] == ["cleartext-telnet"]
    assert set(seen.known_ports) == {1, 2, 3, 4, 5, 22, 80}
    assert sum(tally.closed for tally in seen.tallies.values()) == 7
    assert seen.tallies[Group.CRITICAL].open == 1


def test_what_one_host_was_not_asked_is_unknown_though_another_was() -> None:
    listed = read(LISTED.encode()).hosts[0]
    part = sighted([listed, one(host('<extraports state="closed" count="7"/>'))], TODAY)
    first = part.sightings[0]
    assert set(first.known_ports) == set()
    assert sum(tally.skipped for tally in first.tallies.values()) == 5
    assert [(service.name, service.product) for _group, service in first.services if service.port == 22] == [("ssh", "OpenSSH")]


def test_a_host_that_is_known_better_opens_and_closes_nothing() -> None:
    telnet = '<port protocol="tcp" portid="23"><state state="open"/><service name="telnet" method="probed" conf="10"/></port>'
    (seen,) = sighted(
        nmap(host(telnet + '<extraports state="closed" count="7"/>')).hosts, TODAY, settled=frozenset(("192.0.2.1",))
    ).sightings
    assert (seen.problems, set(seen.known_ports), len(seen.services)) == ((), set(), 1)
