"""Run the cases in order on one database, each building on the one before, and print what they took."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.intelligence.desk import ROOT, Desk, desk, peak_mib
from benchmarks.intelligence.finding import finding
from watchfloor.capabilities.advisories.jobs import import_files, rebuild
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.capabilities.advisories.jobs.rebuilding import Derived, Rebuild

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(os.environ.get("TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "intel"
COPIES = 9  # of 34,000 real records
ALTERED = "2003"  # the year whose records are changed, all of them


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="advisories.py", description=__doc__)
    parser.add_argument("--copies", type=int, default=COPIES, help="how many times each real record is there")
    parser.add_argument("--feeds", type=Path, help="folder with feeds made before, of as many copies; without it they are made now")
    asked = parser.parse_args(argv)
    if not (DATA / "nvd" / "feeds").is_dir():
        print(f"there are no feeds in {DATA}; name the folder above with TEST_DATA", file=sys.stderr)
        return 2
    with desk() as here:
        print(json.dumps(_measure(here, asked.copies, asked.feeds), indent=1))
    return 0


def _measure(here: Desk, copies: int, feeds: Path | None) -> dict[str, Any]:
    whole, redated, altered = (here.folder / name for name in ("whole", "redated", "altered"))
    for folder in (whole, redated, altered):
        folder.mkdir()
    if feeds is None:
        _aside("replicate", DATA / "nvd" / "feeds", whole, copies)
    else:
        for path in feeds.iterdir():
            shutil.copy(path, whole)
    peers = {"typed decoding": json.loads(_aside("peers", "decode", whole))}
    found: dict[str, Any] = {"machine": {"cores": os.cpu_count()}}
    found["bootstrap"] = _import(here, "whole")
    found["bootstrap"]["records"] = here.rows("select count(*) from adv_cve")[0][0]
    found["unchanged files"] = _import(here, "whole")
    _aside("replicate", whole, redated, copies, "--redate")
    found["unchanged records"] = _import(here, "redated")
    _aside("replicate", DATA / "nvd" / "feeds", altered, copies, "--alter", "--only", ALTERED)
    found["altered records"] = _import(here, "altered")
    shutil.copytree(
        DATA / "nvd" / "feeds", here.folder / "modified", ignore=shutil.ignore_patterns("*20[0-9][0-9].*", "*recent*", "*history*")
    )
    found["modified"] = _import(here, "modified")
    for path in sorted((DATA / "epss").glob("epss_scores-2026-*.csv.gz")):
        shutil.copy(path, here.folder)
        found[f"epss {path.name[12:22]}"] = _import(here, path.name)
    scored = here.run(rebuild, Rebuild(what=Derived.SCORES))
    found["rescore"] = {
        "seconds": scored.seconds,
        **scored.answer,
        "records_per_second": round(scored.answer["looked_at"] / scored.seconds),
    }
    found["worker_peak_mib"] = round(peak_mib())
    found["finding"] = finding(here)
    found["database_mib"] = here.rows("select pg_database_size(current_database()) / 1048576")[0][0]
    peers["by hand"] = json.loads(_aside("peers", "by-hand", whole, here.url))
    return found | {"peers": peers, "ratios": _ratios(found, peers)}


def _ratios(found: dict[str, Any], peers: dict[str, Any]) -> dict[str, float]:
    ours = found["bootstrap"]["rows_per_second"]
    return {
        "bootstrap to typed decoding": round(ours / peers["typed decoding"]["records_per_second"], 4),
        "bootstrap to by hand": round(ours / peers["by hand"]["records_per_second"], 2),
        "unchanged records to bootstrap": round(found["unchanged records"]["rows_per_second"] / ours, 2),
    }


def _aside(module: str, *given: object) -> str:
    """Run in another process, so that its memory is not the worker's."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    command = [sys.executable, "-m", f"benchmarks.intelligence.{module}", *map(str, given)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _import(here: Desk, path: str) -> dict[str, Any]:
    done = here.run(import_files, ImportFiles(paths=[path]))
    total = done.answer["sources"][-1]
    return {
        "seconds": round(done.seconds, 2), "taking_seconds": round(done.seconds - done.merging, 2), "merging_seconds": round(done.merging, 2),
        "worker_cpu_seconds": round(done.cpu_seconds, 2), "box_cpu_seconds": round(sum(box.cpu_ms for box in done.boxes) / 1000, 2),
        "rows": total["rows"], "changed": total["changed"], "unchanged": total["unchanged"], "rejected": total["rejected"],
        "merged": done.answer["merged"], "rows_per_second": round((total["rows"] or total["unchanged"]) / done.seconds),
        "worker_peak_mib": round(peak_mib()), "box_peak_mib": max((box.memory_bytes >> 20 for box in done.boxes), default=0),
        "files": [f"{one['source']} {one['state']} {one['message']}" for one in done.answer["sources"][:-1] if one["state"] != "synced"][:5],
    }  # fmt: skip
