"""Recognise what keeps machines running: build and job daemons, monitoring, proxies, debuggers, small old services. Pure."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import ANY, LIKELY, Match, Reader, Said, by_signs, sign, text

V = rb"(?P<v>\d[\w.]{0,24})"
GREETING = ("greeting",)


def _epmd(said: Said) -> Match | None:
    data = said.to("epmd")
    if not re.match(rb"\0\0..(?:name [\w.@-]{1,60} at port|\Z)", data, re.DOTALL):
        return None
    names = re.findall(rb"name ([\w.@-]{1,60}) at port (\d{1,5})", data[4:1000])
    listed = b", ".join(name + b" at " + port for name, port in names[:10])
    return Match(name="epmd", product="Erlang Port Mapper Daemon", evidence=b"names: " + listed, facts=("no-authentication",))


def _jdwp(said: Said) -> Match | None:
    if said.to("jdwp") != b"JDWP-Handshake" and not said.to("jdwp").startswith(b"JDWP-Handshake"):
        return None
    found = re.search(rb"\0\0\0.(\d[\w.+-]{0,20})\0\0\0", said.to("jdwp-version"), re.DOTALL)
    return Match(
        name="jdwp",
        product="Java Debug Wire Protocol",
        version=text(found[1]) if found else "",
        evidence=said.to("jdwp-version")[11:200] or b"JDWP-Handshake",
        facts=("no-authentication",),
    )


def _zabbix(said: Said) -> Match | None:
    data = said.to("zabbix-agent")
    if data.startswith(b"ZBXD"):
        found = re.match(rb"ZBXD\x01.{8}(\d[\w.]{0,20})", data, re.DOTALL)
        facts = ("no-authentication",) if found else ()
        return Match(
            name="zabbix-agent",
            product="Zabbix Agent",
            version=text(found[1]) if found else "",
            evidence=data[13:80] or b"ZBXD",
            facts=facts,
        )
    data = said.to("zabbix-server")
    if data.startswith(b"ZBXD"):
        return Match(name="zabbix-server", product="Zabbix Server", evidence=data[13:120])
    return None


def _socks(said: Said) -> Match | None:
    data = said.to("socks") or said.to("http")
    if len(data) == 2 and data[0] == 5:  # noqa: PLR2004 - version 5 and a method
        facts = ("no-authentication",) if data[1] == 0 else ()
        return Match(name="socks5", evidence=f"method {data[1]} chosen".encode(), confidence=LIKELY, facts=facts)
    return None


def _echo(said: Said) -> Match | None:
    data = said.to("http")
    if data.startswith(b"GET / HTTP/1.0\r\n") or said.to("echo") == b"watchfloor\r\n":
        return Match(name="echo", evidence=data[:20] or b"watchfloor", confidence=LIKELY)
    return None


DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
SIGNS = (
    sign(ANY, rb"[\r\n]{0,4}(?:Hello, this is )FRRouting \(version " + V, "frr", "FRRouting"),
    sign(ANY, rb"[\r\n]{0,4}Hello, this is Quagga \(version " + V, "quagga", "Quagga"),
    sign(("munin-version",), rb"munins node on [^\r\n]{1,100} version: " + V, "munin", "Munin", "no-authentication"),
    sign(GREETING, rb"# munin node at ", "munin", "Munin", "no-authentication"),
    sign(GREETING, rb"<<<check_mk>>>\nVersion: (?P<v>\d[\w.]{0,20})", "check_mk", "Checkmk Agent", "no-authentication"),
    sign(GREETING, rb"<\?xml.{0,3500}?<GANGLIA_XML VERSION=\"(?P<v>\d[\w.]{0,20})\"", "ganglia", "Ganglia", "no-authentication"),
    sign(GREETING, rb'\{"class":"VERSION","release":"(?P<v>\d[\w.~]{0,20})"', "gpsd", "gpsd", "no-authentication"),
    sign(ANY, rb"Network UPS Tools upsd (?P<v>\d[\w.]{0,20})", "nut", "Network UPS Tools"),
    sign(("http", "upsd"), rb"ERR (?:UNKNOWN-COMMAND|INVALID-ARGUMENT)", "nut", "Network UPS Tools", confidence=LIKELY),
    sign(GREETING, rb"\d{3} \d{1,5} {1,8}\n[a-z]{32}\n\nAuthentication required", "varnish-cli", "Varnish"),
    sign(GREETING, rb"200 \d{1,5} {1,8}\n-{5,40}\nVarnish Cache CLI.{0,300}?varnish-(?P<v>\d[\d.]{0,12})", "varnish-cli", "Varnish", "no-authentication"),
    sign(GREETING, rb"\|/dev/[^|\r\n]{1,30}\|", "hddtemp", "hddtemp"),
    sign(GREETING, rb"0 [\w-]{1,60} 17(?:\.\d{1,2})?\n", "tinc", "tinc"),
    sign(("distcc",), rb"DONE0000000[123]STAT", "distcc", "distcc", "no-authentication"),
    sign(("ajp",), rb"AB\0\x01\x09", "ajp13", ""),
    sign(("rmi",), rb"N\0.", "java-rmi", "Java RMI"),
    sign(("ovsdb",), rb'\{.{0,200}?"(?:result|method|id)"', "ovsdb", "Open vSwitch", "no-authentication"),
    sign(("fastcgi",), rb"\x01\x0a\0\0", "fastcgi", ""),
    sign(("tor-version",), rb"250-PROTOCOLINFO.{0,400}?VERSION Tor=\"(?P<v>\d[\w.-]{0,20})\"", "tor-control", "Tor"),
    sign(("http",), rb"HTTP/1\.0 501 Tor ControlPort is not an HTTP proxy", "tor-control", "Tor", confidence=LIKELY),
    sign(("http",), rb"HTTP/1\.0 501 Tor is not an HTTP Proxy|HTTP/1\.[01] \d{3} .{0,400}?This is a SOCKS [Pp]roxy, [Nn]ot [Aa]n HTTP [Pp]roxy", "socks5", "Tor"),
    sign(ANY, rb"KO\nnuttcp-[tr]: v(?P<v>\d[\d.]{0,12})", "nuttcp", "nuttcp"),
    sign(ANY, rb"(?:KO|OK)\n?nuttcp", "nuttcp", "nuttcp"),
    sign(("nrpe",), rb"\0[\x02\x03\x04]\0\x02.{6}NRPE v(?P<v>\d[\w.-]{0,20})", "nrpe", "NRPE", "no-authentication"),
    sign(("http", "kerberos"), rb"\0\0..\x7e.{1,3}\x30.{1,3}\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e.{0,80}?\xa6\x03\x02\x01\x3d", "kerberos", "MIT Kerberos", confidence=LIKELY),
    sign(("http", "kerberos"), rb"\0\0..\x7e.{1,3}\x30.{1,3}\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e", "kerberos", ""),
    sign(("erlang",), rb"\0.s(?:ok|nok|alive|not_allowed|ok_simultaneous)", "erlang-node", "Erlang"),
    sign(("http",), rb"51[04] (?:Unrecognized command|Authentication required)", "tor-control", "Tor", confidence=LIKELY),
    sign(("finger", "http"), rb"(?:Login(?:\s|:)|No one logged on|[^\r\n]{0,60}no such user|\r?\nLogin )", "finger", ""),
    sign(("ident", "http"), rb"\s{0,3}\d{1,5}\s{0,3},\s{0,3}\d{1,5}\s{0,3}: ?ERROR ?: ?[A-Z-]{3,30}", "ident", ""),
    sign(GREETING, DAY + rb",? [\w :,+-]{10,60}\r\n\Z|\d{1,2} [A-Z]{3} \d{4} \d\d:\d\d:\d\d [\w+-]{1,6}\r\n\Z", "daytime", ""),
    sign(GREETING, rb" ?!\"#\$%&'\(\)\*\+,-\./0123456789", "chargen", ""),
    sign(GREETING, rb"[\xe0-\xff].{3}\Z", "time", "", confidence=30),
    sign(("gopher", "http"), rb"[0-9igshIT+][^\t\r\n]{0,200}\t[^\t\r\n]{0,200}\t[^\t\r\n]{0,100}\t\d{1,5}", "gopher", ""),
    sign(GREETING, rb"Zebra |\r\n\r\nUser Access Verification\r\n\r\n(?:Password|Username):", "cisco-vty", "", confidence=LIKELY),
)  # fmt: skip


def _signs(said: Said) -> Match | None:
    return by_signs(said, SIGNS)


READERS: tuple[Reader, ...] = (_epmd, _jdwp, _zabbix, _socks, _echo, _signs)
