"""Facts about recognising services that the recorded ones do not cover: bytes as the protocols and products define them."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.capabilities.scans.connect import packets
from watchfloor.capabilities.scans.connect.probes import PROBES
from watchfloor.capabilities.scans.engine.fingerprint import READERS, fingerprint
from watchfloor.capabilities.scans.engine.fingerprint.match import Said, revision
from watchfloor.capabilities.scans.engine.fingerprint.windows import challenge
from watchfloor.capabilities.scans.schemas import PortAnswer, Reply, TlsAnswer

OK = b"HTTP/1.1 200 OK\r\n"
NOT_FOUND = (
    b"HTTP/1.0 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\r\n404 page not found\n"
)


def said(*replies: tuple[str, bytes]) -> PortAnswer:
    return PortAnswer(port=4000, replies=tuple(Reply(probe=probe, data=data) for probe, data in replies), looked=True)


def greeting(data: bytes) -> list[tuple[str, bytes]]:
    return [("greeting", data)]


def page(head: bytes, body: bytes = b"", probe: str = "http") -> list[tuple[str, bytes]]:
    return [(probe, OK + head + b"\r\n\r\n" + body)]


def root_dse(**attributes: bytes) -> list[tuple[str, bytes]]:
    listed = b"".join(
        packets.ber(0x30, packets.ber(4, name.encode()), packets.ber(0x31, packets.ber(4, value))) for name, value in attributes.items()
    )
    return [("ldap", packets.ber(0x30, packets.ber(2, b"\x01"), packets.ber(0x64, packets.ber(4), packets.ber(0x30, listed))))]


def ntlm(major: int, minor: int, build: int, name: str = "HOST") -> bytes:
    wide = name.encode("utf-16-le")
    target = struct.pack("<HH", 1, len(wide)) + wide + b"\0\0\0\0"
    head = b"NTLMSSP\0" + struct.pack("<IHHIIQQ", 2, 0, 0, 56, 0xE2898215, 1, 0)
    return head + struct.pack("<HHI", len(target), len(target), 56) + struct.pack("<BBHI", major, minor, build, 0x0F000000) + target


def smb2(security: int, dialect: int) -> bytes:
    return packets.smb(packets.smb2_header(0, 0) + struct.pack("<HHHH", 65, security, dialect, 0) + b"\0" * 56)


def bind(text: bytes) -> list[tuple[str, bytes]]:
    question = packets.dns_chaos("version.bind")[14:]
    record = b"\xc0\x0c" + struct.pack("!HHIH", 16, 3, 0, len(text) + 1) + bytes((len(text),)) + text
    message = struct.pack("!HHHHHH", 0x5746, 0x8500, 1, 1, 0, 0) + question + record
    return [("dns", struct.pack("!H", len(message)) + message)]


def mongo(**texts: str) -> bytes:
    body = b"\0\0\0\0\0" + packets.bson(**texts)
    return struct.pack("<iiii", 16 + len(body), 9, 1, 2013) + body


def tds(major: int, minor: int, build: int) -> bytes:
    options = struct.pack("!BHH", 0, 6, 6) + b"\xff" + struct.pack("!BBHH", major, minor, build, 0)
    return struct.pack("!BBHHBB", 4, 1, len(options) + 8, 0, 1, 0) + options


def x11(release: int, vendor: bytes = b"The X.Org Foundation") -> bytes:
    return b"\x01\0\x0b\0\0\0\0\0" + struct.pack("<IIIIHH", release, 0, 0, 256, len(vendor), 65535) + b"\0" * 12 + vendor


def mysql(version: bytes, capabilities: int = 0xF7FF) -> bytes:
    body = b"\x0a" + version + b"\0" + b"\x08\0\0\0" + b"salt4567" + b"\0" + struct.pack("<H", capabilities) + b"\0" * 30
    return len(body).to_bytes(3, "little") + b"\0" + body


def rdp(kind: int, flags: int, protocol: int) -> bytes:
    return b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0" + bytes((kind, flags)) + b"\x08\0" + struct.pack("<I", protocol)


def cassandra(opcode: int, body: bytes) -> bytes:
    return struct.pack("!BBhBi", 0x84, 0, 0, opcode, len(body)) + body


ROWS = [
    # SSH
    (greeting(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n"), ("ssh", "OpenSSH", "9.5", "")),
    (greeting(b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.16\r\n"), ("ssh", "OpenSSH", "9.6p1", "Ubuntu-3ubuntu13.16")),
    (greeting(b"SSH-2.0-OpenSSH_7.8 FreeBSD-20180909\r\n"), ("ssh", "OpenSSH", "7.8", "FreeBSD-20180909")),
    (greeting(b"SSH-2.0-APACHE-SSHD-2.9.2\r\n"), ("ssh", "Apache MINA SSHD", "2.9.2", "")),
    (greeting(b"SSH-2.0-tinyssh_noversion\r\n"), ("ssh", "TinySSH", "", "")),
    # Mail
    (greeting(b"220 mx.example.com ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2+deb12u2; Sat, 1 Jan\r\n"), ("smtp", "Sendmail", "8.17.1.9", "2+deb12u2")),
    (greeting(b"220 mx.example.com ESMTP Postfix (Ubuntu)\r\n"), ("smtp", "Postfix", "", "Ubuntu")),
    (greeting(b"220 debian.example.com ESMTP Postfix\r\n"), ("smtp", "Postfix", "", "")),
    (greeting(b"220 EX01.corp Microsoft ESMTP MAIL Service ready at Mon\r\n"), ("smtp", "Microsoft Exchange", "", "")),
    ([*greeting(b"220 host ESMTP\r\n"), ("ehlo", b"250 host\r\n"), ("smtp-help", b"214 qmail home page: http://pobox.com/~djb/qmail.html\r\n")], ("smtp", "qmail", "", "")),
    ([*greeting(b"* OK ready\r\n"), ("imap-id", b'* ID ("name" "Cyrus IMAPD" "version" "3.6.1-Debian-3.6.1-4+deb12u3")\r\na2 OK\r\n')], ("imap", "Cyrus IMAP", "3.6.1", "Debian-3.6.1-4+deb12u3")),
    (greeting(b"* OK [CAPABILITY IMAP4rev1] Courier-IMAP ready. Copyright\r\n"), ("imap", "Courier-IMAP", "", "")),
    ([*greeting(b"+OK ready\r\n"), ("pop3-capability", b"+OK\r\nUSER\r\nIMPLEMENTATION popa3d\r\n.\r\n")], ("pop3", "popa3d", "", "")),
    (greeting(b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\n"SIEVE" "fileinto"\r\nOK "Dovecot ready."\r\n'), ("sieve", "Dovecot", "", "")),
    ([("clamd", b"ClamAV 1.0.7/27400/Sat Nov 28 09:00:00 2026\0")], ("clamd", "ClamAV", "1.0.7", "")),
    # Stores
    ([("redis", b"$200\r\n# Server\r\nredis_version:7.2.4\r\ndragonfly_version:df-v1.21.2\r\n")], ("redis", "Dragonfly", "1.21.2", "")),
    ([("redis", b"$200\r\n# Server\r\nredis_version:6.3.4\r\nexecutable:/usr/bin/keydb-server\r\n")], ("redis", "KeyDB", "6.3.4", "")),
    ([("mysql", b"")], ("unknown", "", "", "")),
    (greeting(mysql(b"8.0.45-0ubuntu0.24.04.1")), ("mysql", "MySQL", "8.0.45", "0ubuntu0.24.04.1")),
    (greeting(mysql(b"11.8.3-MariaDB-0+deb13u1 from Debian")), ("mysql", "MariaDB", "11.8.3", "0+deb13u1")),
    (greeting(mysql(b"5.7.25-TiDB-v7.5.1")), ("mysql", "TiDB", "7.5.1", "")),
    (greeting(mysql(b"8.0.30 (ProxySQL)")), ("mysql", "ProxySQL", "", "")),
    ([("mongodb", mongo(version="7.0.14", gitVersion="x"))], ("mongodb", "MongoDB", "7.0.14", "")),
    ([("http", b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nIt looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n")], ("mongodb", "MongoDB", "", "")),
    ([("cassandra", cassandra(6, b"\0\x01\0\x0bCQL_VERSION\0\x01\0\x053.4.5")), ("cassandra-startup", cassandra(2, b"")),
      ("cassandra-version", cassandra(8, b"\0\0\0\x02release_version\0\x0d\0\0\0\x01\0\0\0\x064.0.11"))], ("cassandra", "Apache Cassandra", "4.0.11", "")),
    ([("cassandra", cassandra(6, b"\0\x01\0\x0cSCYLLA_SHARD\0\x01\0\x010"))], ("cassandra", "ScyllaDB", "", "")),
    ([("tds", tds(15, 0, 2000))], ("mssql", "Microsoft SQL Server", "15.0.2000", "")),
    ([("oracle", b"\0\x59\0\0\x02\0\0\0" + b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=0))")], ("oracle", "Oracle Database", "19.0.0.0.0", "")),
    ([("oracle", b"\0\x59\0\0\x02\0\0\0" + b"(DESCRIPTION=(TMP=)(VSNNUM=186647552)(ERR=0))")], ("oracle", "Oracle Database", "11.2.0.4.0", "")),
    ([("postgresql", b"N"), ("postgresql-startup", b"E\0\0\0\x90SFATAL\0VFATAL\0C0A000\0Munsupported frontend protocol 1.0: server supports 3.0 to 3.0\0Fpostmaster.c\0L2188\0RProcessStartupPacket\0\0"),
      ("postgresql-trust", b"R\0\0\0\x08\0\0\0\0S\0\0\0\x2fserver_version\x0015.19 (Debian 15.19-0+deb12u1)\0")], ("postgresql", "PostgreSQL", "15.19", "15.19-0+deb12u1")),
    ([("http", b"E\0\0\0`SFATAL\0CXX000\0Minvalid PCP packet\0"), ("postgresql", b"E\0\0\0ZSFATAL\0CXX000\0Minvalid PCP packet\0Fpcp_worker.c\0L186\0\0")], ("postgresql", "Pgpool-II", "", "")),
    # Queues
    (greeting(b'INFO {"server_id":"X","version":"2.10.7","auth_required":true}\r\n'), ("nats", "NATS Server", "2.10.7", "")),
    ([("mqtt", b"\x20\x02\0\x05")], ("mqtt", "", "", "")),
    ([("mqtt", b"\x20\x02\0\0"), ("mqtt-version", b"\x90\x03\0\x01\0\x31\x2b\0\x1f$SYS/brokers/emqx@127.0.0.1/version5.3.2")], ("mqtt", "EMQX", "5.3.2", "")),
    ([("kafka", b"\0\0\0\x1a\0\0\0\x01\0\0\0\0\0\x02\0\0\0\0\0\x09\0\x12\0\0\0\x03")], ("kafka", "Apache Kafka", "", "")),
    ([("amqp", b"AMQP\x03\x01\0\0")], ("amqp", "", "", "")),
    ([("stomp", b"ERROR\nmessage:Bad CONNECT\nserver:RabbitMQ/3.10.8\n\n\0")], ("stomp", "RabbitMQ", "3.10.8", "")),
    # Names
    (bind(b"9.18.30-0ubuntu0.24.04.2-Ubuntu"), ("dns", "BIND", "9.18.30", "0ubuntu0.24.04.2")),
    (bind(b"Microsoft DNS 10.0.20348 (4F7C0000)"), ("dns", "Microsoft DNS", "10.0.20348", "")),
    (bind(b"none of your business"), ("dns", "", "", "")),
    # Files
    (greeting(b"220 ProFTPD 1.3.5e Server (Debian) [::ffff:10.0.0.1]\r\n"), ("ftp", "ProFTPD", "1.3.5e", "Debian")),
    ([*greeting(b"220 Welcome\r\n"), ("ftp-features", b"211-Features:\r\n MDTM\r\n211 End\r\n"), ("ftp-user", b"331 Please specify the password.\r\n")], ("ftp", "vsftpd", "", "")),
    ([*greeting(b"220 Hi\r\n"), ("ftp-features", b"530 Please login with USER and PASS.\r\n"), ("ftp-user", b"331 Please specify the password.\r\n"), ("ftp-anonymous", b"230 Login successful.\r\n"),
      ("ftp-status", b"211-FTP server status:\r\n     vsFTPd 3.0.5 - secure, fast, stable\r\n211 End of status\r\n")], ("ftp", "vsftpd", "3.0.5", "")),
    (greeting(b"220 pyftpdlib 1.5.7 ready.\r\n"), ("ftp", "pyftpdlib", "1.5.7", "")),
    ([("smb", smb2(1, 0x0302)), ("smb-challenge", b"\0\0\1\0\xfeSMB" + ntlm(10, 0, 20348))], ("smb", "Microsoft Windows Server 2022", "10.0.20348", "")),
    ([("smb", smb2(3, 0x0302)), ("smb-challenge", b"\0\0\1\0\xfeSMB" + ntlm(6, 1, 0))], ("smb", "Samba", "", "")),
    (greeting(b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 absent-entries ) ) ) "), ("svn", "Subversion", "", "")),
    ([("nfs", b"\x80\0\0\x18WF\x10\x01\0\0\0\x01\0\0\0\0")], ("nfs", "", "", "")),
    # Desktops
    ([("rdp", rdp(2, 0x1F, 2)), ("rdp-challenge", ntlm(10, 0, 17763))], ("rdp", "Microsoft Windows 10 or Server 2019", "10.0.17763", "")),
    ([("rdp", rdp(3, 0, 5))], ("rdp", "", "", "")),
    (greeting(b"RFB 003.889\n"), ("vnc", "Apple Remote Desktop", "", "")),
    ([("x11", x11(12013000))], ("x11", "X.Org Server", "1.20.13", "")),
    ([("x11", x11(12101007))], ("x11", "X.Org Server", "21.1.7", "")),
    ([("x11", b"\0\x1f\x0b\0\0\0\x08\0Authorization required")], ("x11", "", "", "")),
    # Directories
    (root_dse(objectClass=b"top", vendorName=b"389 Project", vendorVersion=b"389-Directory/2.3.1 B2023.01"), ("ldap", "389 Directory Server", "2.3.1", "")),
    (root_dse(namingContexts=b"dc=x", vendorVersion=b"4.17.12-Debian", vendorName=b"Samba Team (https://www.samba.org)"), ("ldap", "Samba", "4.17.12", "")),
    (root_dse(domainFunctionality=b"7", forestFunctionality=b"7"), ("ldap", "Microsoft Active Directory", "", "")),
    (root_dse(supportedLDAPVersion=b"3"), ("ldap", "", "", "")),
    # Chat
    ([("irc", b":irc.example 001 wfcheck :Welcome\r\n:irc.example 004 wfcheck irc.example hybrid-8.2.43+dfsg.1 abc\r\n")], ("irc", "ircd-hybrid", "8.2.43", "")),
    ([("irc", b":irc.example 004 wfcheck irc.example UnrealIRCd-6.1.4 abc\r\n")], ("irc", "UnrealIRCd", "6.1.4", "")),
    (greeting(b":irc.znc.in NOTICE AUTH :*** You need to send your password\r\n"), ("irc", "ZNC", "", "")),
    ([("sip", b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP x\r\nServer: Asterisk PBX 20.5.0~dfsg+~cs6.13.40431414-2\r\n\r\n")], ("sip", "Asterisk", "20.5.0", "Debian")),
    ([("sip", b"SIP/2.0 200 OK\r\nServer: kamailio (5.6.3 (x86_64/linux))\r\n\r\n")], ("sip", "Kamailio", "5.6.3", "")),
    ([*greeting(b"200 news.example InterNetNews NNRP server INN 2.7.1 ready (posting ok)\r\n")], ("nntp", "INN", "2.7.1", "")),
    (greeting(b"200 Leafnode NNTP Daemon, version 1.12.0 running at host\r\n"), ("nntp", "Leafnode", "1.12.0", "")),
    (greeting(b"OK MPD 0.23.5\n"), ("mpd", "MPD", "", "")),
    (greeting(b"Asterisk Call Manager/7.0.3\r\n"), ("ami", "Asterisk", "", "")),
    # Machines
    (greeting(b"\r\nHello, this is FRRouting (version 8.4.4).\r\nCopyright"), ("frr", "FRRouting", "8.4.4", "")),
    (greeting(b"<<<check_mk>>>\nVersion: 2.1.0p33\nAgentOS: linux\n"), ("check_mk", "Checkmk Agent", "2.1.0p33", "")),
    (greeting(b"0 server 17.7\n"), ("tinc", "tinc", "", "")),
    ([("epmd", b"\0\0\x11\x11name rabbit at port 25672\n")], ("epmd", "Erlang Port Mapper Daemon", "", "")),
    ([("jdwp", b"JDWP-Handshake"), ("jdwp-version", b"\0\0\0\x50\0\0\0\x01\x80\0\0\0\0\0\x04Java\0\0\0\x0b\0\0\0\0\0\0\0\x0717.0.11\0\0\0\x0fOpenJDK")], ("jdwp", "Java Debug Wire Protocol", "17.0.11", "")),
    ([("ajp", b"AB\0\x01\x09")], ("ajp13", "", "", "")),
    ([("socks", b"\x05\xff")], ("socks5", "", "", "")),
    ([("finger", b"No one logged on.\r\n")], ("finger", "", "", "")),
    ([("ident", b"0, 0 : ERROR : INVALID-PORT\r\n")], ("ident", "", "", "")),
    ([("http", b"GET / HTTP/1.0\r\n\r\n")], ("echo", "", "", "")),
    (greeting(b"28 NOV 2026 18:00:00 UTC\r\n"), ("daytime", "", "", "")),
    # The web
    (greeting(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0d"), ("http", "", "", "")),
    (page(b"Server: nginx/1.18.0 (Ubuntu)"), ("http", "nginx", "1.18.0", "Ubuntu")),
    (page(b"Server: Apache/2.4.6 (CentOS) OpenSSL/1.0.2k-fips PHP/5.4.16"), ("http", "Apache httpd", "2.4.6", "CentOS")),
    (page(b"Server: WSGIServer/0.2 CPython/3.11.2"), ("http", "Python wsgiref", "3.11.2", "")),
    (page(b"Server: Python/3.11 aiohttp/3.8.4"), ("http", "aiohttp", "3.8.4", "")),
    (page(b"Server: TornadoServer/6.2"), ("http", "Tornado", "6.2", "")),
    (page(b"Server: Debian Apt-Cacher NG/3.7.4"), ("http", "Apt-Cacher NG", "3.7.4", "")),
    (page(b"Server: NetData Embedded HTTP Server v1.37.1"), ("http", "Netdata", "1.37.1", "")),
    (page(b"Server: Icinga/r2.13.6-1"), ("http", "Icinga 2", "2.13.6", "")),
    (page(b"Server: MiniServ/2.105"), ("http", "Webmin", "2.105", "")),
    (page(b"Server: CouchDB/3.3.3 (Erlang OTP/25)", b'{"couchdb":"Welcome","version":"3.3.3","git_sha":"x"}'), ("http", "CouchDB", "3.3.3", "")),
    (page(b"Server: Docker/20.10.24+dfsg1 (linux)"), ("http", "Docker Engine", "20.10.24", "Debian")),
    (page(b"X-Powered-By: PHP/8.2.29"), ("http", "PHP", "8.2.29", "")),
    (page(b"X-Powered-By: Express"), ("http", "Express", "", "")),
    (page(b"Via: 1.1 host (squid/6.13)\r\nServer: squid/6.13"), ("http", "Squid", "6.13", "")),
    (page(b"Via: 1.1 varnish (Varnish/7.1)\r\nX-Varnish: 5\r\nServer: nginx"), ("http", "Varnish", "7.1", "")),
    (page(b"kbn-name: k\r\nkbn-version: 7.17.9"), ("http", "Kibana", "7.17.9", "")),
    (page(b"X-Influxdb-Version: v2.7.6"), ("http", "InfluxDB", "2.7.6", "")),
    (page(b"X-Syncthing-Version: v1.19.2"), ("http", "Syncthing", "1.19.2", "")),
    (page(b"Server: MinIO"), ("http", "MinIO", "", "")),
    (page(b"A: b", b'<title>WordPress</title><meta name="generator" content="WordPress 6.4.3" />'), ("http", "WordPress", "6.4.3", "")),
    (page(b"A: b", b'{"neo4j_version":"5.13.0"}'), ("http", "Neo4j", "5.13.0", "")),
    ([("http", NOT_FOUND), *page(b"A: b", b'{"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":"24.0.7"}],"Version":"24.0.7","ApiVersion":"1.43"}', "http-version")], ("http", "Docker Engine", "24.0.7", "")),
    ([("http", NOT_FOUND), *page(b"A: b", b'{\n  "major": "1",\n  "gitVersion": "v1.28.4",\n', "http-version")], ("http", "Kubernetes", "1.28.4", "")),
    ([("http", NOT_FOUND), *page(b"A: b", b'{"kind":"PodList","items":[]}', "http-kubelet")], ("http", "Kubernetes kubelet", "", "")),
    ([*page(b"Location: /login"), *page(b"A: b", b'{"commit":"x","database":"ok","version":"10.4.2"}', "http-grafana")], ("http", "Grafana", "10.4.2", "")),
    ([*page(b"Location: /ui/"), *page(b"A: b", b'{"Config":{"Datacenter":"dc1","Version":"1.8.7+dfsg1"}}', "http-consul")], ("http", "Consul", "1.8.7", "Debian")),
    ([*page(b"Location: /ui/"), *page(b"A: b", b'{"initialized":true,"sealed":false,"version":"1.15.2"}', "http-vault")], ("http", "Vault", "1.15.2", "")),
    ([*page(b"A: b"), *page(b"A: b", b'{"name":"k","version":{"number":"8.11.1","build_hash":"x"}}', "http-kibana")], ("http", "Kibana", "8.11.1", "")),
    ([*page(b"A: b"), *page(b"A: b", b'{"lucene":{"solr-spec-version":"9.4.0"}}', "http-solr")], ("http", "Apache Solr", "9.4.0", "")),
    ([*page(b"A: b", b"Ok.\n"), *page(b"A: b", b"23.8.2.7\n", "http-clickhouse")], ("http", "ClickHouse", "23.8.2.7", "")),
    ([*page(b"Set-Cookie: i_like_gitea=x"), *page(b"A: b", b'{"version":"1.21.1"}', "http-gitea")], ("http", "Gitea", "1.21.1", "")),
    ([*page(b"Set-Cookie: i_like_gitea=x"), *page(b"A: b", b'{"version":"1.21.3+gitea-1"}', "http-gitea")], ("http", "Forgejo", "1.21.3", "")),
    ([*page(b"A: b"), ("http-metrics", OK + b'redis_exporter_build_info{branch="x",version="1.58.0"} 1\n')], ("http", "Prometheus Redis Exporter", "1.58.0", "")),
    ([("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n")], ("http", "HAProxy", "", "")),
    ([("http", b"RTSP/1.0 400 Bad Request\r\nServer: GStreamer RTSP server\r\n\r\n")], ("rtsp", "GStreamer RTSP server", "", "")),
]  # fmt: skip


@pytest.mark.parametrize(("replies", "expected"), ROWS, ids=[f"{one[1][0]}-{one[1][1]}-{place}" for place, one in enumerate(ROWS)])
def test_service_is_recognised(replies: list[tuple[str, bytes]], expected: tuple[str, str, str, str]) -> None:
    found = fingerprint(said(*[reply for reply in replies if reply[1]]))
    assert (found.name, found.product, found.version, found.revision) == expected


@pytest.mark.parametrize(
    ("replies", "facts"),
    [
        ([("smb", smb2(1, 0x0302))], {"smb-signing-off"}),
        ([("smb", smb2(3, 0x0302))], set()),
        ([("smb", smb2(3, 0x0302)), ("smb-1", b"\0\0\0\x25\xffSMBr" + b"\0" * 27 + b"\x11\0\0")], {"smb1"}),
        ([("smb", smb2(3, 0x0302)), ("smb-1", b"\0\0\0\x25\xffSMBr" + b"\0" * 27 + b"\x01\xff\xff")], set()),
        ([("greeting", b"RFB 003.008\n"), ("vnc-security", b"\x01\x01")], {"vnc-none"}),
        ([("greeting", b"RFB 003.008\n"), ("vnc-security", b"\x02\x02\x13")], set()),
        ([("greeting", b"@RSYNCD: 31.0\n"), ("rsync-modules", b"data           \tmy files\n@RSYNCD: EXIT\n")], {"rsync-modules"}),
        ([("greeting", b"@RSYNCD: 31.0\n"), ("rsync-modules", b"@RSYNCD: EXIT\n")], set()),
        ([("greeting", b"220 x FTP\r\n"), ("ftp-user", b"331 ok\r\n"), ("ftp-anonymous", b"230 in\r\n")], {"anonymous-ftp"}),
        ([("greeting", b"220 x FTP\r\n"), ("ftp-user", b"331 ok\r\n"), ("ftp-anonymous", b"530 no\r\n")], set()),
        ([("rdp", rdp(2, 0, 2))], set()),
        ([("rdp", rdp(2, 0, 1))], {"rdp-no-nla"}),
        ([("x11", x11(12101007))], {"no-authentication"}),
        ([("mqtt", b"\x20\x02\0\0")], {"no-authentication"}),
        ([("mqtt", b"\x20\x02\0\x05")], set()),
        ([("mongodb", mongo(version="7.0.1")), ("mongodb-names", mongo(x="") + b"\x04databases\0")], {"no-authentication"}),
        ([("mongodb", mongo(version="7.0.1")), ("mongodb-names", mongo(errmsg="requires authentication"))], set()),
        ([("cassandra", cassandra(6, b"\0\0")), ("cassandra-startup", cassandra(3, b"x"))], set()),
        ([("greeting", mysql(b"8.0.1", 0xF7FF))], {"no-tls"}),
        ([("greeting", mysql(b"8.0.1", 0xFFFF))], {"tls-offered"}),
        ([("greeting", b"220 x ESMTP Postfix\r\n"), ("ehlo", b"250-x\r\n250 STARTTLS\r\n")], {"starttls"}),
        ([("greeting", b"220 x ESMTP Postfix\r\n"), ("ehlo", b"250 x\r\n")], {"no-tls"}),
        ([("http", OK + b"A: b\r\n\r\n{}"), ("http-couchdb", OK + b"A: b\r\n\r\n[]")], {"no-authentication"}),
        ([("http", OK + b"A: b\r\n\r\n{}"), ("http-couchdb", b"HTTP/1.1 401 Unauthorized\r\n\r\n[]")], set()),
    ],
)
def test_facts_are_what_was_seen(replies: list[tuple[str, bytes]], facts: set[str]) -> None:
    assert set(fingerprint(said(*replies)).facts) == facts


def test_service_that_started_tls_later_keeps_its_name() -> None:
    answer = said(("greeting", b"220 x ESMTP Postfix\r\n")).model_copy(update={"tls": TlsAnswer(version="TLSv1.3"), "starttls": "smtp"})
    found = fingerprint(answer)
    assert (found.name, found.tls_version) == ("smtp", "TLSv1.3")
    assert "starttls" in found.facts


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Apache/2.4.71 (Debian)", "Debian"), ("mail.debian.org ESMTP", ""), ("OpenSSH_9.2p1 Debian-2+deb12u10", "Debian-2+deb12u10"),
     ("10.11.19-MariaDB-0+deb12u1", "0+deb12u1"), ("2.4.37 (Rocky Linux)", "Rocky"), ("", "")],
)  # fmt: skip
def test_revision_is_only_what_a_distribution_says(text: str, expected: str) -> None:
    assert revision(text) == expected


def test_ntlm_challenge_names_the_machine() -> None:
    found = challenge(b"junk" + ntlm(10, 0, 14393, "DC01"))
    assert found is not None
    assert b"computer DC01" in found.evidence
    assert challenge(ntlm(10, 0, 1)[:40]) is None


PROBE_NAMES = st.sampled_from(["greeting", *(probe.name for probe in PROBES)])
STARTS = st.sampled_from([b"", *(row[0][0][1][:40] for row in ROWS), *(reply[1][:12] for row in ROWS for reply in row[0])])
REPLIES = st.lists(
    st.tuples(PROBE_NAMES, st.builds(lambda start, rest: start + rest, STARTS, st.binary(max_size=600))), min_size=1, max_size=4
)


@settings(max_examples=400, deadline=None)
@given(REPLIES)
def test_no_bytes_break_recognition(replies: list[tuple[str, bytes]]) -> None:
    found = fingerprint(said(*[(probe, data[:4096]) for probe, data in replies]))
    assert all(one.isprintable() for one in (found.evidence, found.product, found.version, found.revision, found.title))
    assert len(found.product) <= 80
    assert len(found.version) <= 50


@pytest.mark.parametrize(
    "filler", [b"A", b"\n", b"220 ", b"HTTP/1.1 200 \r\n", b":a NOTICE ", b"version", b"\0", b"\x04\x0a", b"<title", b"_build_info{"]
)
def test_hostile_bytes_cost_little_time(filler: bytes) -> None:
    for probe in ("greeting", "http", "http-version", "http-metrics", "ldap", "irc", "dns", "smb"):
        for start in (b"", b"HTTP/1.1 200 OK\r\n", b"220 ", b"* OK ", b":a 004 "):
            answer = Said.by(said((probe, (start + filler * 4096)[:4096])))
            began = time.process_time()
            for reader in READERS:
                reader(answer)
            assert time.process_time() - began < 0.5
