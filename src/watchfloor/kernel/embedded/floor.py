"""The embedded floor: start PostgreSQL and Valkey in a data directory, keep them running, and let other commands find them."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from watchfloor.kernel import clock
from watchfloor.kernel.embedded import process
from watchfloor.kernel.embedded.directory import Directory, Taken, default_data_dir, hold, release, unusable, write_private
from watchfloor.kernel.embedded.postgres import LOGIN, Postgres
from watchfloor.kernel.embedded.process import Mark, alive
from watchfloor.kernel.embedded.valkey import Valkey

if TYPE_CHECKING:
    import subprocess
    from datetime import timedelta
    from pathlib import Path

__all__ = ["Floor", "Services", "Taken", "default_data_dir", "join", "running", "start"]

JOIN_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Services:
    """How to reach the floor. The addresses hold passwords: never log them, never pass them as arguments.

    `owner_url` is for migrations alone, `login_url` for everything else; `broker_url` is written as kombu reads it.
    """

    owner_url: str
    login_url: str
    broker_url: str


class Floor:
    """The running services of one data directory, children of this process; also a context manager."""

    def __init__(self, directory: Directory) -> None:
        """Prepare both services; `start` is the way in."""
        self.data_dir = directory.path
        passwords, self._new_passwords = directory.passwords()
        self.postgres = Postgres(directory, passwords)
        self.valkey = Valkey(directory, passwords)
        self.services = Services(owner_url=self.postgres.url(), login_url=self.postgres.url(LOGIN), broker_url=self.valkey.url())
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._held = True

    def bring_up(self) -> None:
        """Start both and wait for them; Valkey comes up while PostgreSQL is made."""
        self._record(ready=False)
        self._spawn(self.valkey)
        self.postgres.prepare(new_passwords=self._new_passwords)
        self._spawn(self.postgres)
        self.valkey.wait(self.children["valkey"])
        self.postgres.wait(self.children["postgres"])
        self._record(ready=True)

    def _spawn(self, server: Postgres | Valkey) -> None:
        self.children[server.name] = server.spawn()
        self._record(ready=False)

    def _record(self, *, ready: bool) -> None:
        own = process.mark(os.getpid())
        marks = {name: found for name, child in self.children.items() if (found := process.mark(child.pid))}
        content: dict[str, Any] = {
            "ready": ready,
            "supervisor": asdict(own) if own else None,
            "since": clock.now().isoformat(timespec="seconds"),
        }
        content |= {"children": {name: asdict(found) for name, found in marks.items()}, "services": asdict(self.services)}
        write_private(self.data_dir / "floor.json", content)

    def _server(self, name: str) -> Postgres | Valkey:
        return self.postgres if name == "postgres" else self.valkey

    def dead(self) -> list[str]:
        """Return the names of services that have ended."""
        return [name for name, child in self.children.items() if child.poll() is not None]

    def revive(self, name: str) -> None:
        """Start one service again, stopping it first when it still runs; raises SetupError when it will not."""
        server = self._server(name)
        server.stop(self.children[name])
        self._record(ready=False)
        self.children[name] = server.launch()
        self._record(ready=True)

    def stop(self) -> None:
        """Stop both services and give the data directory free; harmless when done twice."""
        if not self._held:
            return
        for name in tuple(self.children):
            self._server(name).stop(self.children.pop(name))
        (self.data_dir / "floor.json").unlink(missing_ok=True)
        release(self.data_dir)
        self._held = False

    def __enter__(self) -> Self:
        """Return the floor, which already runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.stop()


def start(data_dir: Path) -> Floor:
    """Start both services as children of this process and return when they answer; the first start makes them.

    Call it from the main thread: on Linux the services end with the thread that started them. Child processes made by fork must not
    call `Floor.stop`.

    Raises:
        Taken: Another process runs this directory, or is about to; `join` waits for it.
        SetupError: Anything else; the sentence says what to change.
    """
    directory = Directory(data_dir)
    hold(directory.path, _holder(directory.path))
    try:
        process.sweep(_marks(directory.path))
        floor = Floor(directory)
    except BaseException:
        release(directory.path)
        raise
    try:
        floor.bring_up()
    except OSError as error:
        floor.stop()
        raise unusable(directory.path, error) from error
    except BaseException:
        floor.stop()
        raise
    return floor


def running(data_dir: Path) -> Services | None:
    """Return how to reach the floor that another process runs on this directory, or None when none is ready."""
    note = _note(data_dir)
    marks = [_mark(note.get("supervisor")), *_marks(data_dir)]
    if not note.get("ready") or not all(alive(found) for found in marks):
        return None
    return Services(**note["services"])


def join(data_dir: Path, patience: timedelta) -> Services | None:
    """Wait for a floor that another process is starting; None when nobody is, or it takes longer than `patience`."""
    deadline = clock.monotonic() + patience.total_seconds()
    while clock.monotonic() < deadline:
        if found := running(data_dir):
            return found
        if not alive(_mark(_note(data_dir).get("supervisor"))):
            return None
        time.sleep(JOIN_POLL_SECONDS)
    return None


def _note(data_dir: Path) -> dict[str, Any]:
    """Read what the last supervisor wrote; nothing, when it wrote nothing or is another user's."""
    try:
        note = json.loads((data_dir / "floor.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _marks(data_dir: Path) -> list[Mark]:
    return [found for entry in _note(data_dir).get("children", {}).values() if (found := _mark(entry))]


def _mark(entry: dict[str, Any] | None) -> Mark | None:
    return Mark(int(entry["pid"]), str(entry["started"])) if entry else None


def _holder(data_dir: Path) -> str:
    note = _note(data_dir)
    found = _mark(note.get("supervisor"))
    return f" (process {found.pid}, since {note.get('since')})" if found and alive(found) else ""
