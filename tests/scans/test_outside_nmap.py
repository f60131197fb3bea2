"""nmap in a box: what it is told, what it brings, and that nothing of it is left when it is stopped."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.scans import servers
from watchfloor.capabilities.scans.connect import nmap
from watchfloor.capabilities.scans.connect.nmap import arguments, run_nmap, stop
from watchfloor.capabilities.scans.engine.imports.nmap import read_nmap, unpacked
from watchfloor.capabilities.scans.schemas import AddressRange, Group, Limits, PortGroup, ProbeHost, ProbeRequest
from watchfloor.kernel.errors import Cancelled, GiveUp, OutOfScope
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sandbox.profiles import SCAN

if TYPE_CHECKING:
    from watchfloor.kernel.sandbox.zygote import Zygote

NMAP = shutil.which("nmap")
installed = pytest.mark.skipif(NMAP is None, reason="nmap is not installed")
LOOPBACK = (AddressRange(first="127.0.0.0", last="127.255.255.255"), AddressRange(first="::1", last="::1"))


def request(*hosts: str, ports: tuple[tuple[int, int], ...] = ((1, 10),), limits: Limits | None = None) -> ProbeRequest:
    return ProbeRequest(
        hosts=tuple(ProbeHost(address=host) for host in hosts), groups=(PortGroup(group=Group.LOW, ports=ports),), permitted=LOOPBACK,
        limits=limits or Limits(timeout=timedelta(seconds=60), services=False),
    )  # fmt: skip


def boxed(nursery: Zygote, asked: ProbeRequest, *, should_stop: object = None) -> list[bytes]:
    profile = replace(SCAN, programs=(str(NMAP),))
    answers = Sandbox(nursery.address).run(
        run_nmap, asked, deadline=timedelta(seconds=60), profile=profile, should_stop=should_stop  # type: ignore[arg-type] # a callable or none
    )  # fmt: skip
    return [unpacked(document) for document in answers.documents]


@installed
def test_nmap_runs_in_the_box_and_its_xml_is_read_outside(nursery: Zygote) -> None:
    with servers.listening(servers.banner(b"220 hello\r\n")) as port, servers.refusing() as closed:
        (xml,) = boxed(nursery, request("127.0.0.1", ports=((port, port), (closed, closed))))
    (host,) = read_nmap(xml).hosts
    assert ([one.service.port for one in host.open], host.closed) == ([port], ((closed, closed),))


@installed
def test_both_ip_versions_are_asked(nursery: Zygote) -> None:
    documents = boxed(nursery, request("127.0.0.1", "::1"))
    assert [read_nmap(xml).hosts[0].address for xml in documents] == ["127.0.0.1", "::1"]


@installed
def test_a_cancelled_box_leaves_no_nmap_behind(nursery: Zygote) -> None:
    """The whole of loopback's first network, slowly: nmap would be busy for an hour."""
    began = time.monotonic()
    seen: list[psutil.Process] = []

    def asked_to_stop() -> bool:
        seen.extend(one for one in _nmaps() if one not in seen)
        return bool(seen) or time.monotonic() - began > 20

    wide = request(*(f"127.0.1.{n}" for n in range(1, 255)), ports=((1, 65_535),), limits=Limits(services=False, max_rate=50))
    with pytest.raises(Cancelled):
        boxed(nursery, wide, should_stop=asked_to_stop)
    assert seen
    assert psutil.wait_procs(seen, timeout=5)[1] == []


def _nmaps() -> list[psutil.Process]:
    """Return the children of this test session that are nmap."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found += [process] if process.name() == "nmap" else []
        except psutil.Error:
            continue
    return found


@installed
def test_time_that_is_up_ends_nmap_and_says_so(nursery: Zygote) -> None:
    wide = request("127.0.1.1", ports=((1, 65_535),), limits=Limits(services=False, max_rate=50, timeout=timedelta(seconds=2)))
    profile = replace(SCAN, programs=(str(NMAP),))
    answers = Sandbox(nursery.address).run(run_nmap, wide, deadline=timedelta(seconds=30), profile=profile)
    assert answers.stopped == "timeout"
    assert _nmaps() == []


@installed
def test_a_box_that_may_execute_nothing_executes_no_nmap(nursery: Zygote) -> None:
    layers: list[str] = []
    with pytest.raises(GiveUp) as raised:
        Sandbox(nursery.address).run(
            run_nmap, request("127.0.0.1"), deadline=timedelta(seconds=30), observe=lambda usage: layers.extend(usage.in_force)
        )
    if not any(layer.startswith("landlock") for layer in layers):
        pytest.skip("this kernel has no Landlock")
    assert "PermissionError" in str(raised.value)


def test_without_nmap_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmap, "program", lambda: None)
    with pytest.raises(GiveUp, match=r"apt install nmap.*leave out --engine nmap"):
        run_nmap(request("127.0.0.1"), lambda *_, **__: None)


def test_a_host_that_is_not_permitted_is_never_told_to_nmap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(OutOfScope, match="nothing was sent"):
        run_nmap(request("127.0.0.1", "192.0.2.1"), lambda *_, **__: None)


def test_the_argument_list_is_ours_but_for_numbers() -> None:
    told = arguments(request("127.0.0.1", ports=((1, 1), (5, 9)), limits=Limits(max_rate=7)), version=6)
    assert told == [
        "-sT", "-Pn", "-n", "--unprivileged", "-T4", "-p", "T:1,5-9", "-oX", "scan.xml", "--stats-every", "1s", "-iL", "-", "-6", "-sV",
        "--version-light", "--max-rate", "7",
    ]  # fmt: skip


def test_a_process_that_ignores_the_request_to_end_is_killed_with_its_children() -> None:
    stubborn = "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    running = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True)
    assert running.stdout is not None
    running.stdout.readline()
    stop(running)
    running.stdout.close()
    assert running.returncode == -signal.SIGKILL
