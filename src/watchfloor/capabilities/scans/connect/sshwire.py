"""The SSH transport as far as its first questions need it: packets, key exchange, one encrypted direction each way. Source: RFC 4253."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

IDENTITY = b"SSH-2.0-Watchfloor"
PACKET_MAX, LINES_MAX, LINE_MAX = 35_000, 50, 1024
KEXINIT, NEWKEYS, KEX_INIT, KEX_REPLY = 20, 21, 30, 31
IGNORED = frozenset((2, 3, 4, 7))  # ignore, unimplemented, debug, extension information
# Oakley group 14. Source: RFC 3526 section 3.
GROUP_14 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
EXCHANGES = {
    "curve25519-sha256": "sha256", "curve25519-sha256@libssh.org": "sha256", "ecdh-sha2-nistp256": "sha256",
    "diffie-hellman-group14-sha256": "sha256", "diffie-hellman-group14-sha1": "sha1",
}  # fmt: skip
CIPHERS = {"aes128-ctr": 16, "aes192-ctr": 24, "aes256-ctr": 32}
# Named last, so that a server with nothing else still shows its key; we do not speak them.
UNSPOKEN_CIPHERS = (
    "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc", "arcfour128",
)  # fmt: skip
UNSPOKEN_MACS = ("umac-128-etm@openssh.com", "umac-64-etm@openssh.com", "umac-128@openssh.com", "hmac-sha1-etm@openssh.com", "hmac-md5")
MACS = {
    "hmac-sha2-256": "sha256", "hmac-sha2-512": "sha512", "hmac-sha2-256-etm@openssh.com": "sha256", "hmac-sha2-512-etm@openssh.com": "sha512",
    "hmac-sha1": "sha1",
}  # fmt: skip


Derive = Callable[[bytes, int], bytes]


def string(content: bytes) -> bytes:
    """Return bytes with their length before them."""
    return struct.pack("!I", len(content)) + content


def mpint(number: int) -> bytes:
    """Return a number as SSH writes it: with a zero byte before a set sign bit."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def take(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the string at a place, and where the next field begins.

    Raises:
        EOFError: It is longer than what there is.
    """
    size = int.from_bytes(data[at : at + 4], "big")
    if at + 4 + size > len(data):
        raise EOFError("a field is longer than its packet")
    return data[at + 4 : at + 4 + size], at + 4 + size


def names(payload: bytes) -> list[list[str]]:
    """Return the ten name lists of a KEXINIT.

    Raises:
        EOFError: It is too short.
    """
    found, at = [], 17
    for _ in range(10):
        listed, at = take(payload, at)
        found.append([one for one in listed.decode("ascii", "replace").split(",") if one])
    return found


def kexinit(host_keys: tuple[str, ...]) -> bytes:
    """Return our KEXINIT, which asks for one of these host key algorithms."""
    ciphers, macs = (*CIPHERS, *UNSPOKEN_CIPHERS), (*MACS, *UNSPOKEN_MACS)
    lists = (tuple(EXCHANGES), host_keys, ciphers, ciphers, macs, macs, ("none",), ("none",), (), ())
    return bytes((KEXINIT,)) + os.urandom(16) + b"".join(string(",".join(one).encode()) for one in lists) + b"\0" + bytes(4)


@dataclass(frozen=True)
class Suite:
    """What both sides understand; empty names where there is nothing in common."""

    exchange: str = ""
    cipher_out: str = ""
    cipher_in: str = ""
    mac_out: str = ""
    mac_in: str = ""

    @property
    def encrypts(self) -> bool:
        """Tell whether a session could begin."""
        return all((self.exchange, self.cipher_out, self.cipher_in, self.mac_out, self.mac_in))


def agree(server: list[list[str]]) -> Suite:
    """Return what the protocol's rule picks from our lists and the server's: the first of ours that it has."""

    def first(ours: Iterable[str], at: int) -> str:
        return next((one for one in ours if one in server[at]), "")

    return Suite(first(EXCHANGES, 0), first(CIPHERS, 2), first(CIPHERS, 3), first(MACS, 4), first(MACS, 5))


class Secret:
    """Our half of a key exchange."""

    def __init__(self, exchange: str) -> None:
        self.exchange = exchange
        self._curve = x25519.X25519PrivateKey.generate() if exchange.startswith("curve25519") else None
        self._nist = ec.generate_private_key(ec.SECP256R1()) if exchange.startswith("ecdh") else None
        self._power = int.from_bytes(os.urandom(32), "big") | 1 << 255

    def public(self) -> bytes:
        """Return the packet's field that begins the exchange."""
        if self._curve:
            return string(self._curve.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        if self._nist:
            return string(self._nist.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        return mpint(pow(2, self._power, GROUP_14))

    def shared(self, theirs: bytes) -> int:
        """Return the shared secret.

        Raises:
            ValueError: The server's half is not one.
        """
        if self._curve:
            return int.from_bytes(self._curve.exchange(x25519.X25519PublicKey.from_public_bytes(theirs)), "big")
        if self._nist:
            peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
            return int.from_bytes(self._nist.exchange(ec.ECDH(), peer), "big")
        number = int.from_bytes(theirs, "big")
        if not 1 < number < GROUP_14 - 1:
            raise ValueError("not in the group")
        return pow(number, self._power, GROUP_14)


class Direction:
    """Keys of one direction."""

    def __init__(self, cipher: str, mac: str, derive: Derive, letters: bytes, *, sends: bool) -> None:
        key = derive(letters[1:2], CIPHERS[cipher])
        made = Cipher(algorithms.AES(key), modes.CTR(derive(letters[:1], 16)))
        self._crypt = made.encryptor() if sends else made.decryptor()
        self._hash = MACS[mac]
        self._key = derive(letters[2:3], hashlib.new(self._hash).digest_size)
        self.etm, self.mac_size = "etm" in mac, hashlib.new(self._hash).digest_size

    def crypt(self, data: bytes) -> bytes:
        """Encrypt or decrypt what comes next."""
        return self._crypt.update(data)

    def mac(self, sequence: int, data: bytes) -> bytes:
        """Return the code that authenticates a packet."""
        return hmac.new(self._key, struct.pack("!I", sequence) + data, self._hash).digest()


class Wire:
    """One SSH connection; whoever uses it bounds its time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.sent = self.received = 0
        self.out: Direction | None = None
        self.into: Direction | None = None

    async def identify(self) -> bytes:
        """Exchange identification lines and return the server's.

        Raises:
            EOFError: There is none within fifty lines.
        """
        self.writer.write(IDENTITY + b"\r\n")
        for _ in range(LINES_MAX):
            line = await self.reader.readuntil(b"\n")
            if line.startswith(b"SSH-"):
                return line.rstrip(b"\r\n")[:LINE_MAX]
        raise EOFError("no identification")

    def send(self, payload: bytes) -> None:
        """Send one packet."""
        block, counted = (16, 0 if self.out and self.out.etm else 4) if self.out else (8, 4)
        padding = block - (len(payload) + 1 + counted) % block
        padding += block if padding < 4 else 0  # noqa: PLR2004 - the least padding
        size = struct.pack("!I", len(payload) + 1 + padding)
        rest = bytes((padding,)) + payload + os.urandom(padding)
        if self.out is None:
            self.writer.write(size + rest)
        elif self.out.etm:
            sealed = self.out.crypt(rest)
            self.writer.write(size + sealed + self.out.mac(self.sent, size + sealed))
        else:
            self.writer.write(self.out.crypt(size + rest) + self.out.mac(self.sent, size + rest))
        self.sent = (self.sent + 1) & 0xFFFFFFFF

    async def receive(self) -> bytes:
        """Return the next packet's payload that matters.

        Raises:
            EOFError: The connection ended, or this is not SSH.
        """
        for _ in range(LINES_MAX):
            payload = await self._packet()
            self.received = (self.received + 1) & 0xFFFFFFFF
            if payload[:1] and payload[0] not in IGNORED:
                return payload
        raise EOFError("nothing that matters")

    async def _packet(self) -> bytes:
        keys = self.into
        head = await self.reader.readexactly(16 if keys and not keys.etm else 4)
        if keys and not keys.etm:
            head = keys.crypt(head)
        size = int.from_bytes(head[:4], "big")
        if not 5 <= size <= PACKET_MAX or size + 4 < len(head):  # noqa: PLR2004 - padding length and padding
            raise EOFError("not a packet")
        rest = await self.reader.readexactly(size + 4 - len(head))
        body = head[4:] + (keys.crypt(rest) if keys else rest)
        if keys:
            await self._check(keys, head + rest if keys.etm else head[:4] + body)
        if body[0] >= size:
            raise EOFError("padding is longer than the packet")
        return body[1 : size - body[0]]

    async def _check(self, keys: Direction, authenticated: bytes) -> None:
        code = await self.reader.readexactly(keys.mac_size)
        if not hmac.compare_digest(code, keys.mac(self.received, authenticated)):
            raise EOFError("a packet was changed on the way")

    def secure(self, suite: Suite, secret: int, digest: bytes) -> None:
        """Use the keys of this exchange from here on. Source: RFC 4253 section 7.2."""
        kind = EXCHANGES[suite.exchange]

        def derive(letter: bytes, size: int) -> bytes:
            found = hashlib.new(kind, mpint(secret) + digest + letter + digest).digest()
            while len(found) < size:
                found += hashlib.new(kind, mpint(secret) + digest + found).digest()
            return found[:size]

        self.out = Direction(suite.cipher_out, suite.mac_out, derive, b"ACE", sends=True)
        self.into = Direction(suite.cipher_in, suite.mac_in, derive, b"BDF", sends=False)
