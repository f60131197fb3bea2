"""Recognise databases and stores that do not speak HTTP. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from watchfloor.capabilities.scans.engine.fingerprint.match import (
    ANY,
    CERTAIN,
    LIKELY,
    Match,
    Reader,
    Said,
    by_signs,
    revision,
    sign,
    text,
)
from watchfloor.capabilities.scans.engine.text import escape

V = rb"(?P<v>\d[\w.]{0,24})"
SSL_CAPABILITY = 0x0800

# The Redis version that others report is the one they are compatible with, not their own.
REDIS_KINDS = (
    (re.compile(rb"\r\nvalkey_version:(\d[\w.-]{0,24})"), "Valkey"),
    (re.compile(rb"\r\ndragonfly_version:(?:df-)?v?(\d[\w.-]{0,24})"), "Dragonfly"),
    (re.compile(rb"\r\ngarnet_version:(\d[\w.-]{0,24})"), "Garnet"),
    (re.compile(rb"\r\nkvrocks_version:(\d[\w.-]{0,24})"), "Apache Kvrocks"),
    (re.compile(rb"\r\nredict_version:(\d[\w.-]{0,24})"), "Redict"),
)
KEYDB = re.compile(rb"\r\n(?:executable:[^\r\n]{0,200}keydb|server_name:keydb|mvcc_depth:)")
REDIS_VERSION = re.compile(rb"\r\nredis_version:(\d[\w.-]{0,24})")


def _redis(said: Said) -> Match | None:
    for reply in said.replies:
        if reply.probe == "redis" and reply.data.startswith(b"$"):
            return _redis_info(reply.data)
    for data in (reply.data for reply in said.replies if reply.probe in {"redis", "http"}):
        if data.startswith(b"-DENIED") and b"protected mode" in data:
            return Match(name="redis", product="Redis", evidence=data[:80], facts=("protected-mode",))
        if data.startswith((b"-NOAUTH", b"-NOPERM")):
            return Match(name="redis", product="Redis", evidence=data[:80], confidence=LIKELY + 1)
    for data in (reply.data for reply in said.replies if reply.probe in {"redis", "http"}):
        if re.match(
            rb"-ERR (?:wrong number of arguments for '(?:get|GET)'|unknown command|operation not permitted)|-LOADING|-MASTERDOWN", data
        ):
            return Match(name="redis", product="Redis", evidence=data[:80], confidence=LIKELY)
    return None


def _redis_info(data: bytes) -> Match | None:
    facts = ("no-authentication", "sentinel") if b"redis_mode:sentinel" in data else ("no-authentication",)
    for pattern, product in REDIS_KINDS:
        found = pattern.search(data)
        if found:
            return Match(name="redis", product=product, version=text(found[1]), evidence=found[0].strip(), facts=facts)
    found = REDIS_VERSION.search(data)
    if found is None:
        return None
    product = "KeyDB" if KEYDB.search(data) else "Redis"
    return Match(name="redis", product=product, version=text(found[1]), evidence=found[0].strip(), facts=facts)


def _mysql(said: Said) -> Match | None:
    for reply in said.replies:
        found = _mysql_packet(reply.data) if reply.probe in {"greeting", "http"} else None
        if found:
            return found
    return None


def _mysql_packet(data: bytes) -> Match | None:
    if len(data) < 8 or data[3] != 0 or int.from_bytes(data[:3], "little") > len(data):  # noqa: PLR2004 - a packet's header
        return None
    if data[4] == 0xFF:  # noqa: PLR2004 - an error packet: this client may not connect
        known = re.search(rb"MariaDB|MySQL", data)
        return Match(name="mysql", product=known[0].decode("ascii"), evidence=data[7:], confidence=LIKELY) if known else None
    version, end, rest = data[5:105].partition(b"\0")
    if data[4] != 10 or not end or not re.match(rb"\d+\.\d+", version):  # noqa: PLR2004 - protocol 10
        return None
    words = escape(version, 100)
    # Behind it: thread (4), salt (8), a zero, and the lower half of the capabilities.
    speaks_tls = len(rest) > 14 and int.from_bytes(rest[13:15], "little") & SSL_CAPABILITY  # noqa: PLR2004 - those fields
    facts = ("tls-offered",) if speaks_tls else ("no-tls",)
    product, number = _mysql_kind(words)
    package = re.search(r"-((?:\d?\+)?(?:\d{1,2}\+)?(?:deb|ubuntu|el)\d[\w.~+]*|\d+\+deb[\w.]*|\d*ubuntu[\w.]*)", words)
    return Match(
        name="mysql", product=product, version=number, revision=package[1] if package else revision(words), evidence=version, facts=facts,
    )  # fmt: skip


def _mysql_kind(words: str) -> tuple[str, str]:
    """Return product and version of a handshake's version text; MariaDB puts 5.5.5- before its own so that old replicas accept it."""
    if "MariaDB" in words or "mariadb" in words:
        real = re.match(r"(?:5\.5\.5-)?(\d+\.\d+\.\d+)", words)
        return "MariaDB", real[1] if real else ""
    tidb = re.search(r"TiDB-v?(\d[\d.]*)", words)
    if tidb:
        return "TiDB", tidb[1]
    other = re.search(r"(?i)(proxysql|vitess|manticore|sphinx|starrocks|doris|dolt|clickhouse|oceanbase|percona)", words)
    real = re.match(r"(\d+\.\d+\.\d+)", words)
    if other:
        names = {
            "proxysql": "ProxySQL",
            "vitess": "Vitess",
            "manticore": "Manticore Search",
            "sphinx": "Sphinx",
            "percona": "Percona Server",
        }
        kind = other[1].lower()
        own = kind in {"percona", "manticore", "sphinx"} and real
        return names.get(kind, other[1]), real[1] if own and real else ""
    # A commit after the number, without the words of MySQL's own builds, is what Sphinx and Manticore send.
    if re.match(r"\d+\.\d+\.\d+ [0-9a-f]{7,9}@\d{6,8}|\d+\.\d+\.\d+-(?:id64-)?(?:release|dev|beta) \([0-9a-f]{7}\)", words):
        return "Sphinx" if "id64" in words or "release" in words else "Manticore Search", real[1] if real else ""
    return "MySQL", real[1] if real else ""


