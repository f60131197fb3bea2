"""Part what people wrote as ports by protocol: `22,80,U:53,161` or `U:common`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.engine.ranges import Span
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What connect/udp knows to ask: an answer there says what it is.
COMMON_UDP: Final = "53,69,111,123,137,161,443,500,623,1194,1434,1900,3478,4500,5060,5353,5683,11211"
UDP_PORTS_MAX: Final = 1000
UDP_HOSTS: Final = 64  # asked side by side by one job


def apart(ports: str) -> tuple[str, str]:
    """Return the TCP and the UDP part; `T:` and `U:` hold for what follows, TCP goes without saying."""
    parts: dict[str, list[str]] = {"T": [], "U": []}
    present = "T"
    for word in ports.split(","):
        head, colon, rest = word.strip().partition(":")
        if colon:
            present = head.strip().upper()
            if present not in parts:
                raise InvalidInput(
                    f"{head.strip()[:20]!a} in the ports is no protocol. Write U: before UDP ports and T: before TCP ports.", field="/ports"
                )
        text = rest if colon else word
        parts[present].append(COMMON_UDP if present == "U" and text.strip().lower() == "common" else text)
    return ",".join(parts["T"]), ",".join(parts["U"])


def blocks(spans: Sequence[Span], size: int = UDP_HOSTS) -> Iterator[tuple[Span, ...]]:
    """Cut addresses into blocks whose UDP ports are asked by one job."""
    block: list[Span] = []
    room = size
    for version, start, last in spans:
        first = start
        while first <= last:
            end = min(last, first + room - 1)
            block.append(Span(version, first, end))
            room -= end - first + 1
            first = end + 1
            if not room:
                yield tuple(block)
                block, room = [], size
    if block:
        yield tuple(block)
