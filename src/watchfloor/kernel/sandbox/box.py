"""The inside of a box: put every layer in force, prove it, then run one function and send its answer."""

from __future__ import annotations

import fcntl
import functools
import importlib
import math
import os
import pwd
import resource
import signal
import socket
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

from pydantic_core import to_json

from watchfloor.kernel.errors import GiveUp, SetupError
from watchfloor.kernel.sandbox import landlock, linux, seccomp, wire
from watchfloor.kernel.sandbox.profiles import MIB, Mode, Profile
from watchfloor.kernel.sandbox.reporter import Reporter, bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

_DATA_FD = 3
_NOBODY = 65534
_NOBODYS_TASKS = 1024
_NO_MEMORY = wire.frame(wire.ERROR, wire.pack_error(MemoryError(), ()))


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a supervisor asks of the zygote."""

    function: str
    request_type: str
    profile: Profile
    mode: Mode
    seconds: float
    files: tuple[str, ...] = ()


def resolve(name: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Return the module-level thing that `module:qualname` names."""
    module, _, qualname = name.partition(":")
    return functools.reduce(getattr, qualname.split("."), importlib.import_module(module))


def close_all_but(*keep: int) -> None:
    """Close every file descriptor except these and the three standard ones."""
    low = 3
    for number in sorted(set(keep) - {0, 1, 2}):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 20))


def nobody() -> tuple[int, int]:
    """Return uid and gid that a box gets when we are root."""
    with suppress(KeyError):
        account = pwd.getpwnam("nobody")
        return account.pw_uid, account.pw_gid
    return _NOBODY, _NOBODY


def owner() -> tuple[int, int]:
    """Return the uid and gid of a box: nobody's when we are root, else our own."""
    return nobody() if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def live(order: Order, data: int, files: Sequence[int], workdir: str, layers: list[str]) -> NoReturn:
    """Become the box. Never returns and never unwinds into the zygote's frames."""
    code = 1
    try:
        os.setsid()
        _forget((data, *files), workdir)
        channel = socket.socket(fileno=_DATA_FD)
        _serve(order, channel, workdir, layers)
        code = 0
    finally:
        os._exit(code)