# Who refuses a protocol that never existed in which words.
REFUSALS = (
    (re.compile(rb"\0F(?:pcp_worker|pool_\w{1,30})\.c\0"), "Pgpool-II", CERTAIN),
    (
        re.compile(rb"\0F(?:postmaster|backend_startup)\.c\0|\0RProcessStartupPacket|unsupported frontend protocol \d"),
        "PostgreSQL",
        CERTAIN,
    ),
    (re.compile(rb"unknown protocol version|(?i:cockroach)"), "CockroachDB", LIKELY),
    (re.compile(rb"(?i:pgbouncer)|no such user|bad packet header|unsupported (?:startup )?(?:pkt|protocol) "), "PgBouncer", LIKELY),
)


def _postgresql(said: Said) -> Match | None:
    first, refusal, session = said.to("postgresql"), said.to("postgresql-startup"), said.to("postgresql-trust")
    if first not in {b"S", b"N"} and not first.startswith(b"E\0\0"):
        return None
    facts = () if first.startswith(b"E") else ("tls-offered",) if first == b"S" else ("no-tls",)
    evidence = b"SSLRequest answered with " + first[:60]
    if re.match(rb"R\0\0\0\x08\0\0\0\0", session):
        return _postgresql_open(session, facts)
    refusal = refusal or first
    for pattern, product, confidence in REFUSALS:
        if pattern.search(refusal):
            return Match(name="postgresql", product=product, evidence=_fields(refusal), confidence=confidence, facts=facts)
    return Match(name="postgresql", product="PostgreSQL", evidence=evidence, confidence=LIKELY, facts=facts)


def _postgresql_open(session: bytes, facts: tuple[str, ...]) -> Match:
    """Return what a server that asks for no password tells of itself."""
    found = re.search(rb"server_version\0(\d[\w.]{0,20})([^\0]{0,80})\0", session)
    more = (*facts, "no-password")
    if not found:
        return Match(name="postgresql", product="PostgreSQL", evidence=b"AuthenticationOk", confidence=LIKELY, facts=more)
    package = re.search(rb"\((?:Debian|Ubuntu) ([\w.+~:-]{1,60})\)", found[2])
    return Match(
        name="postgresql", product="PostgreSQL", version=text(found[1]), facts=more,
        revision=text(package[1], 80) if package else revision(found[2]), evidence=b"server_version " + found[1] + found[2],
    )  # fmt: skip


def _fields(error: bytes) -> bytes:
    """Return the fields of an error for people."""
    return b" ".join(part for part in error[5:300].split(b"\0") if part)


def _mongodb(said: Said) -> Match | None:
    built, names = said.to("mongodb"), said.to("mongodb-names")
    if built[12:16] != b"\xdd\x07\0\0":
        page = said.to("http")
        if b"It looks like you are trying to access MongoDB over HTTP" in page:
            return Match(name="mongodb", product="MongoDB", evidence=page[-120:], confidence=LIKELY)
        return None
    found = re.search(rb"\x02version\0....([\w.-]{1,30})\0", built, re.DOTALL)
    facts = ("no-authentication",) if re.search(rb"\x04databases\0", names) else ()
    ferret = b"ferretdb" in built.lower()
    version = text(found[1]) if found else ""
    return Match(
        name="mongodb", product="FerretDB" if ferret else "MongoDB", version="" if ferret else version,
        evidence=b"buildInfo version " + (found[1] if found else b"?"), facts=facts,
    )  # fmt: skip


