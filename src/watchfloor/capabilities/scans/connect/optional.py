"""Checks that are made only when a scan asks for them, because they use a service instead of looking at it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.handshake import Door

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import PortAnswer

SECONDS, LINES_MAX = 6.0, 60
TUNNEL = re.compile(rb"HTTP/1\.[01] 200[ \r]")
Failure = (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError)


async def is_open_proxy(address: str, port: int) -> bool:
    """Tell whether a proxy connects for us: to itself, and through that connection to itself again; nobody else is contacted.

    The second time proves that it was a tunnel and not a web server that likes every method.
    """
    host = f"[{address}]" if ":" in address else address
    question = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    with contextlib.suppress(*Failure):
        async with asyncio.timeout(SECONDS), Door(address, port).open() as (reader, writer):
            for _ in range(2):
                writer.write(question)
                if not TUNNEL.match(await reader.readuntil(b"\r\n\r\n")):
                    return False
            return True
    return False


async def is_open_relay(address: str, port: int, helo: str) -> bool:
    """Tell whether a mail server takes a recipient of a foreign domain from a stranger; the transaction is reset, nothing is sent."""
    turns = (b"", f"EHLO {helo}\r\n".encode(), b"MAIL FROM:<check@sender.invalid>\r\n", b"RCPT TO:<check@recipient.invalid>\r\n")
    with contextlib.suppress(*Failure):
        async with asyncio.timeout(SECONDS), Door(address, port).open() as (reader, writer):
            for turn in turns:
                writer.write(turn)
                if not (await _reply(reader)).startswith(b"2"):
                    return False
            writer.write(b"RSET\r\nQUIT\r\n")
            await _reply(reader)
            return True
    return False


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """Return the last line of an SMTP reply. Source: RFC 5321 section 4.2.1."""
    for _ in range(LINES_MAX):
        line = await reader.readuntil(b"\n")
        if line[3:4] != b"-":
            return line
    raise EOFError("a reply without end")


async def observe(address: str, port: int, answer: PortAnswer, *, checks: tuple[str, ...], helo: str) -> tuple[str, ...]:
    """Return what the checks that were asked for found out, as facts."""
    first = answer.replies[0].data if answer.replies else b""
    found = []
    plain = not (answer.tls and answer.tls.version and not answer.starttls)
    if "open-proxy" in checks and plain and first.startswith(b"HTTP/") and await is_open_proxy(address, port):
        found.append("open-proxy")
    if (
        "open-relay" in checks
        and plain
        and first.startswith(b"220")
        and b"SMTP" in first.upper()
        and await is_open_relay(address, port, helo)
    ):
        found.append("open-relay")
    return tuple(found)
