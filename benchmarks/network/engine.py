"""Run our connect engine once, inside whatever namespace this process is in, and print what it found and cost as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from watchfloor.capabilities.scans.connect.scanner import ConnectScanner
from watchfloor.capabilities.scans.engine.plan import port_groups
from watchfloor.capabilities.scans.schemas import Group, Limits, PortGroup


def main() -> None:
    """Read the order from the first argument: hosts, first, last, groups, cancel_after."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    ports = range(order["first"], order["last"] + 1)
    groups = port_groups(list(ports)) if order.get("groups") else (PortGroup(group=Group.LOW, ports=((ports[0], ports[-1]),)),)
    cancel_after: float | None = order.get("cancel_after")
    finished: dict[str, float] = {}
    descriptors = _descriptors()
    began, spent = time.monotonic(), time.process_time()
    flag = began + cancel_after if cancel_after is not None else float("inf")
    scanner = ConnectScanner(
        order["hosts"],
        groups,
        Limits(timeout=timedelta(minutes=10)),
        seed=int.from_bytes(os.urandom(4), "big"),
        on_group=lambda group: finished.update({group.value: time.monotonic() - began}),
        cancelled=lambda: time.monotonic() >= flag,
    )
    scanner.run()
    ended = time.monotonic()
    states = ("open", "closed", "filtered", "unreachable", "skipped")
    print(
        json.dumps(
            {
                "wall_s": ended - began,
                "cpu_s": time.process_time() - spent,
                "memory_mb": _memory_mb(),
                "open": [[host.address, port] for host in scanner.hosts for port in host.opened],
                "probes": scanner.probes,
                "groups_s": finished,
                "after_flag_ms": (ended - flag) * 1000 if scanner.stopped else None,
                "descriptors_left": _descriptors() - descriptors,
                "trouble": scanner.trouble,
                "rtt_ms": [round(1000 * host.pace.srtt, 3) if host.pace.srtt is not None else None for host in scanner.hosts[:4]],
                **{state: sum(getattr(tally, state) for host in scanner.hosts for tally in host.tallies.values()) for state in states[1:]},
            }
        )
    )


def _memory_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


if __name__ == "__main__":
    main()
