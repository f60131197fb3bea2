"""Make PDFs of models of several sizes, each in a process of its own, and print what they cost."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.reports import model

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
SMALL, MIDDLE, LARGE, HUGE = 100, 1_000, 10_000, 100_000
Turn = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a turn failed or a goal was missed."""
    parser = argparse.ArgumentParser(prog="reports.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each size is made; the largest ones once in two rounds")
    parser.add_argument("--alone", action="store_true", help="without WeasyPrint, which takes minutes")
    asked = parser.parse_args(argv)
    peer = not asked.alone and importlib.util.find_spec("weasyprint") is not None
    with tempfile.TemporaryDirectory() as folder:
        found = _measure(Path(folder), asked.rounds, peer=peer)
    print(json.dumps(found, indent=1))
    return int(bool(found["failures"]) or not all(one["met"] for one in found["goals"].values()))


def _measure(folder: Path, rounds: int, *, peer: bool) -> dict[str, Any]:
    turns: dict[str, list[Turn]] = {}
    failures: list[str] = []
    load = os.getloadavg()
    snapshots = {}
    for count in (SMALL, MIDDLE, LARGE, HUGE):
        snapshots[count] = folder / f"{count}.ndjson"
        snapshots[count].write_bytes(model.snapshot(count).getvalue())
    for number in range(rounds):
        for count, path in snapshots.items():
            if count <= MIDDLE or number % 2 == 0:
                _turn("ours", count, path, turns, failures)
        _turn("snapshots", LARGE, LARGE, turns, failures)
        if number % 2 == 0:
            _turn("snapshots", HUGE, HUGE, turns, failures)
            _turn("formats", LARGE, snapshots[LARGE], turns, failures)
        if peer and number == 0:
            _turn("weasyprint", LARGE, snapshots[LARGE], turns, failures)
    return {
        "machine": {"cores": os.cpu_count(), "load_before": load, "load_after": os.getloadavg()}, "peer": "weasyprint" if peer else "not installed or not asked for",
        "turns": turns, "failures": failures, "goals": _goals(turns), "same_bytes": all(len({turn.get("sha256") for turn in one}) == 1 for one in turns.values()),
    }  # fmt: skip


def _turn(who: str, count: int, of: Path | int, turns: dict[str, list[Turn]], failures: list[str]) -> None:
    name = f"{who} {count}"
    print(name, file=sys.stderr)
    command = [sys.executable, "-m", f"benchmarks.documents.{who}", str(of)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": _path()})
    if ran.returncode:
        failures.append(f"{name}: {ran.stderr[-500:]}")
        return
    turns.setdefault(name, []).append(json.loads(ran.stdout))


def _path() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", ""))))


def _goals(turns: dict[str, list[Turn]]) -> dict[str, Any]:
    def median(name: str, what: str) -> float | None:
        found = [float(turn[what]) for turn in turns.get(name, ())]
        return statistics.median(found) if found else None

    def goal(value: float | None, limit: float) -> dict[str, Any]:
        return {"value": value, "limit": limit, "met": value is None or value <= limit}

    def ratio(one: float | None, other: float | None) -> float | None:
        return round(one / other, 4) if one is not None and other else None

    large, huge = f"ours {LARGE}", f"ours {HUGE}"
    return {
        "cpu beside WeasyPrint, 10,000 findings": goal(ratio(median(large, "cpu_s"), median(f"weasyprint {LARGE}", "cpu_s")), 0.15),
        "largest process, MiB, 10,000 findings": goal(median(large, "largest_mib"), 300),
        "largest process, 100,000 beside 10,000 findings": goal(ratio(median(huge, "largest_mib"), median(large, "largest_mib")), 1.3),
        "every format beside the PDF, 10,000 findings": goal(median(f"formats {LARGE}", "to_pdf"), 1.3),
        # Beside our own PDF the other formats look dearer whenever it gets cheaper; this bound does not move.
        "cpu of every format beside WeasyPrint's PDF, 10,000 findings": goal(
            ratio(median(f"formats {LARGE}", "cpu_s"), median(f"weasyprint {LARGE}", "cpu_s")), 0.195
        ),
        "snapshot while others write, s, 100,000 findings": goal(median(f"snapshots {HUGE}", "snapshot_s"), 6.0),
        "snapshot, cpu_s of the worker, 100,000 findings": goal(median(f"snapshots {HUGE}", "snapshot_cpu_s"), 6.0),
        "snapshot, MiB that the worker grows, 100,000 findings": goal(median(f"snapshots {HUGE}", "grew_mib"), 60),
        "writers that waited for the snapshot, 100,000 findings": goal(median(f"snapshots {HUGE}", "waited"), 0),
        "second call of generate_report, ms in the handler, 10,000 findings": goal(median(f"snapshots {LARGE}", "again_ms"), 50),
        "cpu_s, 1,000 findings": goal(median(f"ours {MIDDLE}", "cpu_s"), 2.0),
        "cpu_s, 100 findings": goal(median(f"ours {SMALL}", "cpu_s"), 0.6),
    }
