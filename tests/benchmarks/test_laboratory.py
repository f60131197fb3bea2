"""The laboratory's records are complete, its marks are just, and what it starts is real and gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from benchmarks.laboratory.answer import Answer, Look
from benchmarks.laboratory.floor import Floor, running
from benchmarks.laboratory.measure import unsteady
from benchmarks.laboratory.packages import missing
from benchmarks.laboratory.record import TOKEN, Door, Server, package
from benchmarks.laboratory.room import listening
from benchmarks.laboratory.score import Mark, Score, score, totals
from benchmarks.laboratory.table import SERVERS

if TYPE_CHECKING:
    from benchmarks.laboratory.room import Room

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "laboratory.py"
CHEAP = ("redis", "dnsmasq", "openssh")
DOOR = Door(name="ssh", service="ssh", product="OpenSSH", version=package("openssh-server"))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=100)


def texts(server: Server) -> list[str]:
    return [server.prepare, *server.files.values(), server.command, *server.environment.values()]


def test_at_least_forty_products_are_there() -> None:
    names = [server.name for server in SERVERS]
    assert len(names) == len(set(names))
    assert len({door.product for server in SERVERS for door in server.doors} - {""}) >= 40


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_record_is_well_formed(server: Server) -> None:
    names = [door.name for door in server.doors]
    assert names
    assert len(names) == len(set(names))
    assert server.packages or server.unpacked
    used = {name for text in texts(server) for name in TOKEN.findall(text)}
    shared = {door.name for door in server.doors if door.beside}
    assert {door.beside for door in server.doors if door.beside} <= set(names) - shared
    assert used - {"here", "key", "cert", "both"} == set(names) - shared
    for door in server.doors:
        assert door.version is None or bool(door.version.package) != bool(door.version.command)


def test_some_doors_speak_tls_and_some_ipv6() -> None:
    doors = [door for server in SERVERS for door in server.doors]
    assert sum(door.tls for door in doors) >= 10
    assert sum(door.family == 6 for door in doors) >= 5


@pytest.mark.parametrize(
    ("said", "visible", "mark"),
    [
        ("9.2p1", "9.2p1", Mark.RIGHT),
        ("9.2p1 Debian 2+deb12u10", "9.2p1", Mark.RIGHT),
        ("10.11.19-MariaDB", "10.11.19", Mark.RIGHT),
        ("9.2p2", "9.2p1", Mark.WRONG),
        ("9.2p11", "9.2p1", Mark.WRONG),
        ("", "9.2p1", Mark.MISSING),
        ("9.2", "9.2.1", Mark.MISSING),
        ("9.0 or later", "9.2p1", Mark.MISSING),
        ("", None, Mark.NONE),
        ("9.2p1", None, Mark.RIGHT),
        ("8.0", None, Mark.WRONG),
    ],
)
def test_version_is_marked(said: str, visible: str | None, mark: Mark) -> None:
    assert score(DOOR, visible, "9.2.1" if said == "9.2" else "9.2p1", Answer(service="ssh", version=said)).version is mark


def test_other_name_of_the_protocol_is_right_but_missing_tls_is_not() -> None:
    door = Door(name="smb", service="microsoft-ds", product="Samba")
    assert score(door, None, None, Answer(service="smb", product="Samba smbd")).service is Mark.RIGHT
    assert score(door, None, None, Answer(service="smb", tls=True)).service is Mark.WRONG
    assert score(door, None, None, Answer(service="unknown")).service is Mark.MISSING


def test_part_of_a_word_is_not_the_product() -> None:
    door = Door(name="http", service="http", product="Apache httpd")
    assert score(door, None, None, Answer(service="http", product="Apache Tomcat")).product is Mark.WRONG
    assert score(door, None, None, Answer(service="http", product="Apache httpd")).product is Mark.RIGHT


def test_what_nobody_can_know_is_not_counted() -> None:
    counted = totals([Score(Mark.RIGHT, Mark.NONE, Mark.NONE), Score(Mark.MISSING, Mark.WRONG, Mark.MISSING)])
    assert counted["services"] == {"right": 1, "of": 2, "wrong": 0, "missing": 1, "share": 0.5}
    assert counted["products"]["of"] == 1
    assert counted["versions"] == {"right": 0, "of": 1, "wrong": 0, "missing": 1, "share": 0.0}


def test_answers_that_differ_between_looks_are_told() -> None:
    server = Server(name="ssh", packages=("openssh-server",), doors=(DOOR,), command="sshd")
    floor = Floor(rooms=[cast("Room", SimpleNamespace(server=server, ports={"ssh": 22}))])
    first, second = (Look(tool="ours", answers={("127.0.0.1", 22): Answer(service="ssh", product=product)}) for product in ("OpenSSH", ""))
    assert unsteady(floor, [first, first]) == {}
    assert unsteady(floor, [first, second]) == {"ssh ssh": ["ssh OpenSSH", "ssh"]}


def test_unknown_server_is_named() -> None:
    done = run("--only", "nobody")
    assert done.returncode == 2
    assert "no such server: nobody" in done.stderr


def cheap() -> list[Server]:
    """Return three servers that start at once, or skip with the reason."""
    servers = [server for server in SERVERS if server.name in CHEAP]
    if os.geteuid() != 0:
        pytest.skip("each server's room is mounted, which needs root")
    if shutil.which("unshare") is None:
        pytest.skip("util-linux's unshare is not installed")
    absent = sorted({name for server in servers for name in missing(server)})
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    return servers


@pytest.mark.slow
def test_real_servers_are_recognised() -> None:
    cheap()
    done = run("--alone", "--only", ",".join(CHEAP))
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["failures"] == {}
    assert {row["server"] for row in document["rows"]} == set(CHEAP)
    seen = {(row["server"], row["address"]): row["watchfloor"] for row in document["rows"] if row["door"] in {"ssh", "ssh6", "redis"}}
    assert seen["openssh", "127.0.0.1"]["product"] == seen["openssh", "::1"]["product"] == "OpenSSH"
    assert {part["version"] for part in (answer["marks"] for answer in seen.values())} == {"right"}


@pytest.mark.slow
def test_nothing_is_left_behind() -> None:
    servers = cheap()
    with running(servers) as floor:
        assert floor.failures == {}
        folders = [room.log.parent for room in floor.rooms]
        assert all(folder.is_dir() for folder in folders)
        open_doors = {(door.protocol, door.family, port) for _, door, port in floor.doors()}
        assert open_doors <= listening()
        processes = [room.process for room in floor.rooms]
    assert not open_doors & listening()
    assert all(process.poll() is not None for process in processes)
    assert not any(folder.exists() for folder in folders)
    assert "wf-laboratory" not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
