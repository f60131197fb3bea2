"""Landlock: a box reads the program's own files and a few of the system's, and writes in its work folder alone."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.kernel.sandbox import linux

if TYPE_CHECKING:
    from collections.abc import Sequence

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
_READ = _READ_FILE | _READ_DIR
_EXECUTE, _DEVICE_CONTROL = 1 << 0, 1 << 15
_RIGHTS_SINCE = (2, 3, 5)  # refer, truncate, device control
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2

# Name resolution, time zones, certificates, and what the loader needs for a late import.
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf",
    "/etc/services", "/etc/protocols", "/etc/localtime", "/etc/ssl", "/etc/pki/tls",
    "/etc/pki/ca-trust/extracted", "/etc/ca-certificates/extracted", "/etc/ld.so.cache", "/dev/urandom", "/dev/random",
    "/proc/net/arp",  # who is on our own links
)  # fmt: skip

# What the kernel starts in the place of a dynamically linked program.
_LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1")


def version() -> int:
    """Return the kernel's Landlock version, 0 without Landlock."""
    try:
        return linux.syscall(_CREATE, None, 0, 1)
    except OSError:
        return 0


def _rights(abi: int) -> int:
    """Return every file right this version knows."""
    count = 13 + sum(abi >= since for since in _RIGHTS_SINCE)
    return (1 << count) - 1


def _allow(ruleset: int, path: str, rights: int) -> None:
    with suppress(OSError):  # a path that this machine lacks needs no rule
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            kept = rights if Path(path).is_dir() else rights & ~_READ_DIR
            linux.syscall(_ADD_RULE, ruleset, 1, ctypes.create_string_buffer(struct.pack("=Qi", kept, handle)), 0)
        finally:
            os.close(handle)


def code_folders() -> set[str]:
    """Return the folders this program's modules come from."""
    return {path for path in (*sys.path, sys.prefix, sys.base_prefix) if path and path != "/" and Path(path).is_absolute()}


def restrict(workdir: str, programs: Sequence[str] = ()) -> str | None:
    """Confine this process and its children; return what is in force, or None where it is absent or does not bite.

    Nothing can be executed but `programs`, and for their sake the loader, which could start any file that may be read. Processes outside get no signals where the kernel knows scopes (Linux 6.12).
    """
    abi = version()
    if not abi:
        return None
    rights = _rights(abi)
    scopes = _ABSTRACT_SOCKETS | _SIGNALS if abi >= _SCOPES_SINCE else 0
    fields = 1 + (abi >= _NETWORK_SINCE) + (abi >= _SCOPES_SINCE)
    attributes = struct.pack(f"={fields}Q", *(rights, 0, scopes)[:fields])
    try:
        ruleset = linux.syscall(_CREATE, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
        for path in {*_SYSTEM, *code_folders()}:
            _allow(ruleset, path, _READ)
        for path in (*programs, *(_LOADERS if programs else ())):
            _allow(ruleset, path, _READ_FILE | _EXECUTE)
        _allow(ruleset, "/dev/null", _READ_FILE | _WRITE_FILE)
        _allow(ruleset, workdir, rights & ~_EXECUTE & ~_DEVICE_CONTROL)
        linux.syscall(_RESTRICT, ruleset, 0)
        os.close(ruleset)
    except OSError:
        return None
    return f"landlock:{abi}" if _bites() else None


def _bites() -> bool:
    try:
        os.listdir("/")  # noqa: PTH208 - names, or an open folder
    except PermissionError:
        return True
    return False
