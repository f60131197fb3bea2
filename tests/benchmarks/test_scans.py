"""The benchmark of the connect engine runs where namespaces can be made, and its document has the shape that its readers rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.network import namespaces
from benchmarks.network.built import compiler
from benchmarks.network.cases import CASES, Case, quick
from benchmarks.network.peers import Order, _greppable
from benchmarks.network.turn import Turn
from benchmarks.network.verdict import document

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "scans.py"
HERE = ("10.77.1.1", 80)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.slow
def test_every_case_runs_and_finds_all_open_ports() -> None:
    if reason := namespaces.unavailable():
        pytest.skip(reason)
    if compiler() is None:
        pytest.skip("the relay needs a C compiler")
    done = run("--quick", "--peers", "watchfloor,c-reuse")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["failures"] == []
    assert [case["case"] for case in found["cases"]] == [case.name for case in CASES]
    for case in found["cases"]:
        facts = {goal["goal"]: goal["met"] for goal in case["goals"]}
        assert facts["no false open port"], case
        assert facts["no descriptor left"], case
        assert facts.get("every open port found", True), case
    assert set(found["cases"][0]["ratios"]) == {"c-reuse"}


def test_cases_are_listed() -> None:
    done = run("--list")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(CASES)


def test_unknown_case_is_named() -> None:
    done = run("--case", "nothing")
    assert done.returncode == 2
    assert "nothing is called nothing" in done.stderr


def test_open_ports_of_nmap_are_read() -> None:
    text = (
        "# Nmap 7.93 scan\nHost: 10.77.1.1 ()\tStatus: Up\n"
        "Host: 10.77.1.1 ()\tPorts: 22/open/tcp//ssh///, 80/filtered/tcp//http///\tIgnored State: closed (3)\n"
    )
    assert _greppable(text) == [("10.77.1.1", 22)]


def said(**other: int) -> dict[str, Any]:
    base: dict[str, Any] = {"descriptors_left": 0, "after_flag_ms": None, "process_s": 1.0, "probes": 1, "trouble": {}}
    return base | dict.fromkeys(("closed", "filtered", "unreachable", "skipped"), 0) | other


def test_one_missed_port_in_one_run_fails_the_case() -> None:
    case = Case(name="x", title="x", goals={"wall/nmap": 0.5}, rounds=2)
    whole, part = Turn(1.0, 1.0, 1.0, frozenset({HERE}), said()), Turn(1.0, 1.0, 1.0, frozenset(), said())
    slow = Turn(4.0, 1.0, 1.0, frozenset({HERE}))
    found = document(case, [{"watchfloor": whole, "nmap": slow}, {"watchfloor": part}], frozenset({HERE}))
    verdicts = {goal["goal"]: goal["met"] for goal in found["goals"]}
    assert verdicts == {
        "wall/nmap": True, "no false open port": True, "no descriptor left": True, "every open port found": False, "nothing left unasked": True,
    }  # fmt: skip
    assert found["peers"]["watchfloor"]["open_found"] == [1, 0]


def test_goal_nobody_measured_is_neither_met_nor_missed() -> None:
    case = Case(name="x", title="x", goals={"wall/nmap": 0.5}, rounds=1)
    found = document(case, [{"watchfloor": Turn(1.0, 1.0, 1.0, frozenset(), said())}], frozenset())
    assert found["goals"][0]["met"] is None


def test_quick_cases_are_small() -> None:
    assert all(quick(case).ports <= 1000 and quick(case).rounds == 1 for case in CASES)
    assert CASES[0].order() == Order(("10.77.1.1",), 1, 65_535)