def _cassandra(said: Said) -> Match | None:
    options, started, told = said.to("cassandra"), said.to("cassandra-startup"), said.to("cassandra-version")
    if not re.match(rb"[\x81-\x86]...[\0\x06]", options, re.DOTALL):
        return None
    if options[4] == 0 and b"protocol version" not in options:
        return None
    facts = ("no-authentication",) if started[4:5] == b"\x02" else ()
    found = re.search(rb"release_version\0\x0d\0\0\0\x01\0\0\0[\x01-\x28]([\w.-]{1,40})", told)
    product = "ScyllaDB" if b"SCYLLA_" in options else "Apache Cassandra"
    # Scylla reports the Cassandra release that it is compatible with.
    version = text(found[1]) if found and product != "ScyllaDB" else ""
    return Match(name="cassandra", product=product, version=version, evidence=found[0][-60:] if found else options[9:200], facts=facts)


SIGNS = (
    sign(("memcached",), rb"VERSION " + V, "memcached", "memcached", "no-authentication"),
    sign(("memcached",), rb"CLIENT_ERROR unauthenticated", "memcached", "memcached"),
    sign(("zookeeper",), rb"Zookeeper version: (?P<v>\d[\d.]{0,20})", "zookeeper", "ZooKeeper", "no-authentication"),
    sign(("zookeeper",), rb"srvr is not executed because it is not in the whitelist|This ZooKeeper instance is not currently serving", "zookeeper", "ZooKeeper"),
    sign(("greeting", "http"), rb"Tarantool (?P<v>\d[\w.]{0,24})[^\r\n]{0,40} \(Binary\)", "tarantool", "Tarantool"),
    sign(("oracle",), rb".{8,600}?\(VSNNUM=\d+\)", "oracle", "Oracle Database"),
    sign(("oracle",), rb".{8,600}?\(DESCRIPTION=", "oracle", "Oracle Database"),
    sign(("http",), rb"HTTP/1\.0 400 Bad Request\r\n\r\nPort \d+ is for clickhouse-client program", "clickhouse", "ClickHouse"),
    sign(ANY, rb"\{\"(?:type|t)\":\"?hello\"?[^\r\n]{0,200}rethinkdb|ERROR: Received an unsupported protocol version", "rethinkdb", "RethinkDB"),
    sign(("firebird",), rb"\0\0\0[\x03\x04\x09\x5c\x5e\x62].{2,20}", "firebird", "Firebird"),
    sign(("greeting",), rb"\0\0\0\x01\Z", "sphinxapi", "Sphinx", confidence=60),
)  # fmt: skip


def _tds(said: Said) -> Match | None:
    """Read the exact build from the answer before sign-in. Source: MS-TDS 2.2.6.5."""
    data = said.to("tds")
    if not data.startswith(b"\x04\x01\0"):
        return None
    options, place = data[8:], 0
    while place + 5 <= len(options) and options[place] != 0xFF:  # noqa: PLR2004 - the terminator
        start, size = int.from_bytes(options[place + 1 : place + 3], "big"), int.from_bytes(options[place + 3 : place + 5], "big")
        value = options[start : start + size]
        if options[place] == 0 and len(value) >= 4:  # noqa: PLR2004 - major, minor, build
            version = f"{value[0]}.{value[1]}.{int.from_bytes(value[2:4], 'big')}"
            return Match(name="mssql", product="Microsoft SQL Server", version=version, evidence=f"prelogin version {version}".encode())
        place += 5
    return Match(name="mssql", product="Microsoft SQL Server", evidence=data[:40], confidence=LIKELY)


def _signs(said: Said) -> Match | None:
    found = by_signs(said, SIGNS)
    if found and found.product == "Oracle Database":
        number = re.search(rb"\(VSNNUM=(\d{6,10})\)", said.to("oracle"))
        return replace(found, version=_oracle(int(number[1])) if number else "", confidence=CERTAIN)
    return found


def _oracle(number: int) -> str:
    """Return a listener's version; from 18 on the fields are laid out differently."""
    major = number >> 24
    if major >= 18:  # noqa: PLR2004 - the release that changed it
        return f"{major}.{number >> 16 & 0xFF}.{number >> 12 & 0xF}.{number >> 4 & 0xFF}.{number & 0xF}"
    return f"{major}.{number >> 20 & 0xF}.{number >> 12 & 0xFF}.{number >> 8 & 0xF}.{number & 0xFF}"


READERS: tuple[Reader, ...] = (_redis, _mysql, _postgresql, _mongodb, _cassandra, _tds, _signs)
