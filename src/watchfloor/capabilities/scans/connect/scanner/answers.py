"""What the system's answer to one connect says about a port."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.scanner.host import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchfloor.capabilities.scans.connect.scanner.host import Host, Waiting
    from watchfloor.capabilities.scans.connect.scanner.sockets import Sockets

NO_LINGER = struct.pack("ii", 1, 0)
SELF_CONNECTS = 8
UNREACHABLE_IN_A_ROW = 3
NO_ROOM = frozenset((errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM))
NO_WAY = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH))
# A router's words arrive in a round trip or two; this machine's own, that nobody answers for an address on its network, after seconds.
ROUTER_SECONDS = 0.95


class Answers:
    """Settles ports; refusals, nearly all of them, are counted where they arrive."""

    def __init__(self, sockets: Sockets, on_open: Callable[[Host, int], None]) -> None:
        """Tell `on_open` of each open port."""
        self.sockets, self.on_open = sockets, on_open
        self.opened = 0
        self.self_connects: dict[tuple[str, int], int] = {}

    def settle(self, one: Waiting, answer: int, now: float, ports: Sequence[int], *, at_once: bool) -> bool:
        """Note an answer that is not a refusal; returns False when sending to this host must pause."""
        if answer in {0, errno.EISCONN}:
            self.accepted(one, now)
            return True
        host, port, attempt = one.host, one.port, one.attempt
        self.sockets.discard(one.sock)
        if answer in NO_ROOM:
            self.sockets.note(answer)
            self.sockets.cap.short_of_ports()
            self.sockets.short = True
            host.again.append((port, attempt))
            return False
        if answer in {errno.ECONNRESET, errno.ECONNABORTED}:
            host.closed += 1
            host.pace.replies(now, attempt=attempt)
            return True
        if answer == errno.ETIMEDOUT:
            host.silent.append(port)
            return True
        host.unreachable += 1
        host.filtered_ports.append(port)
        if answer not in NO_WAY:
            self.sockets.note(answer)
        return self._still_there(host, ports) if at_once or now - one.sent > ROUTER_SECONDS else True

    def _still_there(self, host: Host, ports: Sequence[int]) -> bool:
        """Drop a host that this machine has no route to; a router's answer about one port does not count, others may be open."""
        host.unreachable_row += 1
        if host.loopback or host.pace.answered or host.unreachable_row < UNREACHABLE_IN_A_ROW:
            return True
        host.unreachable_row = 0
        host.give_up(ports)
        return False

    def accepted(self, one: Waiting, now: float) -> None:
        """Note an open port, unless the socket reached itself."""
        host, port, sock = one.host, one.port, one.sock
        try:
            ourselves = sock.getsockname()[:2] == sock.getpeername()[:2]
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        except OSError:  # It was reset in the meantime: it did accept.
            ourselves = False
        self.sockets.discard(sock)
        if ourselves:
            # On loopback a socket that happens to have the asked port as its own connects to itself: nobody listens there.
            seen = self.self_connects[host.address, port] = self.self_connects.get((host.address, port), 0) + 1
            if seen < SELF_CONNECTS:
                host.again.append((port, one.attempt))
            else:
                host.closed += 1
            return
        host.opened.append(port)
        host.answers_on = port
        host.pace.replies(now, attempt=one.attempt)
        if not isinstance(host, Beside):
            self.opened += 1
            self.on_open(host, port)
