"""Say what answers on a port from the bytes it sent: service, product, version, and the evidence for it. Pure.

Patterns are our own, anchored, without nested quantifiers, and see at most 4 KiB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import certificate
from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import PortAnswer, Reply, Service, TlsAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CERTAIN, LIKELY, GUESS = 95, 80, 30


@dataclass(frozen=True, kw_only=True)
class Match:
    """What one reply says."""

    name: str
    product: str = ""
    version: str = ""
    revision: str = ""
    evidence: bytes = b""
    confidence: int = CERTAIN
    title: str = ""
    facts: tuple[str, ...] = field(default=())


# Vendor and product as the NVD names them.
CPE = {
    "OpenSSH": "openbsd:openssh", "Dropbear": "dropbear_ssh_project:dropbear_ssh", "libssh": "libssh:libssh", "nginx": "f5:nginx",
    "Apache httpd": "apache:http_server", "lighttpd": "lighttpd:lighttpd", "Microsoft IIS": "microsoft:internet_information_services",
    "Jetty": "eclipse:jetty", "Exim": "exim:exim", "Postfix": "postfix:postfix", "vsftpd": "vsftpd_project:vsftpd",
    "ProFTPD": "proftpd:proftpd", "Pure-FTPd": "pureftpd:pure-ftpd", "Dovecot": "dovecot:dovecot", "Redis": "redis:redis",
    "Valkey": "lfprojects:valkey", "MySQL": "oracle:mysql", "MariaDB": "mariadb:mariadb", "PostgreSQL": "postgresql:postgresql",
    "memcached": "memcached:memcached", "ZooKeeper": "apache:zookeeper", "Elasticsearch": "elastic:elasticsearch", "Jenkins": "jenkins:jenkins",
    "OpenSearch": "amazon:opensearch", "Squid": "squid-cache:squid", "Apache Tomcat": "apache:tomcat", "Caddy": "caddyserver:caddy",
}  # fmt: skip

SERVERS = (
    (re.compile(rb"nginx(?:/(\d[\d.]{0,20}))?"), "nginx"),
    (re.compile(rb"Apache-Coyote"), "Apache Tomcat"),
    (re.compile(rb"Apache(?:/(\d[\d.]{0,20}))?(?![\w-])"), "Apache httpd"),
    (re.compile(rb"lighttpd(?:/(\d[\d.]{0,20}))?"), "lighttpd"),
    (re.compile(rb"Microsoft-IIS(?:/(\d[\d.]{0,20}))?"), "Microsoft IIS"),
    (re.compile(rb"Jetty\((\d[\d.]{0,20})"), "Jetty"),
    (re.compile(rb"squid(?:/(\d[\d.]{0,20}))?"), "Squid"),
    (re.compile(rb"Caddy"), "Caddy"),
)
GENERIC_SERVER = re.compile(rb"([A-Za-z][\w .+-]{0,40}?)/v?(\d[\w.+-]{0,30})")
TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{0,200})", re.IGNORECASE)
REVISION = re.compile(r"(Debian|Ubuntu|Raspbian)[-_ ]([\w.+~:-]{1,60})")
HEADER_LINES_MAX = 100


def fingerprint(answer: PortAnswer) -> Service:
    """Return what answers; `unknown` with the bytes as evidence when it cannot be told."""
    found = _best(answer.replies)
    tls = answer.tls
    if found is None and tls and tls.version:
        found = Match(name="tls", confidence=LIKELY)
    if found is None:
        said = answer.replies[0].data if answer.replies else b""
        found = Match(name="unknown", evidence=said, confidence=0)
    return Service(
        port=answer.port,
        name=_under_tls(found.name) if tls and tls.version else found.name,
        product=found.product,
        version=found.version,
        revision=found.revision,
        cpe=cpe(found.product, found.version),
        confidence=found.confidence,
        evidence=escape(found.evidence),
        title=found.title,
        facts=found.facts,
        **_tls(tls),
    )


def _tls(tls: TlsAnswer | None) -> dict[str, object]:
    if tls is None or not tls.version:
        return {}
    leaf = certificate.read(tls.certificate) if tls.certificate else None
    return {"tls_version": tls.version, "tls_cipher": escape(tls.cipher, 80), "tls_oldest": tls.oldest, "certificate": leaf}


def _under_tls(name: str) -> str:
    return {"http": "https", "imap": "imaps", "pop3": "pop3s", "smtp": "smtps", "ftp": "ftps", "redis": "redis-tls"}.get(name, name)


def cpe(product: str, version: str) -> str:
    """Return the CPE 2.3 name of a product we know, else nothing."""
    if product not in CPE:
        return ""
    main, _, update = version.partition("p") if product == "OpenSSH" else (version, "", "")
    escaped = re.sub(r"([^\w.])", r"\\\1", main) or "*"
    return f"cpe:2.3:a:{CPE[product]}:{escaped}:{'p' + update if update else '*'}:*:*:*:*:*:*"


def _best(replies: tuple[Reply, ...]) -> Match | None:
    matches = [match for reply in replies for match in _matches(reply)]
    return max(matches, key=lambda one: (one.confidence, bool(one.version)), default=None)


def _matches(reply: Reply) -> Iterator[Match]:
    for reader in READERS:
        found = reader(reply)
        if found is not None:
            yield found
            return


def _ssh(reply: Reply) -> Match | None:
    found = re.search(rb"(?:^|\n)SSH-(\d\.\d{1,2})-([^\r\n]{1,200})", reply.data[:1024])
    if not found:
        return None
    software = escape(found[2], 200)
    known = re.match(r"(OpenSSH|dropbear|libssh)[-_](\d[\w.]*)", software)
    facts = ("ssh-1",) if found[1].startswith(b"1.") and found[1] != b"1.99" else ()
    if not known:
        return Match(name="ssh", product=re.split(r"[-_ /]", software)[0][:60], evidence=found[0].strip(), facts=facts)
    product = {"dropbear": "Dropbear"}.get(known[1], known[1])
    return Match(name="ssh", product=product, version=known[2], revision=_revision(software), evidence=found[0].strip(), facts=facts)


def _revision(text: str) -> str:
    found = REVISION.search(text)
    return f"{found[1]}-{found[2]}" if found else ""


def _http(reply: Reply) -> Match | None:
    if not re.match(rb"HTTP/\d(?:\.\d)? \d{3}", reply.data):
        return None
    head, _, body = reply.data.partition(b"\r\n\r\n")
    headers = _headers(head)
    title = TITLE.search(body)
    product, version = _application(headers, body) or _server(headers.get(b"server", b""))
    server = headers.get(b"server", b"")
    return Match(
        name="http",
        product=product,
        version=version,
        revision=_revision(escape(server)),
        evidence=head.partition(b"\r\n")[0] + (b" | Server: " + server if server else b""),
        confidence=CERTAIN if product else LIKELY,
        title=escape(title[1], 120) if title else "",
        facts=("basic-authentication",) if headers.get(b"www-authenticate", b"").lower().startswith(b"basic") else (),
    )


def _headers(head: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:HEADER_LINES_MAX])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _application(headers: dict[bytes, bytes], body: bytes) -> tuple[str, str] | None:
    """Return what the page itself says it is: more telling than the Server header of whatever stands before it."""
    if b"x-jenkins" in headers:
        return "Jenkins", escape(headers[b"x-jenkins"], 30)
    number = re.search(rb'"number"\s{0,3}:\s{0,3}"(\d[\w.]{0,20})"', body)
    if number and b'"cluster_name"' in body:
        return ("OpenSearch" if b'"distribution"' in body else "Elasticsearch"), number[1].decode("ascii")
    return None


def _server(server: bytes) -> tuple[str, str]:
    for pattern, product in SERVERS:
        found = pattern.match(server)
        if found:
            version = found[1] if pattern.groups else None
            return product, (version or b"").decode("ascii")
    generic = GENERIC_SERVER.match(server[:200])
    if generic:
        return escape(generic[1], 60), escape(generic[2], 40)
    return escape(server, 60), ""


def _redis(reply: Reply) -> Match | None:
    data = reply.data
    # Valkey also reports the Redis version that it is compatible with.
    version = re.search(rb"valkey_version:(\d[\d.]{0,20})", data) or re.search(rb"redis_version:(\d[\d.]{0,20})", data)
    if reply.probe == "redis" and version:
        product = "Valkey" if version[0].startswith(b"valkey") else "Redis"
        return Match(name="redis", product=product, version=version[1].decode("ascii"), evidence=version[0], facts=("no-authentication",))
    if data.startswith(b"-NOAUTH") or (reply.probe == "redis" and data.startswith(b"-NOPERM")):
        return Match(name="redis", product="Redis", evidence=data[:80], confidence=LIKELY + 1)
    if data.startswith(b"-DENIED") and b"protected mode" in data:
        return Match(name="redis", product="Redis", evidence=data[:80], facts=("protected-mode",))
    if re.match(rb"-ERR wrong number of arguments for '(?:get|GET)' command", data):
        return Match(name="redis", product="Redis", evidence=data[:80], confidence=LIKELY)
    return None


def _mysql(reply: Reply) -> Match | None:
    data = reply.data
    if len(data) < 8 or data[3] != 0 or int.from_bytes(data[:3], "little") > len(data):  # noqa: PLR2004 - a packet's header
        return None
    if data[4] == 0xFF:  # noqa: PLR2004 - an error packet: this client may not connect
        known = re.search(rb"MariaDB|MySQL", data)
        return Match(name="mysql", product=known[0].decode("ascii"), evidence=data[7:], confidence=LIKELY) if known else None
    version, end, _ = data[5:85].partition(b"\0")
    if data[4] != 10 or not end or not re.match(rb"\d+\.\d+", version):  # noqa: PLR2004 - protocol 10
        return None
    text = escape(version, 80)
    # MariaDB puts 5.5.5- before its version so that old replicas accept it.
    real = re.match(r"(?:5\.5\.5-)?(\d+\.\d+\.\d+)", text)
    product = "MariaDB" if "MariaDB" in text else "MySQL"
    package = re.search(r"-(\d?\+?(?:deb|ubuntu)[\w.~+]*|0\+deb[\w.]*)", text)
    return Match(
        name="mysql", product=product, version=real[1] if real else "", revision=package[1] if package else "", evidence=version,
    )  # fmt: skip


def _postgresql(reply: Reply) -> Match | None:
    if reply.probe == "postgresql" and reply.data in {b"S", b"N"}:
        facts = ("tls-offered",) if reply.data == b"S" else ("no-tls",)
        return Match(name="postgresql", product="PostgreSQL", evidence=b"SSLRequest answered with " + reply.data, facts=facts)
    return None


def _memcached(reply: Reply) -> Match | None:
    found = re.match(rb"VERSION (\d[\w.]{0,20})\r\n", reply.data) if reply.probe == "memcached" else None
    if not found:
        return None
    return Match(name="memcached", product="memcached", version=found[1].decode("ascii"), evidence=found[0], facts=("no-authentication",))


def _zookeeper(reply: Reply) -> Match | None:
    found = re.match(rb"Zookeeper version: (\d[\d.]{0,20})", reply.data)
    if not found:
        return None
    return Match(name="zookeeper", product="ZooKeeper", version=found[1].decode("ascii"), evidence=found[0], facts=("no-authentication",))


def _vnc(reply: Reply) -> Match | None:
    found = re.match(rb"RFB (\d{3}\.\d{3})\n", reply.data)
    return Match(name="vnc", evidence=found[0], facts=()) if found else None


def _telnet(reply: Reply) -> Match | None:
    # IAC followed by WILL, WONT, DO or DONT.
    if re.match(rb"\xff[\xfb-\xfe]", reply.data):
        return Match(name="telnet", evidence=reply.data[:60])
    return None


@dataclass(frozen=True)
class Greeting:
    """How a product introduces itself; group 1 of the pattern is its version."""

    pattern: re.Pattern[bytes]
    name: str
    product: str = ""


GREETINGS = (
    Greeting(re.compile(rb"220[ -][^\r\n]{0,200}?ESMTP Exim (\d[\w.]{0,20})"), "smtp", "Exim"),
    Greeting(re.compile(rb"220[ -][^\r\n]{0,200}?ESMTP Postfix"), "smtp", "Postfix"),
    Greeting(re.compile(rb"220[ -][^\r\n]{0,200}?ESMTP OpenSMTPD"), "smtp", "OpenSMTPD"),
    Greeting(re.compile(rb"220[ -][^\r\n]{0,200}?Microsoft ESMTP MAIL Service"), "smtp", "Microsoft Exchange"),
    Greeting(re.compile(rb"220[ -][^\r\n]{0,200}?E?SMTP"), "smtp"),
    Greeting(re.compile(rb"220[ -]\(vsFTPd (\d[\w.]{0,20})\)"), "ftp", "vsftpd"),
    Greeting(re.compile(rb"220[ -]ProFTPD (?:(\d[\w.]{0,20}))?"), "ftp", "ProFTPD"),
    Greeting(re.compile(rb"220[ -][^\r\n]{0,100}?Pure-FTPd"), "ftp", "Pure-FTPd"),
    Greeting(re.compile(rb"220[ -][^\r\n]{0,100}?FileZilla Server(?: version)? ?(\d[\w.]{0,20})?"), "ftp", "FileZilla Server"),
    Greeting(re.compile(rb"220[ -]Microsoft FTP Service"), "ftp", "Microsoft FTP"),
    Greeting(re.compile(rb"(?i:220[ -][^\r\n]{0,200}?ftp)"), "ftp"),
    Greeting(re.compile(rb"\+OK[^\r\n]{0,100}?Dovecot"), "pop3", "Dovecot"),
    Greeting(re.compile(rb"\+OK[ \r\n]"), "pop3"),
    Greeting(re.compile(rb"\* (?:OK|PREAUTH)[^\r\n]{0,300}?Dovecot"), "imap", "Dovecot"),
    Greeting(re.compile(rb"\* (?:OK|PREAUTH)[^\r\n]{0,300}?Cyrus IMAP(?: v?(\d[\w.]{0,20}))?"), "imap", "Cyrus IMAP"),
    Greeting(re.compile(rb"\* (?:OK|PREAUTH)[ \r\n]"), "imap"),
    Greeting(re.compile(rb"@RSYNCD: (\d[\d.]{0,10})"), "rsync"),
    Greeting(re.compile(rb"(?i:[^\r\n]{0,60}\r?\n?[^\r\n]{0,60}login:\s*$)"), "telnet"),
)


def _greeting(reply: Reply) -> Match | None:
    if reply.probe != "greeting":
        return None
    for one in GREETINGS:
        found = one.pattern.match(reply.data[:600])
        if found:
            version = found[1] if one.pattern.groups and one.product else None
            line = reply.data.partition(b"\n")[0].strip()
            confidence = CERTAIN if one.product else LIKELY
            return Match(
                name=one.name, product=one.product, version=(version or b"").decode("ascii"), revision=_revision(escape(line)), evidence=line,
                confidence=confidence,
            )  # fmt: skip
    return None


READERS: tuple[Callable[[Reply], Match | None], ...] = (
    _ssh, _http, _redis, _postgresql, _memcached, _zookeeper, _vnc, _telnet, _mysql, _greeting,
)  # fmt: skip
