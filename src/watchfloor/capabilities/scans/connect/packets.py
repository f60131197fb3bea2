"""Build the few binary questions of probes.py from their fields, so that each can be read and checked."""

from __future__ import annotations

import struct
import zlib

CLIENT = b"watchfloor"


def ber(tag: int, *parts: bytes) -> bytes:
    """Return one BER element of at most 65,535 bytes."""
    body = b"".join(parts)
    if len(body) < 0x80:  # noqa: PLR2004 - the short form
        return bytes((tag, len(body))) + body
    return bytes((tag, 0x82)) + struct.pack("!H", len(body)) + body


def root_dse() -> bytes:
    """Return an LDAP search of the root entry. Source: RFC 4511, RFC 4512 section 5.1."""
    wanted = (
        b"*", b"+", b"vendorName", b"vendorVersion", b"namingContexts", b"supportedLDAPVersion", b"objectClass", b"dnsHostName",
        b"defaultNamingContext", b"domainFunctionality", b"forestFunctionality", b"supportedSASLMechanisms", b"supportedExtension",
    )  # fmt: skip
    attributes = ber(0x30, *(ber(4, name) for name in wanted))
    limits = ber(2, b"\x01"), ber(2, b"\x05"), ber(1, b"\0")
    search = ber(0x63, ber(4), ber(10, b"\0"), ber(10, b"\0"), *limits, ber(0x87, b"objectClass"), attributes)
    return ber(0x30, ber(2, b"\x01"), search)


def ldap_start_tls() -> bytes:
    """Return the LDAP extended operation that starts TLS. Source: RFC 4511 section 4.14."""
    return ber(0x30, ber(2, b"\x02"), ber(0x77, ber(0x80, b"1.3.6.1.4.1.1466.20037")))


def bson(**fields: int | str | bool) -> bytes:
    """Return a BSON document of integers, truth values and strings."""
    body = b""
    for name, value in fields.items():
        key = name.replace("_db", "$db").encode() + b"\0"
        if isinstance(value, bool):
            body += b"\x08" + key + bytes((value,))
        elif isinstance(value, int):
            body += b"\x10" + key + struct.pack("<i", value)
        else:
            text = value.encode() + b"\0"
            body += b"\x02" + key + struct.pack("<i", len(text)) + text
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def mongo(**command: int | str | bool) -> bytes:
    """Return an OP_MSG with one command to the admin database. Source: MongoDB wire protocol."""
    body = struct.pack("<I", 0) + b"\0" + bson(**command, _db="admin")
    return struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body


def dns_chaos(name: str) -> bytes:
    """Return a DNS query over TCP for a TXT record of class CHAOS. Source: RFC 1035, RFC 4892."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    query = struct.pack("!HHHHHH", 0x5746, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 16, 3)
    return struct.pack("!H", len(query)) + query


def smb(message: bytes) -> bytes:
    """Return a message in its NetBIOS session frame."""
    return struct.pack("!I", len(message)) + message


def smb2_header(command: int, number: int) -> bytes:
    """Return the fixed header of an SMB2 request outside a session. Source: MS-SMB2 2.2.1.2."""
    return b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, command, 1, 0, 0, number, 0, 0, 0) + b"\0" * 16


def smb2_negotiate() -> bytes:
    """Return an offer of the dialects 2.0.2 to 3.0.2. Source: MS-SMB2 2.2.3."""
    dialects = (0x0202, 0x0210, 0x0300, 0x0302)
    body = struct.pack("<HHHHI", 36, len(dialects), 1, 0, 0x7F) + b"WATCHFLOORSCANS!" + b"\0" * 8
    return smb(smb2_header(0, 0) + body + struct.pack("<4H", *dialects))


def ntlm_negotiate() -> bytes:
    """Return the first NTLM message, which names no user. Source: MS-NLMP 2.2.1.1."""
    return b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + b"\0" * 16 + b"\x0a\0\0\0\0\0\0\x0f"


def smb2_challenge() -> bytes:
    """Return a session setup that asks for an NTLM challenge and never answers it. Source: MS-SMB2 2.2.5, RFC 4178."""
    token = ber(0xA0, ber(0x30, ber(0xA0, ber(0x30, ber(6, bytes.fromhex("2b06010401823702020a")))), ber(0xA2, ber(4, ntlm_negotiate()))))
    blob = ber(0x60, ber(6, bytes.fromhex("2b0601050502")), token)
    body = struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 64 + 24, len(blob), 0)
    return smb(smb2_header(1, 1) + body + blob)


def smb1_negotiate() -> bytes:
    """Return an offer of SMB1 only. Source: MS-CIFS 2.2.4.52."""
    header = b"\xffSMB" + b"\x72" + b"\0" * 4 + b"\x18" + b"\x01\x28" + b"\0" * 12 + b"\xff\xff" + b"\x57\x46" + b"\0\0" + b"\0\0"
    dialect = b"\x02NT LM 0.12\0"
    return smb(header + b"\0" + struct.pack("<H", len(dialect)) + dialect)


def rdp_negotiate() -> bytes:
    """Return a connection request that offers TLS and network level authentication. Source: MS-RDPBCGR 2.2.1.1."""
    return bytes.fromhex("030000130ee00000000000010008000b000000")


def credssp_challenge() -> bytes:
    """Return a CredSSP request for an NTLM challenge. Source: MS-CSSP 2.2.1."""
    token = ber(0xA1, ber(0x30, ber(0x30, ber(0xA0, ber(4, ntlm_negotiate())))))
    return ber(0x30, ber(0xA0, ber(2, b"\x02")), token)


def tds_prelogin() -> bytes:
    """Return the TDS message before sign-in. Source: MS-TDS 2.2.6.5."""
    options = ((0, b"\x0e\0\0\0\0\0"), (1, b"\x02"), (2, b"\0"), (3, b"\0\0\0\0"), (4, b"\0"))
    offset, table, values = 5 * len(options) + 1, b"", b""
    for kind, value in options:
        table += struct.pack("!BHH", kind, offset + len(values), len(value))
        values += value
    body = table + b"\xff" + values
    return struct.pack("!BBHHBB", 0x12, 1, len(body) + 8, 0, 1, 0) + body


def kafka_versions() -> bytes:
    """Return an ApiVersions request, version 0. Source: Apache Kafka protocol guide."""
    body = struct.pack("!hhih", 18, 0, 1, len(CLIENT)) + CLIENT
    return struct.pack("!i", len(body)) + body


def cassandra(opcode: int, body: bytes = b"") -> bytes:
    """Return a frame of the native protocol, version 4."""
    return struct.pack("!BBhBi", 4, 0, 0, opcode, len(body)) + body


def cassandra_startup() -> bytes:
    """Return a STARTUP with the only option that is required."""
    pair = b"".join(struct.pack("!H", len(one)) + one for one in (b"CQL_VERSION", b"3.0.0"))
    return cassandra(1, b"\0\x01" + pair)


def cassandra_version() -> bytes:
    """Return a QUERY for the server's own release."""
    query = b"SELECT release_version FROM system.local"
    return cassandra(7, struct.pack("!i", len(query)) + query + b"\0\x01\0")


