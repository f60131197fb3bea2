"""Find out which TLS versions and cipher suites a server accepts, by few short handshakes that end after its first flight.

For each version the server is offered three sets of suites (weak, forward secret, the rest). What it chooses is taken off the offer
and the rest offered again, until it refuses. Four connections at a time, at most `HELLOS_MAX` in all, two seconds; what was not
settled by then is unknown, never absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.scans.connect import hello, tls
from watchfloor.capabilities.scans.connect.upgrade import upgrade
from watchfloor.capabilities.scans.schemas import TlsAnswer, TlsSuites

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

AUDIT_SECONDS, HELLO_SECONDS = 2.0, 1.5
AT_ONCE, HELLOS_MAX = 4, 160
# Where a whole conversation comes before TLS, servers count connections of one client more strictly.
AT_ONCE_UPGRADED = 2
# Alerts: 70 protocol_version, 86 inappropriate_fallback. The version is refused whatever the suites.
VERSION_ALERTS = frozenset((70, 86))
Failure = (OSError, TimeoutError, ssl.SSLError, EOFError)


def _codes(*ranges: tuple[int, int] | int) -> tuple[int, ...]:
    return tuple(chain.from_iterable((one,) if isinstance(one, int) else range(one[0], one[1] + 1) for one in ranges))


# Nothing encrypted, nobody authenticated, export, RC2, RC4, DES and 3DES.
WEAK = _codes(
    (0x01, 0x06), (0x08, 0x1B), 0x34, 0x3A, 0x3B, 0x46, (0x62, 0x66), 0x6C, 0x6D, 0x89, 0x9B, 0xA6, 0xA7, 0xBF, 0xC5, (0xC001, 0xC003),
    (0xC006, 0xC008), (0xC00B, 0xC00D), (0xC010, 0xC012), (0xC015, 0xC019), 0xC05A, 0xC05B, 0xC084, 0xC085,
)  # fmt: skip
FORWARD = _codes(
    0xC02B, 0xC02C, 0xC02F, 0xC030, (0xCCA8, 0xCCAA), 0xCC13, 0xCC14, 0xCC15, 0x9E, 0x9F, 0xA2, 0xA3, (0xC0AC, 0xC0AF), 0xC09E, 0xC09F, 0xC0A2,
    0xC0A3, 0xC052, 0xC053, 0xC056, 0xC057, 0xC05C, 0xC05D, 0xC060, 0xC061, 0xC07C, 0xC07D, 0xC080, 0xC081, 0xC086, 0xC087, 0xC08A, 0xC08B, 0xC023,
    0xC024, 0xC027, 0xC028, 0xC009, 0xC00A, 0xC013, 0xC014, 0x32, 0x33, 0x38, 0x39, 0x40, 0x67, 0x6A, 0x6B, 0x44, 0x45, 0x87, 0x88, 0x99, 0x9A, 0xBD,
    0xBE, 0xC3, 0xC4, 0xC072, 0xC073, 0xC076, 0xC077,
)  # fmt: skip
STATIC = _codes(
    0x9C, 0x9D, (0xA0, 0xA1), (0xA4, 0xA5), 0x2F, 0x35, 0x3C, 0x3D, 0x41, 0x84, 0xBA, 0xC0, 0x96, 0x07, 0xC09C, 0xC09D, 0xC0A0, 0xC0A1, 0xC050, 0xC051,
    0xC07A, 0xC07B, 0x30, 0x31, 0x36, 0x37, 0x3E, 0x3F, 0x42, 0x43, 0x68, 0x69, 0x85, 0x86, 0x97, 0x98, 0xBB, 0xBC, 0xC1, 0xC2, 0xC004, 0xC005, 0xC00E,
    0xC00F, 0xC025, 0xC026, 0xC029, 0xC02A, 0xC02D, 0xC02E, 0xC031, 0xC032, 0xC054, 0xC055, 0xC058, 0xC059, 0xC05E, 0xC05F, 0xC062, 0xC063, 0xC074, 0xC075,
    0xC078, 0xC079, 0xC07E, 0xC07F, 0xC082, 0xC083, 0xC088, 0xC089, 0xC08C, 0xC08D,
)  # fmt: skip
MODERN = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x00C6, 0x00C7)
VERSIONS = (hello.TLS12, hello.TLS13, hello.TLS10, hello.TLS11, hello.SSL3)
OLDEST_FIRST = (hello.SSL2, hello.SSL3, hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13)


def offers(version: str) -> tuple[tuple[int, ...], ...]:
    """Return the sets of suites that are offered with a version; those that exist only since TLS 1.2 are harmless before it."""
    return (MODERN,) if version == hello.TLS13 else (WEAK, FORWARD, STATIC)


@dataclass(frozen=True)
class Door:
    """Where and how to reach a server: `protocol` names the upgrade that comes before TLS, `secure` starts TLS with the first byte."""

    address: str
    port: int
    name: str = ""
    protocol: str = ""
    helo: str = "scanner.invalid"
    secure: bool = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect and go where a ClientHello is expected; hang up without ceremony at the end.

        Raises:
            EOFError: The server does not start TLS.
        """
        how: dict[str, Any] = {"ssl": tls.context(), "server_hostname": self.name} if self.secure else {}
        reader, writer = await asyncio.open_connection(self.address, self.port, limit=65_536, **how)
        try:
            if self.protocol and not await upgrade(reader, writer, self.protocol, self.name or self.address, self.helo):
                raise EOFError(self.protocol)
            yield reader, writer
        finally:
            writer.transport.abort()
            with contextlib.suppress(*Failure):
                await writer.wait_closed()


