"""Write ClientHellos of any version and read a server's first flight, however hostile: what the TLS library refuses to speak."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

SSL2, SSL3, TLS10, TLS11, TLS12, TLS13 = "SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"
NUMBERS = {SSL3: 0x0300, TLS10: 0x0301, TLS11: 0x0302, TLS12: 0x0303, TLS13: 0x0304}
NAMES = {number: name for name, number in NUMBERS.items()}
SCSV, RENEGOTIATION_INFO = 0x00FF, 0xFF01  # the question for secure renegotiation and its answer. Source: RFC 5746.

ALERT, HANDSHAKE = 21, 22
SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE = 2, 11, 12, 14
RECORD_MAX, MESSAGE_MAX, FLIGHT_MAX = 18_432, 131_072, 262_144
CERTIFICATES_MAX, CERTIFICATE_MAX, CHAIN_BYTES_MAX = 10, 16_384, 32_768
# DHE_DSS, DHE_RSA and DH_anon suites: their server key exchange shows the size of the group.
DHE = frozenset(
    (
        *range(0x11, 0x1C), 0x32, 0x33, 0x34, 0x38, 0x39, 0x3A, 0x40, 0x44, 0x45, 0x46, 0x63, 0x65, 0x66, 0x67, 0x6A, 0x6B,
        0x6C, 0x6D, 0x87, 0x88, 0x89, 0x99, 0x9A, 0x9B, 0x9E, 0x9F, 0xA2, 0xA3, 0xA6, 0xA7, 0xBD, 0xBE, 0xBF, 0xC3, 0xC4,
        0xC5, 0xC052, 0xC053, 0xC056, 0xC057, 0xC05A, 0xC05B, 0xC07C, 0xC07D, 0xC080, 0xC081, 0xC084, 0xC085, 0xC09E, 0xC09F,
        0xC0A2, 0xC0A3, 0xCC15, 0xCCAA,
    )
)  # fmt: skip


def client_hello(version: str, suites: tuple[int, ...], name: str = "") -> bytes:
    """Return a hello that offers exactly this version and these suites. Source: RFC 5246, RFC 6101, RFC 8446."""
    number = NUMBERS[version]
    old = version != TLS13
    offered = (*suites, SCSV) if old else suites
    body = struct.pack("!H", number if old else NUMBERS[TLS12]) + os.urandom(32)
    body += b"\0" if old else b"\x20" + os.urandom(32)  # middleboxes want a session id with TLS 1.3
    body += _sized("!H", struct.pack(f"!{len(offered)}H", *offered))
    # Compression is offered to see whether it is on; TLS 1.3 forbids to offer it.
    body += b"\x02\x01\0" if old else b"\x01\0"
    if version != SSL3:
        body += _sized("!H", _extensions(version, name))
    shake = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"\x16" + struct.pack("!HH", min(number, NUMBERS[TLS10]), len(shake)) + shake


def _sized(form: str, content: bytes) -> bytes:
    return struct.pack(form, len(content)) + content


def _extension(number: int, content: bytes) -> bytes:
    return struct.pack("!H", number) + _sized("!H", content)


def _extensions(version: str, name: str) -> bytes:
    host = name.encode("ascii", "ignore")[:255]
    found = _extension(0, _sized("!H", b"\0" + _sized("!H", host))) if host else b""
    # x25519, x448, P-256, P-384, P-521, then what old servers have, then finite fields.
    groups = (29, 30, 23, 24, 25, 22, 21, 19, 14, 13, 12, 11, 10, 9, 256, 257, 258)
    found += _extension(10, _sized("!H", struct.pack(f"!{len(groups)}H", *groups)))
    found += _extension(11, _sized("!B", b"\0\x01\x02"))
    if version in {TLS12, TLS13}:
        # Every hash and key type, SHA-1 last: a server must be able to show what it has.
        schemes: tuple[int, ...] = (
            0x0403,
            0x0503,
            0x0603,
            0x0807,
            0x0808,
            0x0809,
            0x080A,
            0x080B,
            0x0804,
            0x0805,
            0x0806,
            0x0401,
            0x0501,
            0x0601,
        )
        schemes += (0x0402, 0x0303, 0x0301, 0x0203, 0x0201, 0x0202)
        found += _extension(13, _sized("!H", struct.pack(f"!{len(schemes)}H", *schemes)))
    if version == TLS13:
        found += _extension(43, _sized("!B", struct.pack("!H", NUMBERS[TLS13])))
        found += _extension(45, b"\x01\x01")
        # Any 32 bytes are an X25519 key. A server without X25519 answers with a retry request, which names its suite as well.
        found += _extension(51, _sized("!H", struct.pack("!H", 29) + _sized("!H", os.urandom(32))))
    return found


def ssl2_hello() -> bytes:
    """Return an SSL 2 CLIENT-HELLO with all its ciphers."""
    ciphers = bytes.fromhex("010080 020080 030080 040080 050080 060040 0700c0".replace(" ", ""))
    body = b"\x01\x00\x02" + struct.pack("!HHH", len(ciphers), 0, 16) + ciphers + os.urandom(16)
    return struct.pack("!H", 0x8000 | len(body)) + body


def is_ssl2(answer: bytes) -> bool:
    """Tell whether this is an SSL 2 SERVER-HELLO that agrees to at least one cipher."""
    if len(answer) < 13 or not answer[0] & 0x80 or answer[2] != 4:  # noqa: PLR2004 - header, message type
        return False
    version, ciphers = struct.unpack("!H2xH", answer[5:11])
    return bool(version == 2 and 0 < ciphers <= len(answer) and ciphers % 3 == 0)  # noqa: PLR2004 - SSL 2


@dataclass
class Flight:
    """A server's answer to a hello, read piece by piece; `broken` when it is not TLS."""

    want_chain: bool = False
    version: str = ""
    suite: int = 0
    compression: bool = False
    secure_renegotiation: bool = False
    chain: tuple[bytes, ...] = ()
    dh_bits: int = 0
    alert: int | None = None
    broken: bool = False
    done: bool = False

    def __post_init__(self) -> None:
        """Begin with nothing read."""
        self._raw, self._messages, self._seen = bytearray(), bytearray(), 0

    def feed(self, data: bytes) -> None:
        """Take what arrived; `done` once nothing more is wanted."""
        self._seen += len(data)
        self._raw += data
        while not self.done and len(self._raw) >= 5:  # noqa: PLR2004 - a record's header
            kind, major, size = self._raw[0], self._raw[1], int.from_bytes(self._raw[3:5], "big")
            if kind not in {ALERT, HANDSHAKE} or major != 3 or not 0 < size <= RECORD_MAX:  # noqa: PLR2004 - SSL 3 and TLS
                self._end(broken=True)
                return
            if len(self._raw) < 5 + size:
                break
            content = bytes(self._raw[5 : 5 + size])
            del self._raw[: 5 + size]
            self._record(kind, content)
        if not self.done and self._seen > FLIGHT_MAX:
            self._end(broken=not self.version)

    def _end(self, *, broken: bool = False) -> None:
        self.done, self.broken = True, broken
        self._raw.clear()
        self._messages.clear()

    def _record(self, kind: int, content: bytes) -> None:
        if kind == ALERT:
            # A warning (1) such as unrecognized_name comes before the hello and changes nothing.
            if len(content) == 2 and content[0] == 1 and content[1] != 0:  # noqa: PLR2004 - level and description
                return
            self.alert = content[1] if len(content) == 2 else 0  # noqa: PLR2004 - see above
            self._end()
            return
        self._messages += content
        while not self.done and len(self._messages) >= 4:  # noqa: PLR2004 - a message's header
            message, size = self._messages[0], int.from_bytes(self._messages[1:4], "big")
            if size > MESSAGE_MAX:
                self._end(broken=not self.version)
                return
            if len(self._messages) < 4 + size:
                return
            body = bytes(self._messages[4 : 4 + size])
            del self._messages[: 4 + size]
            self._message(message, body)

    def _message(self, kind: int, body: bytes) -> None:
        if kind == SERVER_HELLO and not self.version:
            self._hello(body)
        elif not self.version:
            self._end(broken=True)
        elif kind == CERTIFICATE and not self.chain:
            self.chain = certificates(body)
            if self.suite not in DHE:
                self._end()
        elif kind == SERVER_KEY_EXCHANGE:
            if self.suite in DHE and len(body) > 2:  # noqa: PLR2004 - length of the prime
                self.dh_bits = _bits(body)
            self._end()
        elif kind == SERVER_HELLO_DONE:
            self._end()

    def _hello(self, body: bytes) -> None:
        if len(body) < 38 or len(body) < 38 + body[34]:  # noqa: PLR2004 - version, random, session id, suite, compression
            self._end(broken=True)
            return
        at = 35 + body[34]
        number = int.from_bytes(body[:2], "big")
        extensions = _read_extensions(body[at + 3 :])
        chosen = extensions.get(43, b"")
        if len(chosen) == 2:  # noqa: PLR2004 - a version
            number = int.from_bytes(chosen, "big")
        if number not in NAMES:
            self._end(broken=True)
            return
        self.version, self.suite = NAMES[number], int.from_bytes(body[at : at + 2], "big")
        self.compression, self.secure_renegotiation = body[at + 2] != 0, RENEGOTIATION_INFO in extensions
        if self.version == TLS13 or not (self.want_chain or self.suite in DHE):
            self._end()


def _read_extensions(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    end = min(len(data), 2 + int.from_bytes(data[:2], "big"))
    at = 2
    while at + 4 <= end:
        number, size = struct.unpack("!HH", data[at : at + 4])
        if at + 4 + size > end:
            break
        found.setdefault(number, data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def certificates(body: bytes) -> tuple[bytes, ...]:
    """Return the certificates of a Certificate message of TLS 1.2 and older, at most ten of at most 16 KiB, 32 KiB in all."""
    found: list[bytes] = []
    at, end, total = 3, min(len(body), 3 + int.from_bytes(body[:3], "big")), 0
    while at + 3 <= end and len(found) < CERTIFICATES_MAX:
        size = int.from_bytes(body[at : at + 3], "big")
        der = body[at + 3 : at + 3 + size]
        total += size
        if not size or len(der) < size or size > CERTIFICATE_MAX or total > CHAIN_BYTES_MAX:
            break
        found.append(der)
        at += 3 + size
    return tuple(found)


def _bits(exchange: bytes) -> int:
    size = int.from_bytes(exchange[:2], "big")
    prime = exchange[2 : 2 + size]
    return int.from_bytes(prime, "big").bit_length() if len(prime) == size else 0
