"""Real feeds made as large as the real database: each record several times under numbers that nobody uses."""

from __future__ import annotations

import argparse
import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = re.compile(rb'"id"\s*:\s*"CVE-(\d{4})-(\d{4,})"')
TEXT = re.compile(rb'"lang"\s*:\s*"en",\s*"value"\s*:\s*"')
STEP = 10**7  # real numbers stay below
STAMP = re.compile(rb'"timestamp":"\d{4}-\d{2}-\d{2}T([0-9:.]+)')
YEAR_FILE = re.compile(r"nvdcve-2\.0-(\d{4})\.json\.gz")


class Feed(msgspec.Struct):
    """A feed whose records are left as they are."""

    timestamp: str
    vulnerabilities: list[msgspec.Raw]


def years(folder: Path) -> dict[str, list[bytes]]:
    """Return the records of the yearly feeds in a folder, by year, as they are written there."""
    found = {}
    for path in sorted(folder.iterdir()):
        if named := YEAR_FILE.fullmatch(path.name):
            feed = msgspec.json.decode(gzip.decompress(path.read_bytes()), type=Feed)
            found[named[1]] = [msgspec.json.format(bytes(one), indent=-1) for one in feed.vulnerabilities]
    return found


def replicate(folder: Path, target: Path, copies: int, *, alter: bool = False, only: str = "") -> dict[str, int]:
    """Write yearly feeds, or the one of a year, with each record `copies` times; `alter` changes each a little. Returns records by file."""
    counts = {}
    for year, records in years(folder).items():
        if only not in {"", year}:
            continue
        path = target / f"nvdcve-2.0-{year}.json.gz"
        count = len(records) * copies
        head = {
            "resultsPerPage": count,
            "startIndex": 0,
            "totalResults": count,
            "format": "NVD_CVE",
            "version": "2.0",
            "timestamp": "2026-03-17T07:00:00.000" if alter else "2026-03-15T07:00:00.000",
        }
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(msgspec.json.encode(head)[:-1] + b',"vulnerabilities":[')
            for n, record in enumerate(_copies(records, copies)):
                changed = TEXT.sub(rb"\g<0>Once more: ", record, count=1) if alter else record
                file.write((b"," if n else b"") + changed)
            file.write(b"]}")
        counts[path.name] = count
    return counts


def _copies(records: list[bytes], copies: int) -> Iterator[bytes]:
    for copy in range(copies):
        for record in records:
            yield (
                ID.sub(lambda found, copy=copy: b'"id":"CVE-%s-%d"' % (found[1], copy * STEP + int(found[2])), record, count=1)
                if copy
                else record
            )


def redate(folder: Path, target: Path) -> None:
    """Write the same feeds as of another moment: another file, and not one record that is news."""
    for path in sorted(folder.glob("*.json.gz")):
        with gzip.open(path) as old, gzip.open(target / path.name, "wb", compresslevel=1) as new:
            new.write(STAMP.sub(rb'"timestamp":"2026-03-16T\1', old.read(4096), count=1))
            while piece := old.read(1 << 20):
                new.write(piece)


def main() -> None:
    """Make feeds in a process of their own: whole sets are held in memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("copies", type=int)
    parser.add_argument("--alter", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--redate", action="store_true")
    asked = parser.parse_args()
    if asked.redate:
        redate(asked.folder, asked.target)
    else:
        replicate(asked.folder, asked.target, asked.copies, alter=asked.alter, only=asked.only)


if __name__ == "__main__":
    main()
