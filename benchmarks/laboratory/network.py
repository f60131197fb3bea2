"""A network namespace for ourselves: nobody else's traffic, free ports, and exact counters."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Final

CLONE_NEWNET: Final = 0x40000000
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1


def leave() -> None:
    """Move this process, before it has threads, and all it starts into a namespace with nothing but loopback; raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def connections() -> int:
    """Return how many TCP connections have been asked for in this namespace."""
    names, values = (
        line.split() for line in Path("/proc/self/net/snmp").read_text(encoding="ascii").splitlines() if line.startswith("Tcp:")
    )
    return int(values[names.index("ActiveOpens")])