@dataclass
class _Version:
    """What is known of one version so far."""

    suites: list[int] = field(default_factory=list)
    settled: int = 0  # offers that ended with a refusal, or with every suite accepted
    refused: bool = False


class Audit:
    """One server being asked."""

    def __init__(self, door: Door, versions: Iterable[str] = VERSIONS) -> None:
        self.door, self.hellos = door, 0
        self.slots = asyncio.Semaphore(AT_ONCE_UPGRADED if door.protocol else AT_ONCE)
        self.known = {version: _Version() for version in versions}
        self.chain: tuple[bytes, ...] = ()
        self.compression = False
        self.secure_renegotiation: bool | None = None
        self.dh_bits = 0
        self.ssl2: bool | None = None

    async def run(self) -> None:
        """Ask everything, within two seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AUDIT_SECONDS), asyncio.TaskGroup() as group:
                for version in self.known:
                    group.create_task(self._version(version))
                group.create_task(self._ssl2())

    @property
    def settled(self) -> bool:
        """Tell whether every version and set of suites was accepted or refused."""
        return all(known.refused or known.settled == len(offers(version)) for version, known in self.known.items())

    def put_into(self, answer: TlsAnswer) -> TlsAnswer:
        """Return the answer with what was learned."""
        accepted = [version for version in OLDEST_FIRST if version in self.known and self.known[version].suites]
        # Something that refuses every version does not speak TLS with us at all: that is no knowledge about versions.
        refused = [version for version in OLDEST_FIRST if version in self.known and self.known[version].refused] if accepted else []
        suites = [
            TlsSuites(
                version=version, suites=tuple(self.known[version].suites), complete=self.known[version].settled == len(offers(version))
            )
            for version in accepted
        ]
        if self.ssl2 is not None and (accepted or self.ssl2):
            (accepted if self.ssl2 else refused).insert(0, hello.SSL2)
        return answer.model_copy(
            update={
                "versions": tuple(accepted), "refused": tuple(refused), "suites": tuple(suites), "compression": self.compression,
                "secure_renegotiation": self.secure_renegotiation, "dh_bits": self.dh_bits, "hellos": self.hellos,
                "chain": self.chain or answer.chain,
            }
        )  # fmt: skip

    async def _version(self, version: str) -> None:
        known, sets = self.known[version], offers(version)
        await self._suites(version, sets[0])
        if not known.refused:
            async with asyncio.TaskGroup() as group:
                for offer in sets[1:]:
                    group.create_task(self._suites(version, offer))
        known.refused = known.refused or (not known.suites and known.settled == len(sets))

    async def _suites(self, version: str, offer: tuple[int, ...]) -> None:
        """Offer, take off what is chosen, offer the rest, until the server refuses."""
        known, left = self.known[version], list(offer)
        while left and self.hellos < HELLOS_MAX:
            flight = await self._hello(version, tuple(left))
            if flight is None or flight.broken or (not flight.version and flight.alert is None):
                return
            if flight.version != version:
                known.refused = not known.suites and (known.refused or flight.alert in VERSION_ALERTS or flight.version != "")
                known.settled += 1
                return
            if flight.suite not in left:
                return
            left.remove(flight.suite)
            known.suites.append(flight.suite)
            self._learn(flight)
        known.settled += not left

    def _learn(self, flight: hello.Flight) -> None:
        if flight.chain and len(flight.chain) > len(self.chain):
            self.chain = flight.chain
        if flight.dh_bits:
            self.dh_bits = min(self.dh_bits or flight.dh_bits, flight.dh_bits)
        if flight.version not in {hello.TLS13, hello.SSL3}:
            self.compression = self.compression or flight.compression
            self.secure_renegotiation = flight.secure_renegotiation and self.secure_renegotiation is not False

    async def _hello(self, version: str, suites: tuple[int, ...]) -> hello.Flight | None:
        """Return the answer to one hello; a closed connection counts as a refusal, silence as nothing known."""
        flight = hello.Flight(want_chain=not self.chain)
        async with self.slots:
            self.hellos += 1
            try:
                async with asyncio.timeout(HELLO_SECONDS), self.door.open() as (reader, writer):
                    writer.write(hello.client_hello(version, suites, self.door.name))
                    while not flight.done and (chunk := await reader.read(65_536)):
                        flight.feed(chunk)
            except ConnectionResetError:
                pass
            except Failure:
                return flight if flight.version else None
        if not flight.done and not flight.version:
            flight.alert = 0  # hung up: servers that old refuse like this
        return flight

    async def _ssl2(self) -> None:
        said = b""
        async with self.slots:
            self.hellos += 1
            try:
                async with asyncio.timeout(HELLO_SECONDS), self.door.open() as (reader, writer):
                    writer.write(hello.ssl2_hello())
                    while len(said) < 16 and (chunk := await reader.read(4096)):  # noqa: PLR2004 - the fixed part of the answer
                        said += chunk
                        if said[0] in {hello.ALERT, hello.HANDSHAKE}:
                            break
            except ConnectionResetError:
                pass
            except Failure:
                return
        self.ssl2 = hello.is_ssl2(said)


async def full_chain(door: Door, context: ssl.SSLContext) -> tuple[bytes, ...]:
    """Return the certificates that a server sends in TLS 1.3, where they are encrypted and the library has to open them."""
    with contextlib.suppress(*Failure):
        async with asyncio.timeout(HELLO_SECONDS), door.open() as (_reader, writer):
            await writer.start_tls(context, server_hostname=door.name)
            return _chain(writer.get_extra_info("ssl_object"))
    return ()


def _chain(done: ssl.SSLObject) -> tuple[bytes, ...]:
    public = getattr(done, "get_unverified_chain", None)
    if public is not None:  # since Python 3.13
        found = list(public())
    else:
        # The same function of OpenSSL, in 3.11 and 3.12 not yet public; without it only the leaf is known.
        inner = getattr(getattr(done, "_sslobj", None), "get_unverified_chain", None)
        found = [one.public_bytes(2) for one in inner() or ()] if inner else [done.getpeercert(binary_form=True) or b""]
    kept: list[bytes] = []
    for der in found[: hello.CERTIFICATES_MAX]:
        if not der or len(der) > hello.CERTIFICATE_MAX or sum(map(len, kept)) + len(der) > hello.CHAIN_BYTES_MAX:
            break
        kept.append(bytes(der))
    return tuple(kept)
