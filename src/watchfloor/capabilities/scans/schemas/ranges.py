"""Ports as ranges and ranges as ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.capabilities.scans.schemas.words import PortRange


def port_ranges(ports: Iterable[int]) -> tuple[PortRange, ...]:
    """Return sorted ports as ranges."""
    found: list[PortRange] = []
    for port in ports:
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return tuple(found)


def each_port(ranges: Iterable[PortRange]) -> Iterator[int]:
    """Yield every port of these ranges."""
    return (port for first, last in ranges for port in range(first, last + 1))
