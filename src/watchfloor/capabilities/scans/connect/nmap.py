"""Have nmap ask the ports of one shard: an argument list of our own making, a process group of its own, its XML handed back unread.

Runs in the sandbox, as an ordinary user: nmap connects (`-sT`), raw packets are not to be had here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import zlib
from base64 import b64encode
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.schemas import NmapAnswers, ProbeRequest, Stopped
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.contract import Report

PROGRAM: Final = "nmap"
GRACE_S: Final = 0.3
LOOK_S: Final = 0.2
XML_BYTES: Final = 60 * 1024 * 1024
KEPT_BYTES: Final = 5 * 1024 * 1024
PERCENT: Final = re.compile(rb'percent="(\d{1,3})\.')
MISSING: Final = "nmap is not installed where this worker runs. Install it (`apt install nmap`), or leave out --engine nmap."


def program() -> str | None:
    """Return where nmap is, or None."""
    return shutil.which(PROGRAM)


def run_nmap(request: ProbeRequest, report: Report) -> NmapAnswers:
    """Return nmap's XML, one document for each IP version, compressed.

    Raises:
        GiveUp: nmap is not there, or it failed and said why.
        OutOfScope: A host is not in the permitted ranges, or a port of it is our own; nothing has been sent then.
    """
    permit = Permit(request.permitted, request.control)
    for host in request.hosts:
        permit.demand(host.address, request.groups)
    found = program()
    if found is None:
        raise GiveUp(MISSING)
    ends = time.monotonic() + request.limits.timeout.total_seconds()
    documents: list[str] = []
    for version in (4, 6):
        hosts = [host.address for host in request.hosts if ip_address(host.address).version == version]
        if hosts:
            documents.append(b64encode(zlib.compress(_run(found, request, hosts, ends, report), 6)).decode())
    if sum(map(len, documents)) > KEPT_BYTES:
        raise GiveUp("nmap wrote more than one part of a scan may bring; use fewer ports or smaller targets.")
    return NmapAnswers(documents=tuple(documents), stopped=Stopped.TIMEOUT if time.monotonic() >= ends else None)


def arguments(request: ProbeRequest, *, version: int) -> list[str]:
    """Return what nmap is told: nothing in it comes from whoever asked for the scan but numbers. Targets go in on standard input."""
    limits = request.limits
    ports = ",".join(f"{first}-{last}" if first != last else str(first) for group in request.groups for first, last in group.ports)
    told = ["-sT", "-Pn", "-n", "--unprivileged", "-T4", "-p", f"T:{ports}", "-oX", "scan.xml", "--stats-every", "1s", "-iL", "-"]
    told += ["-6"] if version == 6 else []  # noqa: PLR2004 - an IP version
    told += ["-sV", "--version-light"] if limits.services else []
    told += ["--max-rate", str(limits.max_rate)] if limits.max_rate else []
    return told


def _run(found: str, request: ProbeRequest, hosts: Sequence[str], ends: float, report: Report) -> bytes:
    command = [found, *arguments(request, version=ip_address(hosts[0]).version)]
    out = Path("scan.xml")
    with Path("said").open("w+b") as said:
        running = subprocess.Popen(  # noqa: S603 - a list of our own, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
        try:
            _tell(running, hosts)
            while running.poll() is None and time.monotonic() < ends and _size(out) < XML_BYTES:
                report(_percent(out), 100, phase="nmap", note='{"of": 100}')
                with suppress(subprocess.TimeoutExpired):
                    running.wait(LOOK_S)
        finally:
            stop(running)
        said.seek(0)
        words = said.read(2000).decode("utf-8", "replace").strip()
    written = out.read_bytes()[:XML_BYTES] if out.exists() else b""
    out.unlink(missing_ok=True)
    if running.returncode and time.monotonic() < ends and b"</host>" not in written:
        raise GiveUp(f"nmap failed: {words or f'exit code {running.returncode}'}")
    return written


def _tell(running: subprocess.Popen[bytes], hosts: Sequence[str]) -> None:
    with suppress(BrokenPipeError):  # it ended already, and says why
        if running.stdin:
            running.stdin.write("\n".join(hosts).encode() + b"\n")
            running.stdin.close()


def stop(running: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started: ask, wait 300 ms, insist."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if running.poll() is not None:
            break
        with suppress(ProcessLookupError):
            os.killpg(running.pid, number)
        with suppress(subprocess.TimeoutExpired):
            running.wait(GRACE_S if number == signal.SIGTERM else None)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _percent(file: Path) -> int:
    """Return how far nmap says it is, as its newest line tells."""
    with suppress(OSError), file.open("rb") as held:
        held.seek(max(0, _size(file) - 4096))
        found: list[bytes] = PERCENT.findall(held.read())
        return min(99, int(found[-1])) if found else 0
    return 0
