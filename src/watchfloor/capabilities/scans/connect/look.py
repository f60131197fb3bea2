"""Look at one open port: its greeting, its answer to HTTP without Host, its TLS; at most four connections, few bytes, little time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import tls
from watchfloor.capabilities.scans.schemas import KEEP_BYTES, Limits, PortAnswer, Reply, TlsAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ_MAX = 65_536
CONNECT_SECONDS = 3.0
GREETING_SECONDS = 0.35
# These servers speak first, some only after they looked up who calls.
SLOW_GREETING_SECONDS = 6.0
SPEAK_FIRST = frozenset((21, 22, 23, 25, 110, 119, 143, 220, 465, 587, 993, 995, 2121, 2222, 2525, 3306, 5900, 5901, 5902, 5903))
TLS_FIRST = frozenset((443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 2376, 3269, 5061, 5671, 5986, 6443, 6697, 8443, 8883, 9443, 10250))
# A printer prints whatever arrives here.
NEVER_SPEAK = frozenset(range(9100, 9108))
ANSWER_SECONDS = 2.5
QUIET_SECONDS = 0.1
PLAIN_GET = b"GET / HTTP/1.0\r\n\r\n"
REDIS_INFO = b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"
POSTGRES_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
HINTED = {
    5432: ("postgresql", POSTGRES_TLS), 5433: ("postgresql", POSTGRES_TLS), 6432: ("postgresql", POSTGRES_TLS),
    11211: ("memcached", b"version\r\n"), 2181: ("zookeeper", b"srvr"),
}  # fmt: skip

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Failure = (OSError, TimeoutError, ssl.SSLError, EOFError)


@asynccontextmanager
async def connection(address: str, port: int, secure: ssl.SSLContext | None = None, name: str = "") -> AsyncIterator[Streams]:
    """Connect within three seconds, hang up without ceremony at the end."""
    server_name = (name or "") if secure else None
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(address, port, ssl=secure, server_hostname=server_name, limit=KEEP_BYTES)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(*Failure):
            await writer.wait_closed()


async def read(reader: asyncio.StreamReader, first_seconds: float, total_seconds: float = ANSWER_SECONDS) -> bytes:
    """Return what arrives until the sender is quiet or closes, or time or 64 KiB are up; the first 4 KiB of it."""
    kept, seen, wait = bytearray(), 0, first_seconds
    loop = asyncio.get_running_loop()
    ends = loop.time() + max(first_seconds, total_seconds)
    while seen < READ_MAX and len(kept) < KEEP_BYTES:
        try:
            async with asyncio.timeout(min(wait, ends - loop.time())):
                chunk = await reader.read(KEEP_BYTES)
        except Failure:
            break
        if not chunk:
            break
        seen += len(chunk)
        kept += chunk[: KEEP_BYTES - len(kept)]
        wait = QUIET_SECONDS
    return bytes(kept)


async def look(address: str, port: int, name: str, limits: Limits) -> PortAnswer:
    """Return all evidence of one port; whatever a target does, within about twenty seconds."""
    if port in NEVER_SPEAK:
        return PortAnswer(port=port)
    replies: list[Reply] = []
    if port not in TLS_FIRST:
        replies = await _plain(address, port, name, limits)
        if replies and not _wants_tls(replies):
            return PortAnswer(port=port, replies=tuple(replies), looked=True)
    answer, inside = await _secure(address, port, name, limits)
    if not answer.version and port in TLS_FIRST:
        replies = await _plain(address, port, name, limits)
    return PortAnswer(port=port, replies=tuple(inside or replies), tls=answer, looked=True)


def _wants_tls(replies: list[Reply]) -> bool:
    """Tell whether what came back is an alert, or a web server's complaint about plain HTTP."""
    first = replies[0].data
    complaint = first[:1024].lower()
    return first[:2] == b"\x15\x03" or (b" 400 " in complaint[:20] and b"https" in complaint)


async def _plain(address: str, port: int, name: str, limits: Limits) -> list[Reply]:
    replies: list[Reply] = []
    with contextlib.suppress(*Failure):
        async with connection(address, port) as (reader, writer):
            replies = await _talk(reader, writer, port)
    if _wants_host(replies):
        with contextlib.suppress(*Failure):
            async with connection(address, port) as (reader, writer):
                replies += await _ask(reader, writer, "http-host", _get_with_host(name or address, limits.user_agent))
    return replies


async def _secure(address: str, port: int, name: str, limits: Limits) -> tuple[TlsAnswer, list[Reply]]:
    oldest = await _oldest(address, port, name)
    replies: list[Reply] = []
    found = TlsAnswer(oldest=oldest, version=oldest)
    try:
        async with connection(address, port, tls.context(), name) as (reader, writer):
            found = _handshake(writer, oldest)
            replies = await _talk(reader, writer, port)
            if _wants_host(replies):
                async with connection(address, port, tls.context(), name) as again:
                    replies += await _ask(*again, "http-host", _get_with_host(name or address, limits.user_agent))
    except Failure as wrong:
        if not found.cipher:
            reason = getattr(wrong, "reason", None) or type(wrong).__name__
            found = found.model_copy(update={"error": str(reason)[:200]})
    return found, replies


def _handshake(writer: asyncio.StreamWriter, oldest: str) -> TlsAnswer:
    done: ssl.SSLObject = writer.get_extra_info("ssl_object")
    cipher, _, bits = done.cipher() or ("", "", 0)
    certificate = done.getpeercert(binary_form=True) or b""
    return TlsAnswer(
        version=done.version() or "",
        cipher=cipher,
        bits=bits,
        alpn=done.selected_alpn_protocol() or "",
        certificate=certificate if len(certificate) <= 4 * KEEP_BYTES else b"",
        oldest=oldest,
    )


async def _oldest(address: str, port: int, name: str) -> str:
    with contextlib.suppress(*Failure):
        async with connection(address, port) as (reader, writer):
            writer.write(tls.old_hello(name))
            return tls.agreed(await read(reader, ANSWER_SECONDS))
    return ""


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> list[Reply]:
    """Wait for a greeting; without one, ask what the port suggests, else for a page."""
    if port in HINTED:
        probe, question = HINTED[port]
        return await _ask(reader, writer, probe, question)
    greeting = await read(reader, SLOW_GREETING_SECONDS if port in SPEAK_FIRST else GREETING_SECONDS)
    if greeting:
        return [Reply(probe="greeting", data=greeting)]
    # Without Host: Redis then names itself instead of reporting an attack, and every web server still answers.
    replies = await _ask(reader, writer, "http", PLAIN_GET)
    if replies and replies[0].data.startswith((b"-ERR", b"-NOAUTH", b"-DENIED")) and not reader.at_eof():
        replies += await _ask(reader, writer, "redis", REDIS_INFO)
    return replies


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, probe: str, question: bytes) -> list[Reply]:
    with contextlib.suppress(*Failure):
        writer.write(question)
        answer = await read(reader, ANSWER_SECONDS)
        return [Reply(probe=probe, data=answer)] if answer else []
    return []


def _wants_host(replies: list[Reply]) -> bool:
    return bool(replies) and replies[0].probe == "http" and replies[0].data.startswith(b"HTTP/1.") and replies[0].data[8:12] == b" 400"


def _get_with_host(name: str, user_agent: str) -> bytes:
    host = f"[{name}]" if ":" in name else name
    return f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode(
        "ascii", "replace"
    )