def _forget(kept: Sequence[int], workdir: str) -> None:
    """Leave behind what the zygote has open and in its environment; what is kept stands at 3 and up, in this order."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    above = _DATA_FD + len(kept)
    aside = [fcntl.fcntl(number, fcntl.F_DUPFD, above) for number in kept]  # any of these numbers may stand where another is to go
    for number, found in enumerate(aside, _DATA_FD):
        os.dup2(found, number)
    close_all_but(*range(_DATA_FD, above))
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update({"PATH": "/usr/bin:/bin", "HOME": workdir, "TMPDIR": workdir, "LANG": "C.UTF-8", "TZ": "UTC"})
    tempfile.tempdir = workdir  # the zygote's own was remembered, and a box may not write there
    os.umask(0o077)
    os.chdir(workdir)


def _serve(order: Order, channel: socket.socket, workdir: str, layers: list[str]) -> None:
    secrets: tuple[str, ...] = ()
    try:
        in_force = [f"mode:{order.mode}", *([] if order.mode is Mode.OFF else [*_restrict(order, workdir, layers), *layers])]
        if order.mode is Mode.REQUIRE:
            _insist(in_force)
        channel.sendall(wire.frame(wire.LAYERS, to_json(in_force)))
        request = _request(order, channel)
        secrets = wire.secrets_of(request)
        reporter = Reporter(channel, {name: number for number, name in enumerate(order.files, _DATA_FD + 1)})
        answer = resolve(order.function)(request, reporter)
        reporter.flush()
        last = _answer_frame(answer)
    except MemoryError:
        last = _NO_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever ends the function is its outcome
        last = _error_frame(error, secrets)
    channel.sendall(last)


def _error_frame(error: BaseException, secrets: tuple[str, ...]) -> bytes:
    try:
        return wire.frame(wire.ERROR, wire.pack_error(error, secrets))
    except MemoryError:
        return _NO_MEMORY
    except Exception as failure:  # noqa: BLE001 - a class or message of hostile make
        return wire.frame(wire.ERROR, wire.pack_error(GiveUp(f"sandbox: an error that cannot be described ({type(failure).__name__})"), ()))


def _answer_frame(answer: object) -> bytes:
    return wire.frame(wire.ANSWER, bounded(answer))


def _request(order: Order, channel: socket.socket) -> BaseModel:
    kind, size = wire.HEADER.unpack(_exactly(channel, wire.HEADER.size))
    if kind != wire.REQUEST or size > wire.BODY_LIMIT_BYTES:
        message = f"a request was due, not {kind!r} of {size} bytes"
        raise wire.Malformed(message)
    model = cast("type[BaseModel]", resolve(order.request_type))
    return model.model_validate_json(_exactly(channel, size), by_alias=True, by_name=True)


def _exactly(channel: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = channel.recv(min(size - len(found), MIB))
        if not piece:
            raise wire.Malformed("the supervisor is gone")
        found += piece
    return bytes(found)


def _restrict(order: Order, workdir: str, layers: list[str]) -> list[str]:
    """Put the layers in force, widest right first, and name those that are."""
    named = [_limit(order, user_namespace=any("user" in layer for layer in layers))]
    _drop_user()
    if os.geteuid() != 0:
        named.insert(0, f"uid:{os.geteuid()}")
    if linux.LINUX:
        linux.hide_memory()
        linux.die_with_parent(signal.SIGKILL)
        linux.forbid_new_privileges()
        named += ["nnp"] if linux.has_no_new_privileges() else []
        named += [layer for layer in (landlock.restrict(workdir, order.profile.programs), seccomp.restrict()) if layer]
    return named


def _drop_user() -> None:
    if linux.LINUX:
        with suppress(OSError):  # an ordinary user outside any namespace has none to drop
            linux.drop_bounding_set()
    if os.geteuid() == 0:
        uid, gid = nobody()
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if linux.LINUX:
        with suppress(OSError):
            linux.drop_capabilities()


def _limit(order: Order, *, user_namespace: bool) -> str:
    """Set hard limits per process; return those that hold."""
    profile = order.profile
    wanted = {
        "AS": profile.memory_bytes + 1024 * MIB,  # address space that is only reserved counts too: arenas, thread stacks
        "DATA": profile.memory_bytes + 64 * MIB,
        "CPU": math.ceil(order.seconds) * (os.cpu_count() or 1) + 1,
        "FSIZE": profile.file_bytes,
        "NOFILE": profile.open_files,
        "CORE": 0,
    }
    # The kernel counts tasks per user. Only a user of the boxes' own can be limited without limiting the person.
    if os.geteuid() == 0:
        wanted["NPROC"] = _NOBODYS_TASKS
    elif user_namespace:
        wanted["NPROC"] = profile.processes * 16
    threading.stack_size(MIB)
    return "rlimit:" + ",".join(name for name, value in wanted.items() if _limited(name, value))


def _limited(name: str, value: int) -> bool:
    number = getattr(resource, f"RLIMIT_{name}", None)
    if number is None:
        return False
    hard = resource.getrlimit(number)[1]
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(number, (bounded, bounded))
    except (OSError, ValueError):
        return False  # macOS refuses some; what is not in force is not claimed
    return resource.getrlimit(number) == (bounded, bounded)


_NEEDED = {"uid": "an unprivileged user", "nnp": "no_new_privs (Linux 3.5)", "landlock": "Landlock (Linux 5.13, not disabled at boot)",
           "seccomp": "seccomp filters", "ns": "pid namespaces (unprivileged user namespaces, or root)",
           "rlimit": "resource limits", "watchdog": "a readable /proc"}  # fmt: skip


def _insist(in_force: list[str]) -> None:
    present = {layer.partition(":")[0] for layer in in_force}
    missing = [what for name, what in _NEEDED.items() if name not in present]
    if missing:
        message = (
            f"Isolation is set to 'require' and this machine lacks: {', '.join(missing)}. Provide it or set isolation to 'best-effort'."
        )
        raise SetupError(message)


def named(thing: Callable[..., object] | type) -> str:
    """Return `module:qualname` of something at module level; TypeError for what a fresh process could not find."""
    module, qualname = thing.__module__, thing.__qualname__
    if "<" in qualname or module == "__main__":
        message = f"{module}:{qualname} must stand at the top level of a module that can be imported"
        raise TypeError(message)
    return f"{module}:{qualname}"
