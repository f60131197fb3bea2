"""Start one server in a room of its own and see when it listens."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.laboratory.record import HERE
from watchfloor.kernel.embedded.process import death_signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.laboratory.record import Server

SCRIPT: Final = Path(__file__).with_name("room.sh")
PORTS: Final = range(20_000, 32_000)  # below the ephemeral ports, so that nobody's connection takes one
LISTENING: Final = {"tcp": "0A", "udp": "07"}
# An IPv6 socket at any address, and at ::ffff:127.0.0.1, as Java makes them; both answer IPv4.
BOTH: Final = ("0" * 32, "0000000000000000FFFF00000100007F")
LOG_END_BYTES: Final = 1500
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games"


class Room:
    """A running server; its processes, mounts and files are gone when it is closed, or when we die."""

    def __init__(self, server: Server, ports: Mapping[str, int], folder: Path, pair: Mapping[str, bytes], layers: Iterable[Path]) -> None:
        """Write its files below `folder` and start it; `pair` are key and certificate files by name."""
        self.server, self.ports = server, dict(ports)
        self.log = folder / "log"
        stage, room = folder / "stage", folder / "room"
        room.mkdir(parents=True)
        self._write(stage, pair)
        lower = " ".join(map(str, layers))
        environment = {"PATH": PATH, "HOME": HERE, "LANG": "C.UTF-8"} | {k: self._filled(v) for k, v in server.environment.items()}
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                [
                    "unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=SIGKILL", "--propagation", "private",
                    "/bin/sh", str(SCRIPT), str(room), str(stage), lower, server.account, *map(self._filled, shlex.split(server.command)),
                ],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment, cwd="/", start_new_session=True,
                preexec_fn=death_signal(signal.SIGKILL),  # noqa: PLW1509 - one prctl call
            )  # fmt: skip

    def _filled(self, text: str) -> str:
        return self.server.fill(text, self.ports)

    def _write(self, stage: Path, pair: Mapping[str, bytes]) -> None:
        lab = stage / HERE.lstrip("/")
        lab.mkdir(parents=True)
        for name, content in pair.items():
            (lab / name).write_bytes(content)
        (lab / "prepare").write_text(self._filled(self.server.prepare) + "\n", encoding="utf-8")
        files = {"/etc/hosts": "127.0.0.1 localhost laboratory\n::1 localhost laboratory\n"} | self.server.files
        for name, text in files.items():
            path = stage / name.lstrip("/") if name.startswith("/") else lab / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._filled(text), encoding="utf-8")
        if self.server.accounts:
            self._add_accounts(stage)

    def _add_accounts(self, stage: Path) -> None:
        """Add to this room's copy of the account files what an installed package would have added to the machine's."""
        (stage / "etc").mkdir(exist_ok=True)
        users, groups = (Path(name).read_text(encoding="utf-8") for name in ("/etc/passwd", "/etc/group"))
        for number, name in enumerate(self.server.accounts, start=7001):
            users += f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
            groups += f"{name}:x:{number}:\n"
        (stage / "etc/passwd").write_text(users, encoding="utf-8")
        (stage / "etc/group").write_text(groups, encoding="utf-8")

    def ready(self) -> bool:
        """Tell whether every door is open, without knocking: the kernel's table of listening sockets says so."""
        return all((door.protocol, door.family, self.ports[door.name]) in listening() for door in self.server.doors)

    def end(self) -> str:
        """Return the last lines of its log."""
        with contextlib.suppress(OSError):
            return self.log.read_bytes()[-LOG_END_BYTES:].decode("utf-8", "replace")
        return ""

    def close(self) -> None:
        """Kill it; the kernel ends what else lives in its PID namespace and drops its mounts."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def listening() -> set[tuple[str, int, int]]:
    """Return (protocol, IP version, port) of every socket that listens in this network namespace; [::] counts for both versions."""
    found = set()
    for protocol, state in LISTENING.items():
        for family, suffix in ((4, ""), (6, "6")):
            for line in Path(f"/proc/self/net/{protocol}{suffix}").read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, now, *_ = line.split()
                address, _, port = local.rpartition(":")
                if now == state:
                    found.add((protocol, family, int(port, 16)))
                    if address in BOTH:
                        found.add((protocol, 4, int(port, 16)))
    return found


def assign(servers: Iterable[Server]) -> dict[str, dict[str, int]]:
    """Return a free port for every door of every server: one that nobody listens at on either loopback address."""
    free = (port for port in PORTS if _free(port))
    assigned = {}
    for server in servers:
        own = {door.name: next(free) for door in server.doors if not door.beside}
        assigned[server.name] = own | {door.name: own[door.beside] for door in server.doors if door.beside}
    return assigned


def _free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as one:
                try:
                    one.bind((address, port))
                except OSError:
                    return False
    return True
