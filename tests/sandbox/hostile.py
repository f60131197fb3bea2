"""Functions that run in a box and mean harm, or make mistakes that look like it."""
# ruff: noqa: ARG001 - every function takes what a box gives it

from __future__ import annotations

import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from watchfloor.kernel.errors import Fenced, InvalidInput, Retry, SourceUnavailable
from watchfloor.kernel.sandbox import wire

MIB = 1 << 20


class Ask(BaseModel):
    """A request."""

    text: str = ""
    number: int = 0
    secret: SecretStr = SecretStr("")


class Told(BaseModel):
    """An answer."""

    text: str = ""
    facts: dict[str, str] = {}


class Odd(BaseModel):
    """Something that looks like an answer and is none."""

    text: int = 7


class Closer(SourceUnavailable):
    """A listed error, told more closely."""


class Surprise(Exception):
    """An error of a class that must not leave the box."""


def echo(request: Ask, report: Any) -> Told:
    report(1, 2, "half", "one")
    report(2, 2, "done", "two")
    return Told(text=request.text)


def is_loaded(request: Ask, report: Any) -> Told:
    """Tell whether a module was there before this box began."""
    return Told(text=str(request.text in sys.modules))


def tell_secret(request: Ask, report: Any) -> Told:
    return Told(text=request.secret.get_secret_value()[::-1])


def many_reports(request: Ask, report: Any) -> Told:
    for number in range(request.number):
        report(number + 1, request.number, "count")
    return Told()


def keep_parts(request: Ask, report: Any) -> Told:
    """Hand over parts until `number` are taken, and tell how often one was refused and what the supervisor said last."""
    refused = taken = 0
    while taken < request.number:
        if report.keep(Told(text=f"part {taken}")):
            taken += 1
        else:
            refused += 1
            time.sleep(0.01)
    while not report.keep(Told(text="last")):
        time.sleep(0.01)
    return Told(text="end", facts={"refused": str(refused > 0), "reply": str(report.reply.get("kept"))})


def keep_what_has_no_shape(request: Ask, report: Any) -> Told:
    report.keep(Odd())
    return Told()


def flood_with_parts(request: Ask, report: Any) -> Told:
    for _ in range(1000):
        report._channel.sendall(wire.frame(wire.KEEP, b'{"text": "x"}'))
    return Told()


def stream_megabytes(request: Ask, report: Any) -> Told:
    """Send `number` frames of 1 MiB whose first bytes count them, with progress in between."""
    rest = bytes(MIB - 8)
    for number in range(request.number):
        report.send(number.to_bytes(8, "big") + rest)
        report(number + 1, request.number, "stream")
    return Told(text="all sent")


def stream_and_pile_up(request: Ask, report: Any) -> Told:
    """Send a frame, and while it is taken more progress than a second allows."""
    report.send(b"frame")
    for number in range(request.number):
        report._channel.sendall(wire.frame(wire.PROGRESS, b'[%d,999,"pile",""]' % number))
    with report.file("piled") as told:
        told.write(b".")
    return Told(text="end")


def stream_largest(request: Ask, report: Any) -> Told:
    report.send(bytearray(8 * MIB))
    report.send(bytes(8 * MIB + 1))
    return Told()


def stream_and_die(request: Ask, report: Any) -> Told:
    report.send(b"whole")
    report._channel.sendall(wire.header(wire.STREAM, 1000) + b"half")
    os.kill(os.getpid(), signal.SIGKILL)
    return Told()


def stream_for_ever(request: Ask, report: Any) -> Told:
    while True:
        report.send(bytes(MIB))


def measure_file(request: Ask, report: Any) -> Told:
    """Tell size and last bytes of the file that `text` names."""
    size, last = 0, b""
    with report.file(request.text) as file:
        while piece := file.read(8 * MIB):
            size, last = size + len(piece), piece[-8:]
    return Told(text=str(size), facts={"last": last.decode()})


def read_files(request: Ask, report: Any) -> Told:
    """Tell what is in each named file, read twice."""
    facts = {}
    for name in request.text.split():
        with report.file(name) as first:
            text = first.read()
        with report.file(name) as second:
            facts[name] = (text + b"|" + second.read()).decode()
    return Told(facts=facts)


