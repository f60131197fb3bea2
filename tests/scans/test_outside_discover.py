"""Look for hosts: on loopback, where everything answers, and in a network of the test's own, where most is empty."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import watchfloor
from watchfloor.capabilities.scans.connect.discover import discover, echo, neighbours
from watchfloor.capabilities.scans.engine.discovery import PORTS, doubtful, left_out
from watchfloor.capabilities.scans.engine.ranges import Span, spans
from watchfloor.capabilities.scans.schemas import AddressRange, DiscoverAnswers, DiscoverRequest, Discovery
from watchfloor.kernel.errors import OutOfScope

LOOPBACK = AddressRange(first="127.0.0.0", last="127.255.255.255")
LAB = """
set -e
ip link set lo up
ip link add out type veth peer name in
unshare -n sleep 60 & inside=$!
sleep 0.3
ip link set in netns $inside
ip addr add 10.77.0.1/24 dev out; ip link set out up
at() { nsenter -t $inside -n "$@"; }
at ip link set lo up; at ip link set in up
for n in 5 9 77 200; do at ip addr add 10.77.0.$n/24 dev in; done
at ip rule add from 10.77.0.200 lookup 100; at ip route add blackhole default table 100
sysctl -qw net.ipv4.ping_group_range="$1"
"$2" -c "$3"
kill $inside
"""
ASK = """
from watchfloor.capabilities.scans.connect.discover import discover
from watchfloor.capabilities.scans.schemas import AddressRange, DiscoverRequest
whole = AddressRange(first="10.77.0.2", last="10.77.0.254")
print(discover(DiscoverRequest(ranges=(whole,), ports=(22, 80), permitted=(whole,)), lambda *_, **__: None).model_dump_json())
"""


def asked(first: str, last: str, **more: Any) -> DiscoverAnswers:
    request = DiscoverRequest(ranges=(AddressRange(first=first, last=last),), ports=(22, 80), permitted=(LOOPBACK,), **more)
    return discover(request, lambda *_, **__: None)


def test_a_refusal_is_a_sign_of_life_and_neighbours_are_told_as_one_range() -> None:
    found = asked("127.0.0.1", "127.0.0.40", icmp=False)
    assert [(one.first, one.last) for one in found.alive] == [("127.0.0.1", "127.0.0.40")]
    assert (found.ways["tcp"], found.notes, found.stopped) == (40, (), None)


def test_addresses_that_nobody_could_ask_in_time_are_not_called_silent() -> None:
    found = asked("127.0.0.1", "127.0.2.255", timeout=timedelta(microseconds=1))
    assert (found.stopped, [(one.first, one.last) for one in found.alive]) == ("timeout", [("127.0.0.1", "127.0.2.255")])


def test_ranges_that_are_not_permitted_are_sent_nothing() -> None:
    with pytest.raises(OutOfScope, match="nothing was sent"):
        asked("127.0.0.1", "128.0.0.1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own")
@pytest.mark.parametrize(("allowed", "way"), [("1 0", "tcp"), ("0 2147483647", "icmp")])
def test_living_hosts_are_told_from_empty_addresses(allowed: str, way: str) -> None:
    command = ["unshare", "-n", "bash", "-c", LAB, "lab", allowed, sys.executable, ASK]
    environment = {**os.environ, "PYTHONPATH": str(Path(watchfloor.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this machine lets nobody make networks")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["first"] for one in found["alive"]] == ["10.77.0.5", "10.77.0.9", "10.77.0.77", "10.77.0.200"]
    # The last one swallows everything but ARP.
    assert (found["ways"][way], found["ways"]["neighbour"]) == (3, 1)
    assert any("not permitted" in note for note in found["notes"]) == (way == "tcp")


def test_the_neighbour_table_names_those_that_answered_arp(tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "10.0.0.1         0x1         0x2         02:00:00:00:00:01     *        eth0\n"
        "10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0\n"
        "10.0.0.3         0x1         0x2         00:00:00:00:00:00     *        eth0\n"
    )
    assert neighbours(table) == {"10.0.0.1"}
    assert neighbours(tmp_path / "none") == set()


def test_an_echo_request_has_a_valid_checksum() -> None:
    plain = echo(4, 7, b"0123456789abcdef")
    total = sum(int.from_bytes(plain[at : at + 2], "big") for at in range(0, len(plain), 2))
    assert (plain[0], (total & 0xFFFF) + (total >> 16)) == (8, 0xFFFF)
    assert echo(6, 7, b"")[0] == 128


@pytest.mark.parametrize(
    ("mode", "wanted", "ports", "expected"),
    [
        (Discovery.AUTO, ("10.0.0.0/24",), 1000, ("10.0.0.0/24",)),
        (Discovery.AUTO, ("10.0.0.0/28",), 1000, ()),
        (Discovery.AUTO, ("10.0.0.0/24",), len(PORTS), ()),
        (Discovery.AUTO, ("127.0.0.0/16", "10.0.0.0/24"), 1000, ("10.0.0.0/24",)),
        (Discovery.OFF, ("10.0.0.0/16",), 65_535, ()),
        (Discovery.ON, ("127.0.0.1",), 1, ("127.0.0.1",)),
    ],
)
def test_hosts_are_looked_for_where_it_is_worth_it(mode: Discovery, wanted: tuple[str, ...], ports: int, expected: tuple[str, ...]) -> None:
    assert doubtful(mode, spans(wanted), ports=ports) == spans(expected)


def test_silence_is_said_and_not_hidden() -> None:
    asked_for, alive = spans(("10.0.0.0/24",)), [Span(4, 0x0A000005, 0x0A000005)]
    (sentence,) = left_out(asked_for, alive, DiscoverAnswers())
    assert sentence.startswith("255 addresses answered nothing (ICMP echo, TCP ports 22, 80,")
    assert left_out(asked_for, asked_for, DiscoverAnswers()) == []
    assert left_out(asked_for, alive, DiscoverAnswers(notes=("No ICMP.",)))[1] == "No ICMP."
