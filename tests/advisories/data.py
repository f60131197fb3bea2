"""Recorded answers of the sources: a folder beside the checkout, or where TEST_DATA points; tests skip where it is absent."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).parents[3] / "shared" / "data"


def shared(path: str) -> Path:
    """Return a recorded file or folder, named from the root of the intelligence data; skip the test where it is not there."""
    found = Path(os.environ.get("TEST_DATA") or BESIDE) / "intel" / path
    if not found.exists():
        pytest.skip(f"needs the recorded {path}: set TEST_DATA")
    return found


def shared_json(path: str) -> Any:
    """Return what a recorded JSON file holds, unpacked where its name ends in .gz."""
    packed = shared(path).read_bytes()
    return json.loads(gzip.decompress(packed) if path.endswith(".gz") else packed)
