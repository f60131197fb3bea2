"""One address in a scan: what is still to ask, what is known, and what is asked beside the scan to judge it."""

from __future__ import annotations

import socket
from array import array
from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.control import Neighbourhood, Pace
from watchfloor.capabilities.scans.schemas import Tally
from watchfloor.capabilities.scans.schemas.ranges import each_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.scans.schemas import Group, GroupCursor, HostAnswer, Place

CONFIRMING = 24


class Waiting:
    """A probe that was sent and not answered."""

    __slots__ = ("attempt", "host", "port", "sent", "sock")

    def __init__(self, host: Host, port: int, attempt: int, sock: socket.socket, sent: float) -> None:
        """Note when it was sent."""
        self.host, self.port, self.attempt, self.sock, self.sent = host, port, attempt, sock, sent


class Host:
    """One address: its pace, and where it stands in the present group.

    `filtered_ports` are all ports so far that were asked in vain (unreachable ones too), `skipped_ports` those that were not settled;
    what is in neither and not in `opened` refused. `accepts_all` says that it accepts connections to ports that nobody listens on.
    """

    __slots__ = (
        "accepts_all", "address", "again", "answers_on", "canary", "closed", "confirming", "decoy", "eager", "family", "filtered",
        "filtered_ports", "in_flight", "loopback", "next", "opened", "opened_before", "pace", "passes", "paused", "queued", "rescued_before",
        "silent", "skipped_ports", "tail", "tallies", "unreachable", "unreachable_row",
    )  # fmt: skip

    def __init__(self, address: str, neighbourhood: Neighbourhood | None = None) -> None:
        """Begin with nothing known."""
        parsed = ip_address(address)
        self.address = address
        self.family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6  # noqa: PLR2004 - an IP version
        self.tail = () if parsed.version == 4 else (0, 0)  # noqa: PLR2004 - see above
        self.loopback = parsed.is_loopback
        self.pace = Pace(neighbourhood)
        self.opened: list[int] = []
        self.filtered_ports, self.skipped_ports = array("H"), array("H")
        self.tallies: dict[Group, Tally] = {}
        self.eager = True
        self.accepts_all = self.paused = False
        self.answers_on: int | None = None
        self.canary: Beside | None = None
        self.decoy: Beside | None = None
        self.unreachable_row = self.in_flight = self.opened_before = 0
        self.begin()

    def begin(self) -> None:
        """Start a group."""
        self.next = self.closed = self.filtered = self.unreachable = self.passes = self.rescued_before = 0
        self.again: deque[tuple[int, int]] = deque()
        self.silent = array("H")
        self.confirming = self.queued = False

    def restore(self, answer: HostAnswer, place: Place) -> None:
        """Know again what an earlier attempt learned."""
        self.opened = list(each_port(answer.open))
        self.filtered_ports = array("H", each_port(answer.filtered))
        self.tallies = {group: tally for group, tally in answer.tallies.items() if group in place.finished}

    def go_on(self, cursor: GroupCursor) -> None:
        """Stand in the present group where an earlier attempt stood; what was in flight then is asked again."""
        self.next, self.closed, self.filtered, self.unreachable = cursor.next, cursor.closed, cursor.filtered, cursor.unreachable
        self.again = deque((port, 0) for port in each_port(cursor.pending))
        self.silent = array("H", each_port(cursor.silent))

    def tally(self, ports: int) -> Tally:
        """Return the counts of the present group of so many ports."""
        opened = len(self.opened) - self.opened_before
        known = opened + self.closed + self.filtered + self.unreachable
        return Tally(open=opened, closed=self.closed, filtered=self.filtered, unreachable=self.unreachable, skipped=ports - known)

    def room(self) -> int:
        """Return how many more probes may go out now."""
        if self.paused:
            return 0
        room = self.pace.room()
        # Each pass over what stayed silent is slower than the one before, yet not so slow that a limit on resets goes unused.
        return (max(CONFIRMING, room >> (1 + self.passes)) if self.confirming else room) - self.in_flight

    def tries(self, least: int) -> int:
        """Return how often a port is asked before it counts as silent."""
        return 1 if self.confirming else self.pace.tries(least)

    def left(self, ports: Sequence[int]) -> Sequence[int]:
        """Return what was asked without a verdict or not asked at all."""
        return (*ports[self.next :], *(port for port, _ in self.again), *self.silent)

    def give_up(self, ports: Sequence[int]) -> None:
        """Ask nothing more of this group: what was not asked yet is unreachable."""
        rest = (*ports[self.next :], *(port for port, _ in self.again))
        self.unreachable += len(rest)
        self.filtered_ports.extend(rest)
        self.next = len(ports)
        self.again.clear()


class Beside(Host):
    """A host asked beside the scan, at the same pace and only once for each port; what it answers is no result.

    A canary asks a port again that is known to answer: when it falls silent, the network drops what we send. A decoy asks ports that
    nobody would use: when they accept, something accepts everything.
    """

    __slots__ = ("of",)

    def __init__(self, of: Host, ports: Sequence[int]) -> None:
        """Ask these ports of the same address."""
        super().__init__(of.address)
        self.of, self.pace, self.eager = of, of.pace, of.eager
        self.ask(ports)

    def ask(self, ports: Sequence[int]) -> None:
        """Ask these ports, and nothing else."""
        self.next = 1 << 16
        self.again.extend((port, 0) for port in ports)

    def room(self) -> int:
        """Return as many as there are: a handful, whatever else is in flight."""
        return len(self.again)

    def tries(self, least: int) -> int:
        """Return one: its silence is the answer."""
        del least
        return 1
