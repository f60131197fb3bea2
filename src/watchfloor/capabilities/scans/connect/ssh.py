"""Ask an SSH server for its algorithms, its host keys and the ways to sign in, without signing in.

At most three connections: one reads the algorithms, one host key, and the answer to a single request of the method `none`, which no
sign-in is; up to two more read host keys of other types.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.sshwire import (
    EXCHANGES,
    IDENTITY,
    KEX_INIT,
    KEX_REPLY,
    KEXINIT,
    NEWKEYS,
    Secret,
    Wire,
    agree,
    kexinit,
    mpint,
    names,
    string,
    take,
)
from watchfloor.capabilities.scans.schemas import SshAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECONDS, CONNECT_SECONDS = 6.0, 3.0
CONNECTIONS_MAX = 3
USER = b"watchfloor"
# One key of each type is enough: RSA has three algorithms for one key.
FAMILIES: dict[str, tuple[str, ...]] = {
    "rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
    "dsa": ("ssh-dss",),
    "ecdsa": ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    "ed25519": ("ssh-ed25519",),
}
HOST_KEYS_KEPT, HOST_KEY_MAX, METHODS_MAX = 3, 4096, 20
Failure = (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError)


async def ask(address: str, port: int) -> SshAnswer:
    """Return what a server tells; `error` says why there is no more. Within six seconds."""
    visit = _Visit(address, port)
    try:
        async with asyncio.timeout(SECONDS):
            await visit.run()
    except Failure as wrong:
        visit.error = visit.error or str(wrong)[:100] or type(wrong).__name__
    return visit.answer()


class _Visit:
    """One server being asked."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port = address, port
        self.identity = self.kexinit = b""
        self.keys: list[bytes] = []
        self.methods: tuple[str, ...] | None = None
        self.open, self.connections, self.error = False, 0, ""
        self.settled = False  # no more can be learned, or all is

    def answer(self) -> SshAnswer:
        return SshAnswer(
            identity=self.identity, kexinit=self.kexinit, host_keys=tuple(self.keys), methods=self.methods or (), asked=self.methods is not None,
            open=self.open, connections=self.connections, error=self.error,
            settled=self.settled or self.methods is not None,
        )  # fmt: skip

    async def run(self) -> None:
        async with self._connect() as wire:
            await self._first(wire)
        offered = names(self.kexinit)[1]
        families = [algorithms for algorithms in FAMILIES.values() if set(algorithms) & set(offered)]
        families = [one for one in families if one != self._family(offered)]
        for algorithms in families[: CONNECTIONS_MAX - 1]:
            with contextlib.suppress(*Failure):
                async with self._connect() as wire:
                    await self._exchange(wire, algorithms)

    def _family(self, offered: list[str]) -> tuple[str, ...]:
        """Return the type of key that the first connection asked for: the server's own first choice."""
        for one in offered:
            for algorithms in FAMILIES.values():
                if one in algorithms:
                    return algorithms
        return ()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Wire]:
        self.connections += 1
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(self.address, self.port, limit=8192)
        try:
            yield Wire(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(*Failure):
                await writer.wait_closed()

    async def _first(self, wire: Wire) -> None:
        self.identity = await wire.identify()
        theirs = await wire.receive()
        if theirs[0] != KEXINIT:
            raise EOFError("no KEXINIT")
        offered = names(theirs)
        self.kexinit = theirs
        if await self._exchange(wire, self._family(offered[1]), theirs):
            await self._methods(wire)

    async def _exchange(self, wire: Wire, algorithms: tuple[str, ...], theirs: bytes = b"") -> bool:
        """Exchange keys, which shows a host key; tells whether the connection is encrypted now."""
        identity = self.identity if theirs else await wire.identify()
        theirs = theirs or await wire.receive()
        suite, ours = agree(names(theirs)), kexinit(algorithms)
        wire.send(ours)
        if not (suite.exchange and algorithms):
            self.error, self.settled = "no key exchange in common", True
            return False
        secret = Secret(suite.exchange)
        wire.send(bytes((KEX_INIT,)) + secret.public())
        reply = await wire.receive()
        if reply[0] != KEX_REPLY:
            raise EOFError("no key exchange reply")
        key, at = take(reply, 1)
        if 0 < len(key) <= HOST_KEY_MAX and len(self.keys) < HOST_KEYS_KEPT:
            self.keys.append(key)
        half, _ = take(reply, at)
        if not suite.encrypts:
            self.error, self.settled = "no cipher in common", True
            return False
        shared = secret.shared(half)
        told = b"".join(string(one) for one in (IDENTITY, identity, ours, theirs, key))
        halves = secret.public() + (mpint(int.from_bytes(half, "big")) if suite.exchange.startswith("diffie") else string(half))
        digest = hashlib.new(EXCHANGES[suite.exchange], told + halves + mpint(shared)).digest()
        wire.send(bytes((NEWKEYS,)))
        if (await wire.receive())[0] != NEWKEYS:
            raise EOFError("no NEWKEYS")
        wire.secure(suite, shared, digest)
        return True

    async def _methods(self, wire: Wire) -> None:
        """Ask which ways to sign in there are: one request of the method `none`. Source: RFC 4252 section 5.2."""
        wire.send(b"\x05" + string(b"ssh-userauth"))
        if (await wire.receive())[0] != 6:  # noqa: PLR2004 - SERVICE_ACCEPT
            raise EOFError("no sign-in service")
        wire.send(b"\x32" + string(USER) + string(b"ssh-connection") + string(b"none"))
        for _ in range(3):  # a banner may come first
            said = await wire.receive()
            if said[0] == 51:  # noqa: PLR2004 - USERAUTH_FAILURE
                listed, _ = take(said, 1)
                self.methods = tuple(listed.decode("ascii", "replace").split(",")[:METHODS_MAX])
                return
            if said[0] == 52:  # noqa: PLR2004 - USERAUTH_SUCCESS
                self.methods, self.open = (), True
                return
