"""Listen on many ports of every address, hang up on whoever connects, end when stdin does."""

from __future__ import annotations

import contextlib
import select
import socket
import sys


def main() -> None:
    """Say `ready` when all ports are open."""
    epoll = select.epoll()
    epoll.register(0, select.EPOLLIN | select.EPOLLHUP)
    servers: dict[int, socket.socket] = {}
    for port in map(int, sys.argv[1].split(",")):
        server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=4096)
        server.settimeout(0)
        servers[server.fileno()] = server
        epoll.register(server, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in epoll.poll():
            if fd == 0:
                return
            with contextlib.suppress(OSError):
                while True:
                    servers[fd].accept()[0].close()


if __name__ == "__main__":
    main()
