"""EPSS's daily file: a score and a percentile for every CVE."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from itertools import chain
from operator import add
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.split import sample_of
from watchfloor.capabilities.advisories.schemas.frames import Reject, Scores, pack
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.words import YEAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content
    from watchfloor.capabilities.advisories.schemas.feed import Box

UNIT = 100_000
_HEADER = re.compile(rb"#\s?model_version:([^,\s]{1,60}),\s?score_date:([0-9T:+.Z-]{10,40})\s*\Z")
_COLUMNS = b"cve,epss,percentile"
_ROWS = re.compile(rb"^CVE-(1999|2\d{3})-(\d{4,10}),([0-9.eE+-]{1,24}),([0-9.eE+-]{1,24})\r?$", re.MULTILINE)
_FIELDS = 4
# As every file so far writes them but for scores such as 1e-05; what it takes in, `_ROWS` takes in as well.
_PLAIN_ROWS = re.compile(rb"(?:CVE-(?:1999|2\d{3})-\d{4,10},[0-9.]{1,24},[0-9.]{1,24}\n)*+")
_PER_FRAME = 200_000
_REJECTS_KEPT = 1000
_HEADER_LINES = 2
_BLOCK_BYTES = 64 << 10
_LINE_LIMIT = 1 << 20
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
    blocks = _blocks(content.ahead())
    start = next(blocks, b"")
    while start.count(b"\n") < _HEADER_LINES and (more := next(blocks, b"")):
        start += more
    first, second, start = [*start.split(b"\n", _HEADER_LINES), b"", b""][: _HEADER_LINES + 1]
    found = _HEADER.match(first)
    if found is None or second.strip() != _COLUMNS:
        guards.refuse("G7", "does not begin with the lines #model_version:…,score_date:… and cve,epss,percentile")
    day.model, day.date = found[1].decode("ascii", "replace"), moment(found[2].decode())
    if day.date is None:
        guards.refuse("G7", f"has the score_date {found[2].decode()!r}, which is no date")
    taking = _Taking(day)
    for block in chain([start], blocks):
        taking.take(block)
    return day


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines, a processor's cache full at a time."""
    rest = b""
    for piece in pieces:
        for start in range(0, len(piece), _BLOCK_BYTES):
            rest += piece[start : start + _BLOCK_BYTES]
            end = rest.rfind(b"\n") + 1
            if end:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > _LINE_LIMIT:
                guards.refuse("G7", f"holds a line of more than {_LINE_LIMIT} bytes")
    if rest:
        yield rest + b"\n"


class _Taking:
    """Takes rows, a block at once where all lines of it are good, else line by line."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._seen: set[int] = set()
        self._years, self._values = _Years(), _Values()
        self._line = _HEADER_LINES

    def take(self, block: bytes) -> None:
        """Take whole lines."""
        lines = block.count(b"\n")
        guards.check_rows(self._line + lines)
        if not self._plainly(block, lines) and not self._at_once(_ROWS.findall(block), lines):
            for number, line in enumerate(block.split(b"\n")[:-1], self._line + 1):
                if line and not line.isspace():
                    self._one(line, number)
        self._line += lines

    def _at_once(self, rows: list[tuple[bytes, bytes, bytes, bytes]], lines: int) -> bool:
        if len(rows) != lines:
            return False
        return self._columns(*zip(*rows, strict=True)) if rows else True

    def _plainly(self, block: bytes, lines: int) -> bool:
        """Take a block by its separators alone."""
        if _PLAIN_ROWS.fullmatch(block) is None:
            return False
        fields = block.replace(b"CVE-", b"").replace(b"-", b",").replace(b"\n", b",").split(b",")
        fields.pop()  # behind the last line
        return len(fields) == lines * _FIELDS and self._columns(*(fields[place::_FIELDS] for place in range(_FIELDS)))

    def _columns(self, years: Iterable[bytes], serials: Sequence[bytes], scores: Iterable[bytes], ranks: Iterable[bytes]) -> bool:
        """Take rows of which each is new and makes sense; else none of them."""
        ks = list(map(add, map(self._years.__getitem__, years), map(int, serials)))
        fresh = set(ks)
        if len(fresh) != len(serials) or not fresh.isdisjoint(self._seen):
            return False
        try:
            p, percentile = (array("i", map(self._values.__getitem__, texts)) for texts in (scores, ranks))
        except ValueError:
            return False
        self._seen |= fresh
        self._day.k.extend(ks)
        self._day.p.extend(p)
        self._day.percentile.extend(percentile)
        return True

    def _one(self, line: bytes, number: int) -> None:
        day = self._day
        found = _ROWS.fullmatch(line)
        try:
            if found is None:
                raise ValueError("is no row of CVE id, score and percentile")  # noqa: TRY301 - one place where rows are rejected
            k, p, percentile = int(found[1]) * YEAR + int(found[2]), _units(found[3]), _units(found[4])
        except ValueError as error:
            day.rejected += 1
            if len(day.bad) < _REJECTS_KEPT:
                day.bad.append(Reject(f"line {number}", str(error), sample_of(line)))
            return
        if k in self._seen:
            day.duplicates += 1
            return
        self._seen.add(k)
        day.k.append(k)
        day.p.append(p)
        day.percentile.append(percentile)


class _Values(dict[bytes, int]):
    """Texts and what they are in units: a day knows few different scores."""

    def __missing__(self, text: bytes) -> int:
        self[text] = value = _units(text)
        return value


class _Years(dict[bytes, int]):
    """Years and where their CVEs begin."""

    def __missing__(self, text: bytes) -> int:
        self[text] = start = int(text) * YEAR
        return start


def _units(text: bytes) -> int:
    """Return a share of one in units; ValueError for what is none."""
    share = float(text)
    if not 0 <= share <= 1:
        raise ValueError("is a score beyond 0 to 1")
    return round(share * UNIT)


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
