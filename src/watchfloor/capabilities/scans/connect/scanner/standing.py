"""Where a scan stands, so that another attempt can go on from there."""

from __future__ import annotations

import zlib
from array import array
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.scanner.host import Beside
from watchfloor.capabilities.scans.schemas import Group, GroupCursor, Place, ProbeAnswers, Tally
from watchfloor.capabilities.scans.schemas.ranges import port_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchfloor.capabilities.scans.connect.scanner.host import Host, Waiting


class Standing:
    """The finished groups, and the cursors of the present one."""

    def __init__(self, hosts: Sequence[Host], resume: ProbeAnswers | None) -> None:
        """Know again what an earlier attempt learned."""
        self.hosts = hosts
        self.place = (resume.place if resume else None) or Place()
        self.resumed = {answer.address: answer for answer in resume.hosts} if resume else {}
        for host in hosts:
            if host.address in self.resumed:
                host.restore(self.resumed[host.address], self.place)

    def take_up(self, group: Group, ports: array[int]) -> None:
        """Begin a group, or go on in it when the ports are in the order that the cursors speak of."""
        mine, order = bytearray(1 << 16), zlib.crc32(ports.tobytes())  # a set of all ports would take 5 MB
        for port in ports:
            mine[port] = 1
        goes_on = self.place.group == group and self.place.order == order
        self.place = Place(finished=self.place.finished, group=group, order=order)
        for host in self.hosts:
            host.opened_before = sum(not mine[port] for port in host.opened)
            cursor = self.resumed[host.address].cursor if goes_on and host.address in self.resumed else None
            if cursor is not None:
                host.go_on(cursor)
            else:
                host.opened = [port for port in host.opened if not mine[port]]
                host.filtered_ports = array("H", (port for port in host.filtered_ports if not mine[port]))
        self.resumed = {}

    def finish(self, group: Group) -> None:
        """Note that a group is done."""
        self.place = Place(finished=(*self.place.finished, group))

    def told(self, waiting: Iterable[Waiting], ports: int) -> tuple[Place, dict[str, tuple[Tally, GroupCursor]]]:
        """Return the place, and in an unfinished group of so many ports the tally and cursor of each host."""
        if self.place.group is None:
            return self.place, {}
        in_flight: dict[int, list[int]] = {}
        for one in waiting:
            if not isinstance(one.host, Beside):
                in_flight.setdefault(id(one.host), []).append(one.port)
        found = {}
        for host in self.hosts:
            pending = sorted({*in_flight.get(id(host), ()), *(port for port, _ in host.again)})
            cursor = GroupCursor(
                next=host.next, closed=host.closed, filtered=host.filtered, unreachable=host.unreachable, pending=port_ranges(pending),
                silent=port_ranges(sorted(host.silent)),
            )  # fmt: skip
            found[host.address] = (host.tally(ports), cursor)
        return self.place, found
