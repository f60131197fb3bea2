"""Ask a directory for one entry below its first naming context, to see whether it wants a sign-in for that."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.packets import ber

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.scans.connect.handshake import Door
    from watchfloor.capabilities.scans.schemas import Reply

SECONDS, ANSWER_MAX = 4.0, 65_536
# The attribute's name, then a set whose first value is a string of at most 127 bytes. Source: RFC 4511 section 4.5.2.
CONTEXT = re.compile(rb"\x04\x0enamingContexts\x31(?:[\x00-\x7f]|\x81.|\x82..|\x84....)\x04([\x01-\x7f])", re.DOTALL)
ENTRY, DONE = b"\x64", b"\x65"
MESSAGE = re.compile(rb"\x30(?:[\x00-\x7f]|\x81.|\x82..|\x84....)\x02\x01\x01([\x64\x65\x73])", re.DOTALL)
Failure = (OSError, TimeoutError, EOFError)


def naming_context(replies: Iterable[Reply]) -> bytes:
    """Return the first naming context that the root entry told, empty without one."""
    for reply in replies:
        found = CONTEXT.search(reply.data) if reply.probe == "ldap" else None
        if found:
            name = reply.data[found.end() : found.end() + found[1][0]]
            return name if len(name) == found[1][0] else b""
    return b""


def search(context: bytes) -> bytes:
    """Return a search for one entry below a naming context without any of its attributes. Source: RFC 4511 section 4.5.1."""
    limits = ber(2, b"\x01"), ber(2, b"\x03"), ber(1, b"\0")
    wanted = ber(0x63, ber(4, context), ber(10, b"\x02"), ber(10, b"\0"), *limits, ber(0x87, b"objectClass"), ber(0x30, ber(4, b"1.1")))
    return ber(0x30, ber(2, b"\x01"), wanted)


async def answers_strangers(door: Door, context: bytes) -> bool:
    """Tell whether a search without a sign-in finds an entry. Only the number of entries is asked for: one."""
    with contextlib.suppress(*Failure):
        async with asyncio.timeout(SECONDS), door.open() as (reader, writer):
            writer.write(search(context))
            said = b""
            while len(said) < ANSWER_MAX and not (found := MESSAGE.match(said)):
                chunk = await reader.read(4096)
                if not chunk:
                    return False
                said += chunk
            return bool(found and found[1] == ENTRY)
    return False
