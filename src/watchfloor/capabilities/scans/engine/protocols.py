"""Part what people wrote as ports by protocol: `22,80,U:53,161` or `U:common`. Pure."""

from __future__ import annotations

from typing import Final

from watchfloor.kernel.errors import InvalidInput

# What connect/udp knows to ask: an answer there says what it is.
COMMON_UDP: Final = "53,69,111,123,137,161,443,500,623,1194,1434,1900,3478,4500,5060,5353,5683,11211"
UDP_PORTS_MAX: Final = 1000


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
