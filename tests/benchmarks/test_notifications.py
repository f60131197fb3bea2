"""The benchmark of notifications runs, delivers what it sends, and its document has the shape that its readers rely on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "notifications.py"


@pytest.mark.slow
def test_every_part_runs_and_nothing_is_lost_or_stored_twice() -> None:
    quick = ("--rounds", "1", "--mails", "60", "--webhooks", "200", "--apprise", "20", "--people", "300")
    done = subprocess.run([sys.executable, str(SCRIPT), *quick], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["fan_out"]["rows"] == {"first": [300], "repeated": [0]}
    assert found["webhooks"]["watchfloor_per_s"]["median"] > 0
    assert found["mail"]["watchfloor_per_s"]["median"] > 0