def postgres_startup(protocol: int, **options: str) -> bytes:
    """Return a startup packet. Source: PostgreSQL, message formats."""
    body = struct.pack("!I", protocol) + b"".join(f"{name}\0{value}\0".encode() for name, value in options.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def mqtt_connect() -> bytes:
    """Return a CONNECT of MQTT 3.1.1 without name, password and client id. Source: MQTT 3.1.1 section 3.1."""
    body = b"\0\x04MQTT\x04\x02\0\x0a\0\0"
    return bytes((0x10, len(body))) + body


def mqtt_subscribe(*topics: bytes) -> bytes:
    """Return a SUBSCRIBE with quality of service 0."""
    body = b"\0\x01" + b"".join(struct.pack("!H", len(one)) + one + b"\0" for one in topics)
    return bytes((0x82, len(body))) + body


def rpc_call(program: int, version: int, procedure: int) -> bytes:
    """Return an ONC RPC call without credentials in its TCP record. Source: RFC 5531."""
    body = struct.pack("!IIIIII", 0x57461001, 0, 2, program, version, procedure) + b"\0" * 16
    return struct.pack("!I", 0x80000000 | len(body)) + body


def zabbix(question: bytes) -> bytes:
    """Return a question to a Zabbix agent or server."""
    return b"ZBXD\x01" + struct.pack("<Q", len(question)) + question


def fastcgi_values() -> bytes:
    """Return a FCGI_GET_VALUES record. Source: FastCGI 1.0 section 4.1."""
    body = b"\x0f\0FCGI_MPXS_CONNS"
    return struct.pack("!BBHHBB", 1, 9, 0, len(body), 0, 0) + body


def oracle_version() -> bytes:
    """Return a TNS connect that asks a listener for its version."""
    text = b"(CONNECT_DATA=(COMMAND=version))"
    head = struct.pack("!HHHHHHHHHHIBBQ", 0x0136, 0x012C, 0, 0x0800, 0x7FFF, 0x7F08, 0, 1, len(text), 58, 0, 0, 0, 0) + b"\0" * 16
    size = 8 + len(head) + len(text)
    return struct.pack("!HHBBH", size, 0, 1, 0, 0) + head + text


def erlang_name() -> bytes:
    """Return the first message of a node, version 6. Source: Erlang distribution protocol."""
    name = b"watchfloor@scanner.invalid"
    body = b"N" + struct.pack("!QIH", 0x4_0307_0F94, 1, len(name)) + name
    return struct.pack("!H", len(body)) + body


def nrpe_version() -> bytes:
    """Return the query of NRPE, version 2, that asks for the agent's version."""
    head, text = struct.pack("!hh", 2, 1), b"_NRPE_CHECK".ljust(1024, b"\0")
    checksum = zlib.crc32(head + b"\0" * 4 + b"\0\0" + text + b"\0\0")
    return head + struct.pack("!I", checksum) + b"\0\0" + text + b"\0\0"


def distcc_nothing() -> bytes:
    """Return a job of distcc for a compiler that nobody has. Source: distcc protocol 1."""
    words = (b"watchfloor-no-such-compiler", b"-c", b"none.c", b"-o", b"none.o")
    return b"DIST00000001ARGC%08x" % len(words) + b"".join(b"ARGV%08x%s" % (len(word), word) for word in words) + b"DOTI00000000"


def firebird_connect() -> bytes:
    """Return op_connect with protocol 10 and 13 and no user. Source: Firebird wire protocol."""

    def text(value: bytes) -> bytes:
        return struct.pack("!I", len(value)) + value + b"\0" * (-len(value) % 4)

    offers = b"".join(struct.pack("!IIIII", version, 1, 0, 5, weight) for version, weight in ((10, 2), (0x800D, 4)))
    return struct.pack("!IIII", 1, 19, 3, 1) + text(b"") + struct.pack("!I", 2) + text(b"") + offers
