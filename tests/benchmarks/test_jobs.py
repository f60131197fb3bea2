"""The benchmark runs and its document has the shape that its readers rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.figures import compared, judge, percentile

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "jobs.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.slow
def test_document_has_figures_ratios_and_goals() -> None:
    done = run("--quick", "--jobs", "50", "--peers", "celery,watchfloor,dramatiq")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["failures"] == []
    for name in ("celery", "watchfloor"):
        figures = document["peers"][name]["figures"]
        assert {"cpu_ms_per_job", "drain_per_s", "submit_per_s", "bulk_per_s", "latency_p50_ms", "memory_mb"} <= figures.keys()
        assert all(set(spread) == {"median", "min", "max"} for spread in figures.values())
        assert figures["drain_per_s"]["min"] > 0
    assert "cpu_ms_per_job_database" in document["peers"]["watchfloor"]["figures"]
    assert "cpu_ms_per_job_database" not in document["peers"]["celery"]["figures"]
    assert {"figures", "left_out"} & document["peers"]["dramatiq"].keys()
    assert document["ratios"]["celery"]["watchfloor"]["submit_per_s"]["median"] > 0
    assert [goal["met"] is None for goal in document["goals"]["watchfloor"]] == [False, True, False, False, False, False]


def test_unknown_peer_is_named() -> None:
    done = run("--peers", "nobody")
    assert done.returncode == 2
    assert "nobody is called nobody" in done.stderr


def test_ratios_are_taken_inside_each_round() -> None:
    rounds = [{"a": {"x": 2.0}, "b": {"x": 1.0}}, {"a": {"x": 40.0}, "b": {"x": 10.0}}, {"a": {"x": 7.0}}]
    assert compared(rounds, "a", "b", "x") == {"median": 3.0, "min": 2.0, "max": 4.0}
    assert compared(rounds, "a", "b", "x", difference=True) == {"median": 15.5, "min": 1.0, "max": 30.0}
    assert compared(rounds, "a", "nobody", "x") is None


def test_a_goal_nobody_measured_is_neither_met_nor_missed() -> None:
    rounds = [{"watchfloor": {"cpu_ms_per_job": 2.0}, "celery": {"cpu_ms_per_job": 1.0}}]
    verdicts = {
        verdict["goal"]: verdict["met"]
        for verdict in judge([{name: {**row, **dict.fromkeys(REST, 1.0)} for name, row in rounds[0].items()}], "valkey", "watchfloor")
    }
    assert verdicts["CPU per job, to bare Celery"] is False
    assert verdicts["CPU per job, to Celery with results"] is None
    assert verdicts["single durable submit rate, to bare Celery"] is True


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([float(value) for value in range(1, 101)], 99) == 99.0
    assert percentile([5.0], 50) == 5.0


REST = ("drain_per_s", "submit_per_s", "bulk_per_s", "latency_p50_ms")
