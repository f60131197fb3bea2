"""The servers that run now: started a few at a time, all gone at the end."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.laboratory import packages
from benchmarks.laboratory.certificate import pair
from benchmarks.laboratory.room import Room, assign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.laboratory.record import Door, Server

AT_ONCE: Final = 5
POLL_S: Final = 0.05


@dataclass
class Floor:
    """The servers that run, and those that do not with the reason."""

    rooms: list[Room] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def doors(self) -> Iterator[tuple[Server, Door, int]]:
        """Yield every TCP door that is open, with its port."""
        for room in self.rooms:
            for door in room.server.doors:
                if door.protocol == "tcp":
                    yield room.server, door, room.ports[door.name]


@contextlib.contextmanager
def running(servers: Sequence[Server]) -> Iterator[Floor]:
    """Start them, a few at a time; whatever happens, all are stopped at the end and their files are gone."""
    floor = Floor()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wf-laboratory-")))
        folder.chmod(0o755)
        start(servers, assign(servers), folder, floor, stack)
        yield floor


def start(servers: Sequence[Server], ports: Mapping[str, dict[str, int]], folder: Path, floor: Floor, stack: ExitStack) -> None:
    """Start them on these ports and wait until each listens or has failed; `stack` will stop them."""
    keys, left = pair(), list(servers)
    waiting: list[tuple[Room, float]] = []
    while left or waiting:
        while left and len(waiting) < AT_ONCE:
            server = left.pop(0)
            absent = packages.missing(server)
            if absent:
                floor.failures[server.name] = f"not installed: {', '.join(absent)}"
                continue
            layers = [packages.LAYERS / name for name in server.unpacked]
            room = Room(server, ports[server.name], folder / server.name, keys, layers)
            stack.callback(room.close)
            waiting.append((room, time.monotonic() + server.seconds))
        time.sleep(POLL_S)
        waiting = [(room, until) for room, until in waiting if not _settled(room, until, floor)]


def _settled(room: Room, until: float, floor: Floor) -> bool:
    if room.ready():
        floor.rooms.append(room)
        say(f"{room.server.name}: {', '.join(f'{name} {port}' for name, port in room.ports.items())}")
        return True
    dead = room.process.poll() is not None
    if not dead and time.monotonic() < until:
        return False
    room.close()
    floor.failures[room.server.name] = ("ended: " if dead else "does not listen: ") + room.end()
    say(f"{room.server.name} FAILED: {floor.failures[room.server.name]}")
    return True


def say(line: str) -> None:
    """Tell the person who waits; stdout belongs to the document."""
    print(line, file=sys.stderr, flush=True)
