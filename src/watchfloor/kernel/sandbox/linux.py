"""System calls of Linux that Python does not offer, by ctypes; on other systems each says that it is absent."""

from __future__ import annotations

import ctypes
import os
import sys

LINUX = sys.platform == "linux"

NEW_TIME, NEW_NS, NEW_UTS, NEW_IPC = 0x80, 0x20000, 0x4000000, 0x8000000
NEW_USER, NEW_PID, NEW_NET, NEW_CGROUP = 0x10000000, 0x20000000, 0x40000000, 0x2000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000

_PDEATHSIG, _DUMPABLE, _SECCOMP, _CAPBSET_DROP, _SUBREAPER, _NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 1, 4, 22, 24, 36, 38, 39
_CAPSET = {"x86_64": 126, "aarch64": 91}
_LAST_CAPABILITY = 63

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, argument: object = 0) -> int:
    """Set or ask one property of this process; OSError where the kernel refuses or there is none."""
    if not LINUX:
        raise OSError("prctl exists on Linux only")
    value = ctypes.c_ulong(argument) if isinstance(argument, int) else argument
    zero = ctypes.c_ulong(0)
    return _checked(_libc.prctl(option, value, zero, zero, zero), f"prctl({option})")


def syscall(number: int, *arguments: object) -> int:
    """Make a raw system call; integers are passed as 64 bits."""
    if not LINUX:
        raise OSError("raw system calls are made on Linux only")
    wide = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide), f"system call {number}")


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this signal when the thread that forked us ends; lost again when the uid changes."""
    prctl(_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    prctl(_SUBREAPER, 1)


def hide_memory(*, hide: bool = True) -> None:
    """Refuse ptrace and /proc/PID/mem to processes of the same user, or allow them again."""
    prctl(_DUMPABLE, 0 if hide else 1)


def forbid_new_privileges() -> None:
    """Make setuid files and file capabilities powerless for this process and its children; for ever."""
    prctl(_NO_NEW_PRIVS, 1)


def has_no_new_privileges() -> bool:
    """Tell what the kernel says, not what was asked."""
    return prctl(_GET_NO_NEW_PRIVS) == 1


def unshare(flags: int) -> None:
    """Enter new namespaces; NEW_PID takes effect for children."""
    if not LINUX:
        raise OSError("namespaces exist on Linux only")
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount a file system in the current mount namespace."""
    if not LINUX:
        raise OSError("mount namespaces exist on Linux only")
    arguments = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _checked(_libc.mount(*arguments), f"mount {kind} on {target}")


def set_hostname(name: str) -> None:
    """Name the host of this uts namespace."""
    _checked(_libc.sethostname(name.encode(), len(name.encode())), "sethostname")


def drop_bounding_set() -> None:
    """Give up every capability that a later exec could gain; needs CAP_SETPCAP, so before the uid changes."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(_CAPBSET_DROP, capability)
        except OSError:
            return  # past the kernel's last capability


def drop_capabilities() -> None:
    """Give up every capability this process holds, also those inside a user namespace."""
    number = _CAPSET.get(os.uname().machine)
    if number is None:
        raise OSError(f"no capset number known for {os.uname().machine}")
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscall(number, header, (ctypes.c_uint32 * 6)())


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install_filter(program: bytes) -> None:
    """Install a seccomp program of 8-byte instructions; needs no_new_privs."""
    mode = ctypes.c_ulong(2)
    zero = ctypes.c_ulong(0)
    box = _Filter(len(program) // 8, program)
    _checked(_libc.prctl(_SECCOMP, mode, ctypes.byref(box), zero, zero), "seccomp")
