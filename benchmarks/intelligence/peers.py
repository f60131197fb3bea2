"""What to compare with, each in a process of its own: decoding the same files and nothing else, and the loader that people write by hand."""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord  # noqa: TC001 - msgspec reads annotations when the program runs

NAIVE = 5000  # records: it takes long enough
BATCH = 100


class Wrapped(msgspec.Struct):
    """A record in a feed."""

    cve: NvdRecord


class Typed(msgspec.Struct):
    """A feed whose records are decoded into structs."""

    vulnerabilities: list[Wrapped]


class Plain(msgspec.Struct):
    """A feed whose records are decoded into dictionaries."""

    vulnerabilities: list[dict[str, Any]]


def decode(folder: Path) -> dict[str, Any]:
    """Decode the same files without keeping anything: nothing can be faster."""
    rates = []
    for path in sorted(folder.glob("*.json.gz")):
        content = gzip.decompress(path.read_bytes())
        begun = time.perf_counter()
        count = len(msgspec.json.decode(content, type=Typed).vulnerabilities)
        rates.append(count / (time.perf_counter() - begun))
    return {"records_per_second": round(statistics.median(rates))}


def by_hand(folder: Path, url: str) -> dict[str, Any]:
    """Insert record after record into one table of documents, as the loaders do that people write by hand; one commit for each hundred."""
    newest = max(folder.glob("*.json.gz"))
    records = msgspec.json.decode(gzip.decompress(newest.read_bytes()), type=Plain).vulnerabilities[:NAIVE]
    with psycopg.connect(url) as connection:
        connection.execute("create table by_hand (id text primary key, changed timestamptz, document jsonb)")
        connection.execute("create index on by_hand using gin (document jsonb_path_ops)")
        connection.commit()
        begun = time.perf_counter()
        for number, record in enumerate(records):
            cve = record["cve"]
            connection.execute(
                "insert into by_hand values (%s, %s, %s) on conflict (id) do update set changed = excluded.changed, document = excluded.document",
                (cve["id"], cve["lastModified"], json.dumps(cve)),
            )
            if not number % BATCH:
                connection.commit()
        connection.commit()
        seconds = time.perf_counter() - begun
        connection.execute("drop table by_hand")
    return {"records": len(records), "seconds": round(seconds, 2), "records_per_second": round(len(records) / seconds)}


def main() -> None:
    """Run one and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["decode", "by-hand"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("url", nargs="?", default="")
    asked = parser.parse_args()
    print(json.dumps(decode(asked.folder) if asked.what == "decode" else by_hand(asked.folder, asked.url)))


if __name__ == "__main__":
    main()
