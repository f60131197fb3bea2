"""Run the cases in order on one database, each building on the one before, and print what they took."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.intelligence.desk import Desk, desk, peak_mib
from benchmarks.intelligence.replicate import replicate
from watchfloor.capabilities.advisories.jobs import import_files, rebuild
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.capabilities.advisories.jobs.rebuilding import Derived, Rebuild

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(os.environ.get("WATCHFLOOR_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "intel"
COPIES = 9  # of 34,000 real records


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="advisories.py", description=__doc__)
    parser.add_argument("--copies", type=int, default=COPIES, help="how many times each real record is there")
    parser.add_argument("--feeds", type=Path, help="folder with feeds made before; without it they are made now")
    asked = parser.parse_args(argv)
    if not (DATA / "nvd" / "feeds").is_dir():
        print(f"there are no feeds in {DATA}; name the folder above with WATCHFLOOR_TEST_DATA", file=sys.stderr)
        return 2
    with desk() as here:
        print(json.dumps(_measure(here, asked.copies, asked.feeds), indent=1))
    return 0


def _measure(here: Desk, copies: int, feeds: Path | None) -> dict[str, Any]:
    whole = here.folder / "whole"
    whole.mkdir()
    if feeds is None:
        replicate(DATA / "nvd" / "feeds", whole, copies)
    else:
        for path in feeds.iterdir():
            shutil.copy(path, whole)
    found: dict[str, Any] = {"machine": {"cores": os.cpu_count()}, "decode": _decode(whole)}
    found["bootstrap"] = _import(here, "whole")
    found["bootstrap"]["records"] = here.rows("select count(*) from adv_cve")[0][0]
    found["unchanged"] = _import(here, "whole")
    shutil.copytree(
        DATA / "nvd" / "feeds", here.folder / "modified", ignore=shutil.ignore_patterns("*20[0-9][0-9].*", "*recent*", "*history*")
    )
    found["modified"] = _import(here, "modified")
    for name in ("epss_scores-2026-06-14.csv.gz", "epss_scores-2026-06-21.csv.gz"):
        shutil.copy(DATA / "epss" / name, here.folder)
        found[f"epss {name[12:22]}"] = _import(here, name)
    scored = here.run(rebuild, Rebuild(what=Derived.SCORES))
    found["rescore"] = {"seconds": scored.seconds, **scored.answer, "records_per_second": scored.answer["looked_at"] / scored.seconds}
    found["worker_peak_mib"] = peak_mib()
    found["database_mib"] = here.rows("select pg_database_size(current_database()) / 1048576")[0][0]
    return found


def _import(here: Desk, path: str) -> dict[str, Any]:
    done = here.run(import_files, ImportFiles(paths=[path]))
    total = done.answer["sources"][-1]
    return {
        "seconds": round(done.seconds, 2), "worker_cpu_seconds": round(done.cpu_seconds, 2), "rows": total["rows"], "changed": total["changed"],
        "unchanged": total["unchanged"], "rejected": total["rejected"], "merged": done.answer["merged"],
        "rows_per_second": round(total["rows"] / done.seconds), "peak_mib": round(peak_mib()),
        "files": [f"{one['source']} {one['state']} {one['message']}" for one in done.answer["sources"][:-1] if one["state"] != "synced"][:5],
    }  # fmt: skip


def _decode(folder: Path) -> dict[str, Any]:
    """Decode the same files without keeping anything: the peer that nothing can beat."""

    class Feed(msgspec.Struct):
        vulnerabilities: list[Any]

    rates = []
    for path in sorted(folder.glob("*.json.gz")):
        content = gzip.decompress(path.read_bytes())
        begun = time.perf_counter()
        count = len(msgspec.json.decode(content, type=Feed).vulnerabilities)
        rates.append(count / (time.perf_counter() - begun))
    return {"records_per_second": round(statistics.median(rates))}
