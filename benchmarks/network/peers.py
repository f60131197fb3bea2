"""Who takes part: our engine, nmap, naive asyncio, and two C loops; how each is started and what its output says."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.network.built import built, compiler
from benchmarks.network.namespaces import ROOT, SCANNER, within
from benchmarks.network.turn import Port, Turn, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_ONCE: Final = 1000
OURS: Final = "watchfloor"


@dataclass(frozen=True)
class Order:
    """What is to be scanned."""

    hosts: tuple[str, ...]
    first: int
    last: int
    groups: bool = False
    cancel_after_s: float | None = None


@dataclass(frozen=True)
class Peer:
    """One competitor."""

    name: str
    title: str
    missing: Callable[[], str]
    run: Callable[[Order], Turn]


def _ours(order: Order) -> Turn:
    asked = {"hosts": order.hosts, "first": order.first, "last": order.last, "groups": order.groups, "cancel_after": order.cancel_after_s}
    process, out = _within([sys.executable, "-m", "benchmarks.network.engine", json.dumps(asked)])
    said: dict[str, Any] = json.loads(out)
    found = frozenset((str(address), int(port)) for address, port in said.pop("open"))
    said["process_s"] = process.wall_s
    return Turn(said.pop("wall_s"), said.pop("cpu_s"), said.pop("memory_mb"), found, said)


def _nmap(order: Order) -> Turn:
    six = ["-6"] if ":" in order.hosts[0] else []
    turn, out = _within(["nmap", "-sT", "-T4", "-Pn", "-n", *six, "-p", f"{order.first}-{order.last}", "-oG", "-", *order.hosts])
    turn.open = frozenset(_greppable(out))
    return turn


def _greppable(text: str) -> list[Port]:
    """Return the open ports of nmap's greppable output."""
    found = []
    for line in text.splitlines():
        head, _, ports = line.partition("\tPorts: ")
        if ports:
            address = head.split()[1]
            found += [(address, int(one.split("/")[0])) for one in ports.split("\t")[0].split(", ") if one.split("/")[1] == "open"]
    return found


def _naive(order: Order) -> Turn:
    turn, out = _within(
        [sys.executable, "-m", "benchmarks.network.naive", str(order.first), str(order.last), str(AT_ONCE), ",".join(order.hosts)]
    )
    turn.open = frozenset((address, int(port)) for address, port in map(str.split, out.splitlines()))
    return turn


def _c_loop(reuse: str) -> Callable[[Order], Turn]:
    def run(order: Order) -> Turn:
        command = [built("connect.c"), order.hosts[0], str(order.first), str(order.last), str(AT_ONCE), reuse]
        turn, out = _within(command)
        turn.open = frozenset((order.hosts[0], int(port)) for port in out.split())
        return turn

    return run


def _within(command: Sequence[str]) -> tuple[Turn, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    return measured(within(SCANNER, command), os.environ | {"PYTHONPATH": path})


def _no_nmap() -> str:
    return "" if shutil.which("nmap") else "nmap is not installed (apt-get install nmap)"


def _no_compiler() -> str:
    return "" if compiler() else "no C compiler (cc) is installed"


PEERS: Final = (
    Peer(OURS, "our connect engine, one process", str, _ours),
    Peer("nmap", "nmap -sT -T4 -Pn -n", _no_nmap, _nmap),
    Peer("asyncio", f"asyncio.open_connection behind a semaphore of {AT_ONCE}, one try, one second", str, _naive),
    Peer("c-reuse", f"C, epoll, {AT_ONCE} at once, refused sockets used again, no retry", _no_compiler, _c_loop("1")),
    Peer("c-plain", f"C, epoll, {AT_ONCE} at once, a new socket for each probe, no retry", _no_compiler, _c_loop("0")),
)
