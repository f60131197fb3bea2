"""A deny list of system calls that no box needs and kernel exploits like, as a seccomp program."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import NamedTuple

from watchfloor.kernel.sandbox import linux

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_AT, _SECOND_AT, _THIRD_AT = 0, 4, 16, 24, 32
_X32 = 0x40000000
_NEW_NAMESPACES = (
    linux.NEW_NS | linux.NEW_UTS | linux.NEW_IPC | linux.NEW_USER | linux.NEW_PID | linux.NEW_NET | linux.NEW_CGROUP
)  # fmt: skip
_AF_NETLINK, _AF_PACKET, _IPPROTO_MPTCP = 16, 17, 262


class _Numbers(NamedTuple):
    architecture: int
    socket: int
    clone: int
    unshare: int
    denied: tuple[int, ...]


# The same on every architecture: pidfd_getfd, the new mount calls, io_uring.
_COMMON = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442)
_CLONE3 = 435
# ptrace process_vm_readv process_vm_writev kcmp, mount umount2 pivot_root chroot, setns, bpf perf_event_open userfaultfd,
# keyctl add_key request_key, kexec_load kexec_file_load, init_module finit_module delete_module,
# open_by_handle_at name_to_handle_at, reboot swapon swapoff quotactl acct, settimeofday clock_settime, personality syslog.
_X86_64 = (
    101, 310, 311, 312, 165, 166, 155, 161, 308, 321, 298, 323, 250, 248, 249, 246, 320, 175, 313, 176, 304, 303, 169, 167, 168,
    179, 163, 164, 227, 135, 103, 172, 173, 154,  # iopl ioperm modify_ldt
)  # fmt: skip
_AARCH64 = (
    117, 270, 271, 272, 40, 39, 41, 51, 268, 280, 241, 282, 219, 217, 218, 104, 294, 105, 273, 106, 265, 264, 142, 224, 225,
    60, 89, 170, 112, 92, 116,
)  # fmt: skip
_MACHINES = {
    "x86_64": _Numbers(0xC000003E, 41, 56, 272, _X86_64),
    "aarch64": _Numbers(0xC00000B7, 198, 220, 97, _AARCH64),
}


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _refuse(number: int) -> bytes:
    return _step(_RETURN, _ERRNO | number)


def _if_call(number: int, then: bytes) -> bytes:
    """Run `then`, whole instructions that end in a return, for one system call."""
    return _step(_EQUAL, number, 0, len(then) // 8) + then


def program(machine: str) -> bytes:
    """Return the filter for a machine as `uname -m` names it; KeyError for one we have no numbers for."""
    numbers = _MACHINES[machine]
    refused, allowed = _refuse(errno.EPERM), _step(_RETURN, _ALLOW)
    clone = _step(_LOAD, _FIRST_AT) + _step(_ANY_BIT, _NEW_NAMESPACES, 0, 1) + refused + allowed
    sockets = (
        _step(_LOAD, _FIRST_AT) + _step(_EQUAL, _AF_PACKET, 1, 0) + _step(_EQUAL, _AF_NETLINK, 0, 1) + refused
        + _step(_LOAD, _SECOND_AT) + _step(_AND, 0xF) + _step(_EQUAL, int(socket.SOCK_RAW), 0, 1) + refused
        + _step(_LOAD, _THIRD_AT) + _step(_EQUAL, _IPPROTO_MPTCP, 0, 1) + refused + allowed
    )  # fmt: skip
    start = (
        _step(_LOAD, _ARCHITECTURE_AT) + _step(_EQUAL, numbers.architecture, 1, 0) + _step(_RETURN, _KILL)
        + _step(_LOAD, _NUMBER_AT) + _step(_AT_LEAST, _X32, 0, 1) + refused
    )  # fmt: skip
    # The C library falls back from clone3 to clone, whose flags a filter can read.
    calls = _if_call(_CLONE3, _refuse(errno.ENOSYS)) + _if_call(numbers.clone, clone) + _if_call(numbers.socket, sockets)
    denied = b"".join(_if_call(number, refused) for number in (numbers.unshare, *numbers.denied, *_COMMON))
    return start + calls + denied + allowed


def restrict() -> str | None:
    """Install the filter; return what is in force, or None where the host lacks it or it does not bite."""
    try:
        linux.install_filter(program(os.uname().machine))
    except (OSError, KeyError):
        return None
    return "seccomp" if _bites() else None


def _bites() -> bool:
    # unshare(0) does nothing and succeeds unless the filter is there.
    try:
        linux.unshare(0)
    except OSError as error:
        return error.errno == errno.EPERM
    return False
