"""The keeper of one box: starts it, watches its limits, and ends every process of it whatever happens."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic_core import to_json

from watchfloor.kernel.sandbox import box, linux, processes, workdir
from watchfloor.kernel.sandbox.namespaces import Namespaces
from watchfloor.kernel.sandbox.profiles import Mode

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from watchfloor.kernel.sandbox.box import Order

TICK_S = 0.1
GRACE_S = 0.3
_STATUS = struct.Struct("=i")
STOP = b"T"


def keep(order: Order, control: socket.socket, handles: Sequence[int], *, zygote_life: int, client: int, offered: Namespaces) -> NoReturn:
    """Run one box in this forked process, tell the client how it ended once nothing of it is left, and exit.

    Args:
        order: What to run.
        control: The client's connection: a stop request or its end ends the box.
        handles: The box's channel to the client, then its files.
        zygote_life: A pipe whose end means that the zygote is gone.
        client: The client's process id, 0 where the system does not tell.
        offered: Namespaces that work here.
    """
    code = 1
    try:
        box.close_all_but(control.fileno(), *handles, zygote_life)
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # pipes and connections say when to stop; a keeper that dies early leaves a box
        control.settimeout(None)
        outcome = Keeper(order, control, zygote_life, client, offered).run(handles)
        with suppress(OSError):
            control.sendall(to_json(outcome))
        code = 0
    except Exception as error:  # noqa: BLE001 - told to the client, who raises it
        processes.end_descendants()
        with suppress(OSError):
            control.sendall(to_json({"ended": "keeper", "text": f"{type(error).__name__}: {error}"}))
    finally:
        os._exit(code)


class Keeper:
    """Watches one box. Single-threaded."""

    def __init__(self, order: Order, control: socket.socket, zygote_life: int, client: int, offered: Namespaces) -> None:
        """Prepare; nothing runs yet."""
        self._order = order
        self._control = control
        self._life = zygote_life
        self._client = process_handle(client)
        self._namespaces = offered if order.mode is not Mode.OFF else Namespaces()
        self._watched = processes.available()
        self._ended = ""
        self._peak = 0

    def run(self, handles: Sequence[int]) -> dict[str, Any]:
        """Start the box, wait for its end, and return how it ended."""
        started = time.monotonic()
        if linux.LINUX:
            linux.adopt_orphans()
        wake = wake_on_child()
        self._folder = workdir.make(on_disk=self._order.profile.on_disk)
        try:
            first, status = self._start(handles)
            for number in handles:
                os.close(number)
            rusage = self._watch(first, wake, started + self._order.seconds)
        finally:
            if gone := processes.end_descendants():
                self._folder.remove()
        raw = os.read(status, _STATUS.size)
        code = os.waitstatus_to_exitcode(_STATUS.unpack(raw)[0]) if len(raw) == _STATUS.size else -int(signal.SIGKILL)
        return {
            "ended": self._ended or ("exit" if code >= 0 else "signal"),
            "code": code,
            "gone": gone,
            "seconds": time.monotonic() - started,
            "cpu_ms": int((rusage.ru_utime + rusage.ru_stime) * 1000),
            "memory_bytes": max(self._peak, rusage.ru_maxrss * (1024 if linux.LINUX else 1)),
        }

    def _start(self, handles: Sequence[int]) -> tuple[int, int]:
        status, status_write = os.pipe()
        self._namespaces.enter_before_fork()
        pid = os.fork()
        if pid == 0:
            with suppress(BaseException):
                _first(self._order, handles, status_write, self._folder.path, self._namespaces, watched=self._watched)
            os._exit(1)
        os.close(status_write)
        return pid, status

    def _watch(self, first: int, wake: int, deadline: float) -> Any:  # noqa: ANN401 - resource.struct_rusage
        poll = select.poll()
        for source in (wake, self._control.fileno(), self._life, self._client):
            if source >= 0:
                poll.register(source, select.POLLIN)
        kill_at = deadline
        while True:
            now = time.monotonic()
            ready = {source for source, _ in poll.poll(max(0.0, min(TICK_S, kill_at - now)) * 1000)}
            if wake in ready:
                os.read(wake, 4096)
                ended, _, rusage = os.wait4(first, os.WNOHANG)
                if ended:
                    return rusage
            if self._control.fileno() in ready and _next_word(self._control) == STOP:
                self._ended = self._ended or "stopped"
                os.kill(first, signal.SIGTERM)
                kill_at = min(kill_at, time.monotonic() + GRACE_S)
            elif ready - {wake} or time.monotonic() >= kill_at or self._over_limits(first):
                self._ended = self._ended or ("abandoned" if ready - {wake} else "deadline")
                self._kill(first)
                return os.wait4(first, 0)[2]

    def _over_limits(self, first: int) -> bool:
        if not self._watched or self._order.mode is Mode.OFF:
            return False
        profile = self._order.profile
        found = processes.tree(first, profile.processes + 1)
        # Pages that several processes share count once, which is looked at closely only where it would be a new peak.
        used = processes.memory_bytes(found, profile.memory_bytes if len(found) == 1 else min(self._peak, profile.memory_bytes))
        self._peak = max(self._peak, used)
        if len(found) > profile.processes:
            self._ended = "processes"
        elif used > profile.memory_bytes:
            self._ended = "memory"
        elif profile.on_disk and self._folder.holds_more_than(profile.workdir_bytes):
            self._ended = "files"
        return self._ended in {"processes", "memory", "files"}

    def _kill(self, first: int) -> None:
        if not self._namespaces.pid:
            # While its first process lives the tree hangs together and can be stopped before it is killed.
            below = processes.descendants(first)
            processes.signal_all(below, signal.SIGSTOP)
        os.kill(first, signal.SIGKILL)


def _first(order: Order, handles: Sequence[int], status: int, folder: str, offered: Namespaces, *, watched: bool) -> None:
    """Be the box's first process: start the job, reap what it leaves, end when it ends."""
    os.setsid()
    box.close_all_but(*handles, status)
    signal.set_wakeup_fd(-1)
    if linux.LINUX:
        linux.die_with_parent(signal.SIGKILL)
    poll = select.poll()
    poll.register(status, 0)
    if poll.poll(0):
        return  # the keeper ended before the kernel knew that we want to end with it
    names = offered.enter_first(folder, None if order.profile.on_disk else order.profile.workdir_bytes, box.owner())
    layers = ([f"ns:{','.join(names)}"] if names else []) + (["watchdog"] if watched else [])
    job = os.fork()
    if job == 0:
        box.live(order, handles[0], handles[1:], folder, layers)
    for number in handles:
        os.close(number)
    signal.signal(signal.SIGTERM, lambda *_: _pass_on(job))
    os.write(status, _STATUS.pack(_wait_for(job)))
    os._exit(0)


def _pass_on(job: int) -> None:
    for send in (os.killpg, os.kill):  # the job may not have its own group yet
        with suppress(OSError):
            send(job, signal.SIGTERM)
            return


def _wait_for(job: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == job:
            return status


def _next_word(control: socket.socket) -> bytes:
    try:
        return control.recv(1)
    except OSError:
        return b""


def wake_on_child() -> int:
    """Return a pipe that becomes readable when a child changes state."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read


def process_handle(pid: int) -> int:
    """Return something that becomes readable when the process ends, -1 where there is no such thing."""
    if pid and hasattr(os, "pidfd_open"):
        with suppress(OSError):
            return os.pidfd_open(pid)
    return -1
