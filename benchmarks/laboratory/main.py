"""The command line of laboratory.py: start, scan with everybody, print one JSON document, stop everything."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.laboratory import network, packages
from benchmarks.laboratory.floor import running, say
from benchmarks.laboratory.journey import travel
from benchmarks.laboratory.measure import measure
from benchmarks.laboratory.table import SERVERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.laboratory.floor import Floor
    from benchmarks.laboratory.record import Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when every goal is met, 1 when one is missed or a server did not start, 2 for wrong arguments or rights."""
    chosen = _parser().parse_args(arguments)
    servers = [server for server in SERVERS if not chosen.only or server.name in chosen.only]
    if chosen.list:
        print("\n".join(_line(server) for server in servers))
        return 0
    if os.geteuid() != 0:
        say("the laboratory needs root: it mounts a throw-away file system for each server")
        return 2
    if chosen.install:
        absent = packages.install(servers)
        say(f"not to be had: {', '.join(absent)}" if absent else "all packages are here")
        return 1 if absent else 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    if not chosen.keep:
        network.leave()
    with running(servers) as floor:
        if chosen.keep:
            _keep(floor)
            return 0
        if chosen.journey:
            document = travel(floor)
            met = all(document["difference_right"].values())
        else:
            document = measure(floor, rival_too=not chosen.alone, capture=chosen.capture, repeat=chosen.repeat)
            met = all(goal["met"] for goal in document["goals"])
    print(json.dumps(document, indent=2))
    return 0 if met and not floor.failures else 1


def _keep(floor: Floor) -> None:
    print(json.dumps([
        {"server": server.name, "door": door.name, "address": door.address, "port": port, "service": door.service, "tls": door.tls} for server, door, port in floor.doors()
    ], indent=1), flush=True)  # fmt: skip
    say("running until Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def _line(server: Server) -> str:
    absent = packages.missing(server)
    doors = ", ".join(f"{door.name}{' (TLS)' if door.tls else ''}{' (IPv6)' if door.family == 6 else ''}" for door in server.doors)  # noqa: PLR2004 - IPv6
    return f"{server.name:20} {doors:50} {'needs ' + ' '.join(absent) if absent else 'ready'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks/laboratory.py", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the servers and what they lack")
    parser.add_argument("--install", action="store_true", help="install their Debian packages (root); no service is started")
    parser.add_argument("--only", type=_names, default=(), metavar="NAMES", help="only these servers, joined by commas")
    parser.add_argument("--keep", action="store_true", help="start them on this machine's loopback and run until Ctrl-C")
    parser.add_argument("--alone", action="store_true", help="without nmap")
    parser.add_argument(
        "--journey", action="store_true", help="scan with the command line, change two servers, scan again, show the difference"
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="look N times and tell which answers differ; nmap looks once")
    parser.add_argument("--capture", type=Path, metavar="FILE", help="also write every door's answers, byte by byte")
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = set(names) - {server.name for server in SERVERS}
    if unknown:
        message = f"no such server: {', '.join(sorted(unknown))}"
        raise argparse.ArgumentTypeError(message)
    return names
