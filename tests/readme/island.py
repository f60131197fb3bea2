"""A network of its own for whatever runs commands of the documentation: loopback, nobody else's ports, no way out."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

NEW_USER, NEW_NET = 0x10000000, 0x40000000
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1


def enter() -> None:
    """Move this process to an island; for `preexec_fn`, since what is entered cannot be left."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NET if uid == 0 else NEW_NET | NEW_USER):
        raise OSError(ctypes.get_errno(), "no network namespace")
    if uid:  # stay who we are: services refuse to run as root
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    with socket.socket() as line:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(line, GET_FLAGS, request))[1]
        fcntl.ioctl(line, SET_FLAGS, struct.pack("16sh14x", b"lo", flags | UP))


@cache
def unreachable() -> str | None:
    """Return why there is no island on this machine, or None where there is one."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    try:
        subprocess.run([sys.executable, "-c", ""], preexec_fn=enter, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        return f"this machine lets us have no network namespace: {error}"
    return None