def write_file(request: Ask, report: Any) -> Told:
    with report.file("file") as file:
        file.write(b"from the box")
    return Told()


def fill_folder(request: Ask, report: Any) -> Told:
    """Write files of 1 MiB for ever, and say where."""
    Path("note").write_text("x")
    report(1, 1, "here", str(Path.cwd()))
    number = 0
    while True:
        Path(f"file-{number}").write_bytes(bytes(MIB))
        number += 1


def use_temporary_files(request: Ask, report: Any) -> Told:
    """Write temporary files as libraries do, and say where."""
    with tempfile.TemporaryFile() as unnamed, tempfile.NamedTemporaryFile() as named:
        unnamed.write(b"x")
        named.write(b"x")
        return Told(text=str(Path(named.name).parent), facts={"here": str(Path.cwd())})


def spool(request: Ask, report: Any) -> Told:
    """Write `number` MiB and keep them open."""
    with Path("spool").open("w+b") as file:
        file.writelines(os.urandom(MIB) for _ in range(request.number))
        file.flush()
        return Told(text=str(file.tell()), facts={"folder": str(Path.cwd())})


def raise_named(request: Ask, report: Any) -> Told:
    errors: dict[str, Exception] = {
        "Retry": Retry("rate limited", timedelta(seconds=7)),
        "InvalidInput": InvalidInput("bad port", field="/ports/0"),
        "SourceUnavailable": SourceUnavailable("no answer"),
        "Closer": Closer("not today"),
        "Fenced": Fenced("not for a box to say"),
        "Surprise": Surprise("odd"),
        "Impostor": type("Retry", (Exception,), {})("pretends"),
        "Exit": Surprise(),
    }
    if request.text == "Exit":
        sys.exit(3)
    raise errors[request.text]


def leak_in_error(request: Ask, report: Any) -> Told:
    message = f"login with {request.secret.get_secret_value()} failed \x1b[31m\x00\u202e " + "x" * 100_000
    raise Surprise(message)


def print_for_ever(request: Ask, report: Any) -> Told:
    while True:
        sys.stdout.write("x" * 65536)
        sys.stderr.write("y" * 65536)


def _channel() -> socket.socket:
    return socket.socket(fileno=os.dup(3))


def flood_channel(request: Ask, report: Any) -> Told:
    body = b'[1,2,"a","b"]'
    with _channel() as channel:
        while True:
            channel.sendall(struct.pack("!cI", b"P", len(body)) + body)


def forge_layers(request: Ask, report: Any) -> Told:
    body = b'["mode:require","egress"]'
    with _channel() as channel:
        channel.sendall(struct.pack("!cI", b"L", len(body)) + body)
    while True:
        signal.pause()


def announce_terabyte(request: Ask, report: Any) -> Told:
    with _channel() as channel:
        channel.sendall(struct.pack("!cI", b"A", 0xFFFFFFFF))
        while True:
            channel.sendall(bytes(65536))


def answer_another_shape(request: Ask, report: Any) -> Told:
    body = b'{"text": ["not", "text"]}'
    with _channel() as channel:
        channel.sendall(struct.pack("!cI", b"A", len(body)) + body)
    os._exit(0)


def deep_answer(request: Ask, report: Any) -> Told:
    body = b"[" * 100_000
    with _channel() as channel:
        channel.sendall(struct.pack("!cI", b"A", len(body)) + body)
    os._exit(0)


def huge_answer(request: Ask, report: Any) -> Told:
    return Told(text="x" * (9 * MIB))


def grow_list(request: Ask, report: Any) -> Told:
    held = []
    while True:
        held.append(bytearray(8 * MIB))


def grow_as_family(request: Ask, report: Any) -> Told:
    """Stay under the limit of one process, over it together."""
    for _ in range(4):
        if os.fork() == 0:
            held = bytearray(b"x" * (48 * MIB))
            while held:
                signal.pause()
    while True:
        signal.pause()


def grow_shared(request: Ask, report: Any) -> Told:
    held = mmap.mmap(-1, 600 * MIB)
    for at in range(0, 600 * MIB, 4096):
        held[at] = 1
    while True:
        signal.pause()


def fork_bomb(request: Ask, report: Any) -> Told:
    while True:
        with suppress(OSError):
            os.fork()


