"""Inside the zygote: a warm single-threaded process that knows nothing and forks a keeper for each box."""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json

from watchfloor.kernel.sandbox import box, keeper, linux, processes, wire, workdir
from watchfloor.kernel.sandbox.namespaces import probe
from watchfloor.kernel.sandbox.profiles import Mode, Profile

KIND = socket.SOCK_SEQPACKET if linux.LINUX else socket.SOCK_STREAM
ORDER_LIMIT_BYTES = 16384
_BACKLOG = 128
_PENDING = 512
_TICK_MS = 500
# Python loads these at first use, when a box may no longer be allowed to read them.
_LATE = ("encodings.idna", "encodings.ascii", "encodings.latin_1", "encodings.punycode", "unicodedata", "_strptime")


def main() -> None:
    """Serve until the parent ends, closes our standard input, or sends SIGTERM."""
    settings = from_json(sys.argv[1])
    os.environ.pop("PYTHONPATH", None)
    if os.getppid() != settings["parent"]:
        return
    for module in (*_LATE, *settings["preload"]):
        importlib.import_module(module)
    Nursery(settings["address"], settings["parent"], settings["warm"]).serve()


class Nursery:
    """Accepts orders and forks keepers."""

    def __init__(self, address: str, parent: int, warm: list[str]) -> None:
        """Open the socket, become the parent of orphans, and find out what this machine offers."""
        self._address = address
        self._parent = parent
        self._warm = warm
        self._offered = probe()
        workdir.sweep()
        if linux.LINUX:
            linux.adopt_orphans()
            linux.hide_memory()
        self._listener = socket.socket(socket.AF_UNIX, KIND)
        Path(address).unlink(missing_ok=True)
        self._listener.bind(address)
        self._listener.listen(_BACKLOG)
        self._pending: dict[int, socket.socket] = {}
        self._keepers: set[int] = set()
        self._orphans = False
        self._stopping = False
        self._life, self._life_write = os.pipe()
        self._wake = keeper.wake_on_child()
        self._parent_handle = keeper.process_handle(parent)
        for number, answer in ((signal.SIGTERM, self._stop), (signal.SIGINT, signal.SIG_IGN)):
            signal.signal(number, answer)

    def serve(self) -> None:
        """Say that we are ready, then serve."""
        gc.collect()
        gc.freeze()  # collections in children would copy every page they touch
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.close(null)
        try:
            while not self._stopping and os.getppid() == self._parent:
                self._turn()
        finally:
            self._close()

    def _turn(self) -> None:
        poll = select.poll()
        fixed = {self._listener.fileno(), self._wake, self._parent_handle, 0}
        for source in (fixed | set(self._pending)) - {-1}:
            poll.register(source, select.POLLIN)
        ready = {source for source, _ in poll.poll(_TICK_MS)}
        if self._wake in ready:
            os.read(self._wake, 4096)
        self._reap()
        if not ready and self._warm:
            self._warm_up(self._warm.pop(0))
        if ready & {0, self._parent_handle}:
            self._stopping = True  # standard input carries nothing: readable means closed
            return
        if self._listener.fileno() in ready:
            self._accept()
        for source in ready & set(self._pending):
            self._order(self._pending.pop(source))

    def _warm_up(self, module: str) -> None:
        """Import what boxes will want, while nobody waits; one that cannot be imported is for the box that needs it to say."""
        try:
            importlib.import_module(module)
        except ImportError as error:
            sys.stderr.write(f"watchfloor sandbox: {module} cannot be imported: {error}\n")
        gc.collect()
        gc.freeze()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._pending) >= _PENDING or not self._trusted(connection):
            connection.close()
            return
        connection.settimeout(0)
        self._pending[connection.fileno()] = connection

    def _trusted(self, connection: socket.socket) -> bool:
        """Refuse other users, and boxes of our own user: a box must not order a box without limits."""
        if not linux.LINUX:
            return True  # the folder of the socket is the guard
        pid, uid, _ = peer(connection)
        return uid == os.geteuid() and pid != 0 and not processes.descends(pid, os.getpid())

    def _order(self, connection: socket.socket) -> None:
        with connection, contextlib.ExitStack() as opened:
            try:
                message, ancillary, _, _ = connection.recvmsg(ORDER_LIMIT_BYTES, socket.CMSG_SPACE(4 * (1 + wire.MOST_FILES)))
                handles = _handles(ancillary)
                for handle in handles:
                    opened.callback(os.close, handle)
                if message and handles:
                    order = read_order(message)
                    if len(handles) == 1 + len(order.files):
                        self._start(order, connection, handles)
            except Exception as error:  # noqa: BLE001 - one bad order must not end the zygote; the client is told
                with contextlib.suppress(OSError):
                    connection.sendall(to_json({"ended": "load", "text": wire.scrub(f"{type(error).__name__}: {error}")}))

    def _start(self, order: box.Order, connection: socket.socket, handles: list[int]) -> None:
        self._load(order)
        pid = os.fork()
        if pid == 0:
            client = peer(connection)[0] if linux.LINUX else 0
            keeper.keep(order, connection, handles, zygote_life=self._life, client=client, offered=self._offered)
        self._keepers.add(pid)

    def _load(self, order: box.Order) -> None:
        """Import here what the box runs: once for all boxes, and before a box loses the right to read the code."""
        before = len(sys.modules)
        box.resolve(order.function)
        box.resolve(order.request_type)
        if threading.active_count() > 1:
            self._stopping = True
            message = f"importing {order.function} starts a thread; a process with threads cannot be forked safely"
            raise RuntimeError(message)
        if len(sys.modules) != before:
            gc.collect()
            gc.freeze()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                known = found[0] in self._keepers
                self._keepers.discard(found[0])
                self._orphans = self._orphans or not known or found[1] != 0
        if self._orphans:
            self._orphans = self._end_orphans()

    def _end_orphans(self) -> bool:
        """Kill what keepers that died left behind; True while something was found."""
        ours = {pid for kept in self._keepers for pid in processes.descendants(kept)}
        lost = processes.descendants(os.getpid()) - ours - self._keepers
        processes.signal_all(lost, signal.SIGSTOP)
        processes.signal_all(lost, signal.SIGKILL)
        return bool(lost)

    def _close(self) -> None:
        self._listener.close()
        os.close(self._life_write)  # every keeper ends its box
        with contextlib.suppress(OSError):
            Path(self._address).unlink()
            if os.getppid() != self._parent:
                Path(self._address).parent.rmdir()  # else its owner removes it, or keeps the name safe for a restart
        give_up = 20
        while self._keepers and give_up:
            select.select([self._wake], [], [], 0.1)
            give_up -= 1
            self._reap()
        processes.end_descendants()


