"""What a file of another scanner says: hosts, ports, and which ports it proves were looked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads it when the program runs
from typing import Final

from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import PortRange, Protocol, Service, Shape

HOSTS_MAX: Final = 65_536
PORTS_MAX: Final = 2_000_000
TEXT_CHARACTERS: Final = 300


@dataclass(frozen=True)
class OpenPort:
    """One port that was open, and what the file says answered there."""

    protocol: Protocol
    service: Service
    banner: bytes = b""


@dataclass(frozen=True)
class FoundHost:
    """One address that answered.

    `closed` and `filtered` are TCP ports that the file proves were asked; a port that is in neither and not open is unknown.
    """

    address: str
    name: str = ""
    rtt_ms: float | None = None
    open: tuple[OpenPort, ...] = ()
    closed: tuple[PortRange, ...] = ()
    filtered: tuple[PortRange, ...] = ()


@dataclass(frozen=True)
class Imported:
    """Everything a file says. `at` is when the look ended, None when the file does not say; `notes` are sentences."""

    tool: str
    hosts: tuple[FoundHost, ...]
    at: datetime | None = None
    silent: int = 0
    notes: tuple[str, ...] = ()


class FileRead(Shape):
    """What a file says, on its way out of a box."""

    found: tuple[Imported, ...]


def words(text: str, most: int = TEXT_CHARACTERS) -> str:
    """Return a stranger's text, harmless and bounded."""
    return escape(text, most)


def ranges_of(ports: set[int]) -> tuple[PortRange, ...]:
    """Return ports as sorted ranges."""
    found: list[PortRange] = []
    for port in sorted(ports):
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return tuple(found)
