"""One connection to one port: connect, say, read, start TLS; bounded in bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.schemas import KEEP_BYTES, TlsAnswer

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator

READ_MAX = 65_536
FILTER_MAX = 1_048_576
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 2.5
QUIET_SECONDS = 0.12

Failure = (OSError, TimeoutError, ssl.SSLError, EOFError)


@lru_cache(maxsize=2)
def context(*, web: bool = True) -> ssl.SSLContext:
    """Return TLS settings for a conversation: the web's old protocol, because a server that may choose takes HTTP/2, or none at all."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    found.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    found.set_ciphers("ALL:COMPLEMENTOFDEFAULT:@SECLEVEL=0")
    if web:
        found.set_alpn_protocols(["http/1.1"])
    return found


class Line:
    """One open connection; `ended` once the other side closed it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.ended = False

    def say(self, question: bytes) -> None:
        """Send, without waiting for it to leave."""
        self.writer.write(question)

    async def read(self, first_seconds: float, keep: re.Pattern[bytes] | None = None) -> bytes:
        """Return what arrives until the sender is quiet or closes, or time or the limit of bytes are up; the first 4 KiB of it.

        With `keep`, only lines in which it is found, of at most 1 MiB.
        """
        kept, rest, seen, wait = bytearray(), b"", 0, first_seconds
        loop = asyncio.get_running_loop()
        ends = loop.time() + max(first_seconds, ANSWER_SECONDS)
        while seen < (FILTER_MAX if keep else READ_MAX) and len(kept) < KEEP_BYTES:
            try:
                async with asyncio.timeout(min(wait, ends - loop.time())):
                    chunk = await self.reader.read(KEEP_BYTES)
            except TimeoutError:
                break
            except Failure:
                self.ended = True
                break
            if not chunk:
                self.ended = True
                break
            seen += len(chunk)
            if keep:
                *lines, rest = (rest + chunk).split(b"\n")
                chunk = b"".join(line[:KEEP_BYTES] + b"\n" for line in lines if keep.search(line[:KEEP_BYTES]))
                rest = rest[-KEEP_BYTES:]
            kept += chunk[: KEEP_BYTES - len(kept)]
            wait = QUIET_SECONDS
        if keep and keep.search(rest):
            kept += rest[: KEEP_BYTES - len(kept)]
        return bytes(kept)

    async def secure(self, name: str) -> TlsAnswer:
        """Start TLS on this connection and return what was agreed; an answer without version says why not."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self.writer.start_tls(context(web=False), server_hostname=name)
        except Failure as wrong:
            self.ended = True
            return TlsAnswer(error=reason(wrong))
        return self.agreed()

    def agreed(self) -> TlsAnswer:
        """Return what the TLS of this connection is."""
        done: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        cipher, _, bits = done.cipher() or ("", "", 0)
        certificate = done.getpeercert(binary_form=True) or b""
        return TlsAnswer(
            version=done.version() or "",
            cipher=cipher,
            bits=bits,
            alpn=done.selected_alpn_protocol() or "",
            certificate=certificate if len(certificate) <= 4 * KEEP_BYTES else b"",
        )


def reason(wrong: BaseException) -> str:
    """Return why a handshake failed, in the library's word."""
    return str(getattr(wrong, "reason", None) or type(wrong).__name__)[:200]


@asynccontextmanager
async def connection(address: str, port: int, secure: ssl.SSLContext | None = None, name: str = "") -> AsyncIterator[Line]:
    """Connect within three seconds, hang up without ceremony at the end."""
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(
            address, port, ssl=secure, server_hostname=name if secure else None, limit=KEEP_BYTES
        )
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(*Failure):
            await writer.wait_closed()
