"""EPSS's daily file: a score and a percentile for every CVE."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.decode import moment
from watchfloor.capabilities.advisories.feeds.split import Bad, lines, sample_of
from watchfloor.capabilities.advisories.schemas.frames import Reject, Scores, pack
from watchfloor.capabilities.advisories.schemas.words import YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content
    from watchfloor.capabilities.advisories.schemas.feed import Box

UNIT = 100_000
_HEADER = re.compile(rb"#\s?model_version:([^,\s]{1,60}),\s?score_date:([0-9T:+.Z-]{10,40})\s*\Z")
_COLUMNS = b"cve,epss,percentile"
_ROW = re.compile(rb"CVE-(1999|2\d{3})-(\d{4,10}),([0-9.eE+-]{1,24}),([0-9.eE+-]{1,24})\r?\Z")
_PER_FRAME = 200_000
_REJECTS_KEPT = 1000
_CHECK = 10_000
_RANKS_FROM = 1000  # fewer rows have no ranks to speak of
_SKEW = 0.01  # percentiles of a complete file are ranks among its own rows: measured 0.0001, and 0.08 where a third is missing


@dataclass
class Day:
    """One file."""

    model: str = ""
    date: datetime | None = None
    k: array[int] = field(default_factory=lambda: array("q"))
    p: array[int] = field(default_factory=lambda: array("i"))
    percentile: array[int] = field(default_factory=lambda: array("i"))
    bad: list[Reject] = field(default_factory=list)
    rejected: int = 0
    duplicates: int = 0


def read(content: Content) -> Day:
    """Read a file; refused without the line of model and date and that of the columns (G7)."""
    day = Day()
    rows = iter(lines(content.ahead()))
    first, second = next(rows, b""), next(rows, b"")
    found = _HEADER.match(first) if isinstance(first, bytes) else None
    if found is None or not isinstance(second, bytes) or second.strip() != _COLUMNS:
        guards.refuse("G7", "does not begin with the lines #model_version:…,score_date:… and cve,epss,percentile")
    day.model, day.date = found[1].decode("ascii", "replace"), moment(found[2].decode())
    if day.date is None:
        guards.refuse("G7", f"has the score_date {found[2].decode()!r}, which is no date")
    _take(day, rows)
    return day


def _take(day: Day, rows: Iterable[bytes | Bad]) -> None:
    seen: set[int] = set()
    values: dict[bytes, int] = {}  # a day knows few different scores
    for number, line in enumerate(rows, 3):
        if not number % _CHECK:
            guards.check_rows(number)
        found = None if isinstance(line, Bad) else _ROW.match(line)
        if found is None:
            _reject(day, line, number, "is no row of CVE id, score and percentile")
            continue
        year, serial, score, share = found.groups()
        k = int(year) * YEAR + int(serial)
        p, percentile = values.get(score), values.get(share)
        try:
            if p is None:
                p = values[score] = _units(score)
            if percentile is None:
                percentile = values[share] = _units(share)
        except ValueError as error:
            _reject(day, line, number, str(error))
            continue
        if k in seen:
            day.duplicates += 1
            continue
        seen.add(k)
        day.k.append(k)
        day.p.append(p)
        day.percentile.append(percentile)


def _units(text: bytes) -> int:
    """Return a share of one in units; ValueError for what is none."""
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError("is a score beyond 0 to 1")
    return round(share * UNIT)


def _reject(day: Day, line: bytes | Bad, number: int, reason: str) -> None:
    day.rejected += 1
    if len(day.bad) < _REJECTS_KEPT:
        day.bad.append(Reject(f"line {number}", reason, line.sample if isinstance(line, Bad) else sample_of(line)))


def check_complete(day: Day, *, accept: frozenset[str]) -> str:
    """Refuse a file whose percentiles are ranks among more rows than it has (G5)."""
    size = len(day.percentile)
    ranks = sorted(day.percentile)
    if size < _RANKS_FROM:
        return ""
    worst = max(abs((place + 1) / size - rank / UNIT) for place, rank in enumerate(ranks) if place + 1 == size or ranks[place + 1] != rank)
    if worst <= _SKEW:
        return ""
    sentence = f"has percentiles that do not fit its {size} rows (off by {worst:.2f}): a part of the file is missing"
    if "G5" in accept:
        return f"G5 passed by an operator: {sentence}"
    return guards.refuse("G5", sentence)


def send(day: Day, box: Box) -> None:
    """Stream the columns."""
    assert day.date is not None  # noqa: S101 - read() refuses a file without
    for start in range(0, len(day.k), _PER_FRAME):
        part = slice(start, start + _PER_FRAME)
        k, p, percentile = day.k[part], day.p[part], day.percentile[part]
        box.send(pack(Scores(day.date.date(), day.model, len(k), k.tobytes(), p.tobytes(), percentile.tobytes())))
