"""Decide which addresses are worth asking whether a host is there before their ports are asked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.engine.ranges import Span, intersect, spans, subtract
from watchfloor.capabilities.scans.schemas import Discovery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.scans.schemas import DiscoverAnswers

# A living host has or refuses at least one of these, unless a firewall swallows everything.
PORTS: Final = (22, 80, 443, 445, 3389)
AUTO_FROM: Final = 32
LOOPBACK: Final = spans(("127.0.0.0/8", "::1/128"))


def doubtful(mode: Discovery, wanted: Sequence[Span], *, ports: int) -> list[Span]:
    """Return the addresses to be asked first: all of them when that was wished, else those of a wide target, where asking is worth it.

    The machine itself needs no asking, and a scan of no more ports than discovery asks finds out by itself.
    """
    if mode is Discovery.ON:
        return list(wanted)
    away = subtract(wanted, LOOPBACK)
    if mode is Discovery.OFF or ports <= len(PORTS) or sum(one.size for one in away) < AUTO_FROM:
        return []
    return away


def left_out(asked: Sequence[Span], alive: Sequence[Span], answers: DiscoverAnswers) -> list[str]:
    """Say in sentences who did not answer: those are not scanned, and nothing is known about them."""
    silent = sum(one.size for one in asked) - sum(one.size for one in intersect(asked, alive))
    if not silent:
        return list(answers.notes)
    ways = "ICMP echo, " if not answers.notes else ""
    asked_ports = ", ".join(str(port) for port in PORTS)
    several, were, their = (f"{silent:,} addresses", "were", "their") if silent > 1 else ("1 address", "was", "its")
    return [
        f"{several} answered nothing ({ways}TCP ports {asked_ports}, the neighbour table) and {were} left out; `--discovery off` asks {their} ports too.",
        *answers.notes,
    ]  # fmt: skip
