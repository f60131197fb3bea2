"""Sockets that are used again, one edge-triggered epoll, and what this machine can spare.

Linux puts a socket back into its unconnected state when the error of a refused connect is collected by another connect, so that one
descriptor asks port after port. POSIX leaves that open, therefore `reuse_works` tries it first.
"""

from __future__ import annotations

import errno
import resource
import select
import socket
from pathlib import Path

from watchfloor.capabilities.scans.connect.control import Cap

SPARE_DESCRIPTORS = 64
EVENTS = 256  # taken at once: a cancelled scan waits for no more
NO_DESCRIPTORS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

Address = tuple[str, int] | tuple[str, int, int, int]


class Sockets:
    """All sockets of one scan; `trouble` counts what the system refused, by errno name."""

    def __init__(self, most: int, *, reuse: bool) -> None:
        """Allow so many at once, fewer when this process may not have them."""
        self.reuse = reuse
        self.cap = Cap(min(most, descriptors_free()))
        self.free: dict[int, list[socket.socket]] = {socket.AF_INET: [], socket.AF_INET6: []}
        self.registered: set[int] = set()
        self.trouble: dict[str, int] = {}
        self.short = False  # until the next look at answers

    def start(self) -> None:
        """Open the epoll."""
        self.epoll = select.epoll()

    def open(self, family: int, in_use: int) -> socket.socket | None:
        """Return a new socket, or None when this machine has no more; then fewer are used from now on."""
        try:
            return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as wrong:
            if wrong.errno not in NO_DESCRIPTORS:
                raise
            self.note(wrong.errno)
        self.release_idle()
        self.cap.short_of_descriptors(in_use)
        self.short = True
        return None

    def watch(self, sock: socket.socket) -> None:
        """Have epoll tell when it is answered."""
        fd = sock.fileno()
        if fd not in self.registered:
            self.registered.add(fd)
            self.epoll.register(fd, select.EPOLLOUT | select.EPOLLET)

    def answered(self, pause: float) -> list[tuple[int, int]]:
        """Return descriptors with news; some may be of earlier use."""
        return self.epoll.poll(pause, EVENTS)

    def give_back(self, family: int, sock: socket.socket) -> None:
        """Keep a refused socket for the next probe."""
        if self.reuse:
            self.free[family].append(sock)
        else:
            self.discard(sock)

    def discard(self, sock: socket.socket) -> None:
        """Close."""
        # Closing takes the descriptor out of epoll; its number may come back as another socket.
        self.registered.discard(sock.fileno())
        sock.close()

    def release_idle(self) -> None:
        """Close what waits for its next use."""
        for idle in self.free.values():
            while idle:
                self.discard(idle.pop())

    def close(self) -> None:
        """Close what is idle and the epoll."""
        self.release_idle()
        self.epoll.close()

    def note(self, number: int) -> None:
        """Count what the system refused."""
        name = errno.errorcode.get(number, str(number))
        self.trouble[name] = self.trouble.get(name, 0) + 1


def reuse_works() -> bool:
    """Try on this machine whether one socket can be refused twice and then connect."""
    with socket.socket() as closed, socket.socket() as listening, socket.socket() as sock:
        sock.settimeout(0)
        closed.bind(("127.0.0.1", 0))
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        refused = [_connect_and_collect(sock, closed.getsockname()) for _ in range(2)]
        return refused == [errno.ECONNREFUSED] * 2 and _connect_and_collect(sock, listening.getsockname()) == 0


def _connect_and_collect(sock: socket.socket, address: Address) -> int:
    """Connect, wait up to a second, and collect the result with a second connect."""
    answer = sock.connect_ex(address)
    if answer != errno.EINPROGRESS:
        return answer
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    poll.poll(1000)
    return sock.connect_ex(address)


def has_family(family: int) -> bool:
    """Return whether this machine speaks IPv4 or IPv6 at all."""
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as wrong:
        return wrong.errno != errno.EAFNOSUPPORT
    return True


def descriptors_free() -> int:
    """Return how many sockets this process may still open, less a reserve."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        used = SPARE_DESCRIPTORS
    return max(8, limit - used - min(SPARE_DESCRIPTORS, limit // 4))