def ignore_sigterm(request: Ask, report: Any) -> Told:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    report(1, 1, "ready")
    while True:
        signal.pause()


def say_goodbye(request: Ask, report: Any) -> Told:
    """End by itself on SIGTERM, as polite code does."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    report(1, 1, "ready")
    while not told.wait(0.01):
        pass
    return Told(text="stopped politely")


def _daemonise() -> bool:
    """Return True in a grandchild that left session, group and parent."""
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return True


def daemonise_and_answer(request: Ask, report: Any) -> Told:
    if _daemonise():
        while True:
            signal.pause()
    return Told(text="innocent")


def daemonise_and_stay(request: Ask, report: Any) -> Told:
    if not _daemonise():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        report(1, 1, "ready")
    while True:
        signal.pause()


def wait_for_ever(request: Ask, report: Any) -> Told:
    report(1, 1, "ready")
    while True:
        signal.pause()


def spin(request: Ask, report: Any) -> Told:
    report(1, 1, "here", str(Path.cwd()))
    while True:
        pass


def crash(request: Ask, report: Any) -> Told:
    os.kill(os.getpid(), request.number)
    while True:
        signal.pause()


def leave(request: Ask, report: Any) -> Told:
    os._exit(request.number)


def write_large_file(request: Ask, report: Any) -> Told:
    with Path("large").open("wb") as file:
        while True:
            file.write(bytes(MIB))


def write_many_files(request: Ask, report: Any) -> Told:
    """Leave a folder that is deep, closed and full of links."""
    Path("link").symlink_to("/etc")
    for depth in range(1500):
        Path("inner").mkdir()
        Path("inner/file").write_text(str(depth))
        os.chdir("inner")
    Path().chmod(0)
    return Told(text=os.environ["HOME"])


def look_around(request: Ask, report: Any) -> Told:
    """Tell everything that could have come from the parent."""
    open_files = []
    for number in range(1024):
        with suppress(OSError):
            os.fstat(number)
            open_files.append(number)
    facts = {
        "environment": repr(dict(os.environ)),
        "open": repr(open_files),
        "uid": repr(os.getresuid()),
        "groups": repr(os.getgroups()),
        "cwd": str(Path.cwd()),
        "modules": repr([name for name in sys.modules if name.startswith("watchfloor")]),
    }
    return Told(facts=facts)


def try_file(request: Ask, report: Any) -> Told:
    return Told(text=Path(request.text).read_text("utf-8", "replace")[:100])


def try_list(request: Ask, report: Any) -> Told:
    return Told(text=repr(list(Path(request.text).iterdir())))


def try_kill(request: Ask, report: Any) -> Told:
    os.kill(request.number, 0)
    return Told(text="reached")


def try_exec(request: Ask, report: Any) -> Told:
    return Told(text=subprocess.run(["/bin/echo", "ran"], capture_output=True, check=True).stdout.decode())


def try_raw_socket(request: Ask, report: Any) -> Told:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    return Told(text="opened")


def try_ordering(request: Ask, report: Any) -> Told:
    """Ask the zygote for a box with weaker limits."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as zygote:
        zygote.settimeout(5)
        try:
            zygote.connect(request.text)
            return Told(text=repr(zygote.recv(100)))
        except OSError as error:
            return Told(text=type(error).__name__)


def connect(request: Ask, report: Any) -> Told:
    with socket.create_connection(("127.0.0.1", request.number), timeout=5) as connection:
        return Told(text=connection.recv(100).decode())


def resolve_name(request: Ask, report: Any) -> Told:
    return Told(text=str(socket.getaddrinfo(request.text, 80)[0][4][0]))


def start_threads(request: Ask, report: Any) -> Told:
    started = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(8)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return Told(text=str(len(started)))


def open_files(request: Ask, report: Any) -> Told:
    held = []
    with suppress(OSError):
        while True:
            held.append(socket.socket())
    return Told(text=str(len(held)))


def promise_nothing(request, report):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 - the fault to be found
    return Told()


def import_late(request: Ask, report: Any) -> Told:
    """Import something that nobody imported before the box closed."""
    import colorsys  # noqa: PLC0415 - the point of it

    return Told(text=colorsys.__name__)
