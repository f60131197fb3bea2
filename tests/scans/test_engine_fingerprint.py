"""Facts about recognising services and reading certificates."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.scans import factories
from watchfloor.capabilities.scans.engine import certificate
from watchfloor.capabilities.scans.engine.fingerprint import cpe, fingerprint
from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import PortAnswer, Reply, TlsAnswer

REDIS_INFO = b"$60\r\n# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n"
VALKEY_INFO = b"$90\r\n# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n"


def mysql(version: bytes) -> bytes:
    body = b"\x0a" + version + b"\0" + b"\x08\0\0\0" + b"salt4567" + b"\0" * 20
    return len(body).to_bytes(3, "little") + b"\0" + body


def page(head: str, body: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("data", "probe", "name", "product", "version"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n", "greeting", "ssh", "OpenSSH", "9.2p1"),
        (b"Welcome\r\nSSH-2.0-dropbear_2022.83\r\n", "greeting", "ssh", "Dropbear", "2022.83"),
        (b"SSH-2.0-libssh_0.10.6\r\n", "greeting", "ssh", "libssh", "0.10.6"),
        (b"SSH-2.0-Go\r\n", "greeting", "ssh", "Go", ""),
        (page("Server: nginx/1.22.1"), "http", "http", "nginx", "1.22.1"),
        (page("server: nginx"), "http", "http", "nginx", ""),
        (page("Server: Apache/2.4.62 (Debian)"), "http", "http", "Apache httpd", "2.4.62"),
        (page("Server: Apache-Coyote/1.1"), "http", "http", "Apache Tomcat", ""),
        (page("Server: lighttpd/1.4.69"), "http", "http", "lighttpd", "1.4.69"),
        (page("Server: Microsoft-IIS/10.0"), "http", "http", "Microsoft IIS", "10.0"),
        (page("Server: Jetty(9.4.50.v20221201)"), "http", "http", "Jetty", "9.4.50"),
        (page("Server: squid/5.7"), "http", "http", "Squid", "5.7"),
        (page("Server: Caddy"), "http", "http", "Caddy", ""),
        (page("Server: SimpleHTTP/0.6 Python/3.11.2"), "http", "http", "Python http.server", "3.11.2"),
        (page("Server: something"), "http", "http", "something", ""),
        (page("X-Jenkins: 2.426.1\r\nServer: Jetty(10.0)"), "http", "http", "Jenkins", "2.426.1"),
        (page("A: b", '{"cluster_name":"x","version":{"number":"8.11.1"}}'), "http", "http", "Elasticsearch", "8.11.1"),
        (
            page("A: b", '{"cluster_name":"x","version":{"distribution":"opensearch","number" : "2.1.0"}}'),
            "http",
            "http",
            "OpenSearch",
            "2.1.0",
        ),
        (page("A: b"), "http-host", "http", "", ""),
        (b"220 mx.example ESMTP Exim 4.96 Mon\r\n", "greeting", "smtp", "Exim", "4.96"),
        (b"220 mx.example ESMTP Postfix (Debian/GNU)\r\n", "greeting", "smtp", "Postfix", ""),
        (b"220 mx.example SMTP ready\r\n", "greeting", "smtp", "", ""),
        (b"220 (vsFTPd 3.0.3)\r\n", "greeting", "ftp", "vsftpd", "3.0.3"),
        (b"220 ProFTPD Server (Debian)\r\n", "greeting", "ftp", "ProFTPD", ""),
        (b"220---------- Welcome to Pure-FTPd [privsep] ----------\r\n", "greeting", "ftp", "Pure-FTPd", ""),
        (b"220 an ftp server\r\n", "greeting", "ftp", "", ""),
        (b"+OK Dovecot (Debian) ready.\r\n", "greeting", "pop3", "Dovecot", ""),
        (b"+OK ready\r\n", "greeting", "pop3", "", ""),
        (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "greeting", "imap", "Dovecot", ""),
        (b"* OK mail Cyrus IMAP 3.6.1-Debian server ready\r\n", "greeting", "imap", "Cyrus IMAP", "3.6.1"),
        (b"* OK hello\r\n", "greeting", "imap", "", ""),
        (b"@RSYNCD: 31.0\n", "greeting", "rsync", "rsync", ""),
        (b"\xff\xfd\x18\xff\xfd\x20", "greeting", "telnet", "", ""),
        (b"router login: ", "greeting", "telnet", "", ""),
        (b"RFB 003.008\n", "greeting", "vnc", "", ""),
        (REDIS_INFO, "redis", "redis", "Redis", "7.0.15"),
        (VALKEY_INFO, "redis", "redis", "Valkey", "8.1.1"),
        (b"-NOAUTH Authentication required.\r\n", "http", "redis", "Redis", ""),
        (b"-NOPERM no\r\n", "redis", "redis", "Redis", ""),
        (b"-DENIED Redis is running in protected mode\r\n", "http", "redis", "Redis", ""),
        (b"-ERR wrong number of arguments for 'get' command\r\n", "http", "redis", "Redis", ""),
        (mysql(b"8.0.36-0ubuntu0.22.04.1"), "greeting", "mysql", "MySQL", "8.0.36"),
        (mysql(b"5.5.5-10.11.19-MariaDB-0+deb12u1"), "greeting", "mysql", "MariaDB", "10.11.19"),
        (mysql(b"9.1-odd"), "greeting", "mysql", "MySQL", ""),
        (
            b"\x48\0\0\0\xffj\x04Host '10.0.0.1' is not allowed to connect to this MariaDB server" + b" " * 10,
            "greeting",
            "mysql",
            "MariaDB",
            "",
        ),
        (b"\x0b\0\0\0\xffj\x04Go away!", "greeting", "unknown", "", ""),
        (b"\x0b\0\0\0\x09zzzzzzzzzz", "greeting", "unknown", "", ""),
        (b"S", "postgresql", "postgresql", "PostgreSQL", ""),
        (b"N", "postgresql", "postgresql", "PostgreSQL", ""),
        (b"VERSION 1.6.18\r\n", "memcached", "memcached", "memcached", "1.6.18"),
        (b"ERROR\r\n", "memcached", "unknown", "", ""),
        (b"Zookeeper version: 3.8.0-1, built on\n", "zookeeper", "zookeeper", "ZooKeeper", "3.8.0"),
        (b"random words\r\n", "http", "unknown", "", ""),
        (b"", "greeting", "unknown", "", ""),
    ],
)
def test_service_is_recognised(data: bytes, probe: str, name: str, product: str, version: str) -> None:
    found = fingerprint(factories.answer(data, probe))
    assert (found.name, found.product, found.version) == (name, product, version)
    assert (found.confidence == 0) == (name == "unknown")


def test_redis_info_outweighs_its_error() -> None:
    replies = (Reply(probe="http", data=b"-ERR wrong number of arguments for 'get' command\r\n"), Reply(probe="redis", data=REDIS_INFO))
    found = fingerprint(PortAnswer(port=6379, replies=replies, looked=True))
    assert (found.version, found.facts) == ("7.0.15", ("no-authentication",))


def test_redis_with_password_has_authentication() -> None:
    replies = (
        Reply(probe="http", data=b"-ERR wrong number of arguments for 'get' command\r\n"),
        Reply(probe="redis", data=b"-NOAUTH x\r\n"),
    )
    found = fingerprint(PortAnswer(port=6379, replies=replies, looked=True))
    assert found.facts == ()
    assert "NOAUTH" in found.evidence


@pytest.mark.parametrize(
    ("data", "revision"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10\r\n", "Debian-2+deb12u10"),
        (b"SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.6\r\n", "Ubuntu-3ubuntu0.6"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", ""),
        (mysql(b"5.5.5-10.11.19-MariaDB-0+deb12u1"), "0+deb12u1"),
    ],
)
def test_package_revision_is_kept(data: bytes, revision: str) -> None:
    assert fingerprint(factories.answer(data)).revision == revision


@pytest.mark.parametrize(
    ("product", "version", "expected"),
    [
        ("OpenSSH", "9.2p1", "cpe:2.3:a:openbsd:openssh:9.2:p1:*:*:*:*:*:*"),
        ("OpenSSH", "9.9", "cpe:2.3:a:openbsd:openssh:9.9:*:*:*:*:*:*:*"),
        ("nginx", "", "cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*"),
        ("Jenkins", "2:1", "cpe:2.3:a:jenkins:jenkins:2\\:1:*:*:*:*:*:*:*"),
        ("own", "1", ""),
    ],
)
def test_cpe_names_vendor_and_product(product: str, version: str, expected: str) -> None:
    assert cpe(product, version) == expected


def test_http_title_and_basic_authentication_are_seen() -> None:
    found = fingerprint(factories.answer(page('WWW-Authenticate: Basic realm="x"', "<html><TITLE lang=en> Router\u202e </title>"), "http"))
    assert found.title == "Router\\u202e"
    assert found.facts == ("basic-authentication",)


@pytest.mark.parametrize("version", ["SSH-1.5-OpenSSH_3.0", "SSH-1.99-OpenSSH_3.0", "SSH-2.0-OpenSSH_3.0"])
def test_ssh_1_is_a_fact_only_without_2(version: str) -> None:
    assert (fingerprint(factories.answer(version.encode() + b"\r\n")).facts == ("ssh-1",)) == version.startswith("SSH-1.5")


def test_service_under_tls_is_named_so() -> None:
    secured = TlsAnswer(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", bits=256)
    assert fingerprint(factories.answer(page("A: b"), "http", tls=secured)).name == "https"
    assert fingerprint(factories.answer(b"SSH-2.0-x\r\n", tls=secured)).name == "ssh"
    assert fingerprint(factories.answer(b"", tls=secured)).name == "tls"
    failed = fingerprint(factories.answer(b"", tls=TlsAnswer(error="WRONG_VERSION_NUMBER")))
    assert (failed.name, failed.tls_version) == ("unknown", "")


def test_control_and_direction_characters_are_escaped() -> None:
    found = fingerprint(factories.answer(b"\x1b[31mred\x00\xff\r\n\xe2\x80\xaetxt"))
    assert found.evidence == "\\x1b[31mred\\x00\\xff\\n\\u202etxt"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("a\u2028b", "a\\u2028b"),
        ("a\U000e0001b", "a\\U000e0001b"),
        ("\x7f\x85", "\\x7f\\x85"),
        (b"\xc3\xa9", "é"),
        ("x" * 500, "x" * 400 + "…"),
    ],
)
def test_escape_keeps_what_is_readable(source: str | bytes, shown: str) -> None:
    assert escape(source) == shown


@given(st.binary(max_size=4096), st.sampled_from(["greeting", "http", "redis", "postgresql", "memcached", "zookeeper"]))
def test_no_bytes_break_recognition(data: bytes, probe: str) -> None:
    found = fingerprint(factories.answer(data, probe, tls=TlsAnswer(version="TLSv1.2", certificate=data[:200])))
    assert found.evidence.isprintable()


@pytest.mark.parametrize(
    "filler", [b"220 ", b"A", b" ", b"HTTP/1.1 200 ", b"<title>", b"\xff\xfb", b"* OK ", b'"number"   ', b"login:", b"\r\n"]
)
def test_patterns_stay_fast_on_hostile_bytes(filler: bytes) -> None:
    for start in (b"", b"220 ", b"* OK ", b"HTTP/1.0 200 OK\r\nServer: ", b"HTTP/1.0 200 OK\r\n\r\n"):
        started = time.process_time()
        fingerprint(factories.answer(start + filler * (10_000 // len(filler))))
        assert time.process_time() - started < 1.0


def test_certificate_is_read() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    found = certificate.read(factories.der(factories.certificate(key, subject="a\x00b", issuer="my CA")))
    assert found is not None
    assert (found.subject, found.issuer) == ("CN=a\\\\00b", "CN=my CA") or "\x00" not in found.subject
    assert found.names == ("localhost", "127.0.0.1")
    assert (found.key_type, found.key_bits, found.signature_hash, found.self_signed) == ("EC", 256, "sha256", False)
    assert (found.not_before, found.not_after) == ("2026-05-02T00:00:00Z", "2027-03-28T00:00:00Z")
    assert len(found.sha256) == 64


@pytest.mark.parametrize(
    ("key", "kind", "bits", "digest"),
    [
        (rsa.generate_private_key(65537, 1024), "RSA", 1024, "sha256"),  # noqa: S505 - weak on purpose
        (dsa.generate_private_key(1024), "DSA", 1024, "sha256"),  # noqa: S505 - weak on purpose
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", 256, ""),
        (ed448.Ed448PrivateKey.generate(), "Ed448", 456, ""),
    ],
)
def test_key_kinds_are_told_apart(key: factories.PrivateKey, kind: str, bits: int, digest: str) -> None:
    found = certificate.read(factories.der(factories.certificate(key, alternatives=False)))
    assert found is not None
    assert (found.key_type, found.key_bits, found.signature_hash, found.self_signed, found.names) == (kind, bits, digest, True, ())


def test_unknown_algorithms_are_facts_not_failures() -> None:
    made = factories.der(factories.certificate(ed25519.Ed25519PrivateKey.generate()))
    # 1.3.101.112 is Ed25519; 1.3.101.99 is nothing.
    found = certificate.read(made.replace(b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x63"))
    assert found is not None
    assert (found.key_type, found.key_bits, found.signature_hash) == ("unknown", 0, "unknown")


def test_years_before_1000_are_written() -> None:
    assert certificate._time(datetime(50, 1, 2, tzinfo=UTC)) == "0050-01-02T00:00:00+00:00"


@pytest.mark.parametrize("data", [b"", b"\x30\x03\x02\x01\x00", b"\xff" * 100])
def test_what_is_no_certificate_is_none(data: bytes) -> None:
    assert certificate.read(data) is None


@given(st.data())
def test_damaged_certificates_never_raise(data: st.DataObject) -> None:
    made = bytearray(DAMAGED)
    for _ in range(data.draw(st.integers(1, 4))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    found = certificate.read(bytes(made))
    assert found is None or found.subject.isprintable()


DAMAGED = factories.der(factories.certificate(ec.generate_private_key(ec.SECP256R1())))
