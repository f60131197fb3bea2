"""A private Valkey on a unix socket: the doorbell of the job ledger."""

from __future__ import annotations

import re
import signal
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchfloor.kernel.embedded import process
from watchfloor.kernel.embedded.programs import find_valkey, within_reach

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from watchfloor.kernel.embedded.directory import Directory, Passwords

READY_SECONDS = 60.0
ANSWER_SECONDS = 2.0

SETTINGS: Mapping[str, str] = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
}


@dataclass
class Valkey:
    """One server in a data directory; `settings` are added to SETTINGS."""

    directory: Directory
    passwords: Passwords
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = "valkey"

    def __post_init__(self) -> None:
        """Work out the paths; nothing starts yet."""
        self.folder = self.directory.service_folder("valkey")
        self.socket = self.directory.sockets() / "valkey.sock"
        self.log = self.directory.logs / "valkey.log"
        self.program = find_valkey()
        self.server = within_reach(self.program, self.directory.account, self.directory.path)

    def url(self, database: int = 0) -> str:
        """Return kombu's address; redis-py's differs, see `client_url`."""
        return f"redis+socket://:{self.passwords.broker}@{self.socket}?virtual_host={database}"

    def client_url(self, database: int = 0) -> str:
        """Return redis-py's address."""
        return f"unix://:{self.passwords.broker}@{self.socket}?db={database}"

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it; its configuration is written anew each time."""
        settings = {
            **SETTINGS,
            "dir": str(self.folder),
            "unixsocket": str(self.socket),
            "requirepass": self.passwords.broker,
            **self.settings,
        }
        configuration = self.folder / "valkey.conf"
        process.write_secret(configuration, "".join(f"{key} {_quoted(value)}\n" for key, value in settings.items()), self.directory.account)
        return process.spawn([self.server, configuration], log=self.log, account=self.directory.account, last_word=signal.SIGTERM)

    def wait(self, child: subprocess.Popen[bytes]) -> None:
        """Return when the server answers with our password; raises SetupError with the end of its log."""
        process.wait_until(self._ready, child, what="Valkey", log=self.log, patience_seconds=READY_SECONDS)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the server and return when it answers."""
        child = self.spawn()
        self.wait(child)
        return child

    def _ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(ANSWER_SECONDS)
                line.connect(str(self.socket))
                line.sendall(f"AUTH {self.passwords.broker}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2:  # noqa: PLR2004 - two commands, two answers
                    part = line.recv(64)
                    said += part
                    if not part:
                        break
                return said.endswith(b"+PONG\r\n")
        except OSError:
            return False

    def stop(self, child: subprocess.Popen[bytes]) -> None:
        """Write the log of commands to disk and stop."""
        process.stop(child, signal.SIGTERM)


def _quoted(value: str) -> str:
    """Return a value as Valkey's configuration reads it, whatever bytes it holds."""
    if re.fullmatch(r"[A-Za-z0-9_./:+-]+", value):
        return value
    return '"' + "".join(f"\\x{byte:02x}" for byte in value.encode("utf-8", "surrogateescape")) + '"'