def peer(connection: socket.socket) -> tuple[int, int, int]:
    """Return pid, uid and gid of who connected."""
    layout = struct.Struct("3i")
    pid, uid, gid = layout.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, layout.size))
    return pid, uid, gid


def _handles(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()


def read_order(message: bytes) -> box.Order:
    """Return the order a client sent; ValueError, KeyError or TypeError for anything else."""
    found: dict[str, Any] = from_json(message)
    limits = dict(found["profile"])
    limits["duration"] = timedelta(seconds=limits.pop("duration_s"))
    limits["programs"] = tuple(str(program) for program in limits["programs"])
    return box.Order(
        function=str(found["function"]),
        request_type=str(found["request_type"]),
        profile=Profile(**limits),
        mode=Mode(found["mode"]),
        seconds=float(found["seconds"]),
        files=tuple(str(name) for name in found["files"]),
    )


def write_order(order: box.Order) -> bytes:
    """Return an order as `read_order` reads it."""
    limits: dict[str, Any] = {
        name: getattr(order.profile, name)
        for name in ("name", "memory_bytes", "open_files", "processes", "file_bytes", "workdir_bytes", "on_disk")
    }
    limits["programs"] = order.profile.programs
    limits["duration_s"] = order.profile.duration.total_seconds()
    return to_json(
        {
            "function": order.function,
            "request_type": order.request_type,
            "profile": limits,
            "mode": order.mode,
            "seconds": order.seconds,
            "files": order.files,
        }
    )
