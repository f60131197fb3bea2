"""What a file must withstand before anything of it is believed; each guard has a code that the refusal begins with.

G2 content by its first bytes, G3 declared size and checksum, G4 bombs, G5 complete sets, G6 staleness, G7 mandatory members and encoding,
G8 few rejects. G1, the answer's status and host, belongs to fetching.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from watchfloor.kernel.errors import SourceChanged

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.feed import Accepted

MEMBER_LIMIT = 2 << 30
TOTAL_LIMIT = 12 << 30
RATIO_LIMIT = 100
RATIO_FROM = 16 << 20  # what unpacks to less than this harms nobody
DEPTH_LIMIT = 2
ENTRIES_LIMIT = 2_000_000  # of an archive
ROWS_LIMIT = 5_000_000  # of any file: ten times what there is
RECORD_LIMIT = 16 << 20
WHOLE_LIMIT = 64 << 20  # of files that are read in one piece

COMPLETE = 0.95
COMPLETE_KEV = 0.98
REJECTS = 0.01
REJECTS_FEW = 5  # of a small file
AHEAD = timedelta(days=1)  # clocks of sources may be that wrong


class Refusal(SourceChanged):
    """A guard refused a file."""

    def __init__(self, message: str) -> None:
        """Take the whole message, which begins with the guard's code."""
        super().__init__(message)
        self.guard = message.partition(":")[0]


def refuse(guard: str, sentence: str) -> NoReturn:
    """Refuse the file; the sentence says what is wrong with it and what it should be."""
    raise Refusal(f"{guard}: {sentence}")


@dataclass
class Meter:
    """Counts what is unpacked and stops bombs."""

    packed: int  # bytes of the whole packed file
    limit: int = MEMBER_LIMIT
    unpacked: int = 0

    def add(self, size: int) -> None:
        """Count more unpacked bytes."""
        self.unpacked += size
        if self.unpacked > self.limit:
            refuse("G4", f"unpacks to more than {self.limit} bytes, which no original file does")
        if self.unpacked > RATIO_FROM and self.unpacked > self.packed * RATIO_LIMIT:
            refuse("G4", f"unpacks to more than {RATIO_LIMIT} times its {self.packed} bytes, as only bombs do")


def check_rows(rows: int) -> None:
    """Refuse a file of more records than can be remembered (G4)."""
    if rows > ROWS_LIMIT:
        refuse("G4", f"holds more than {ROWS_LIMIT} records, which no original file does")


_META = re.compile(rb"(lastModifiedDate|size|zipSize|gzSize|sha256):([^\r\n]{1,100})")


@dataclass(frozen=True)
class Meta:
    """What NVD declares about a feed: size and checksum of the uncompressed JSON."""

    modified: str
    size: int
    sha256: str


def meta_of(content: bytes) -> Meta:
    """Read a .meta file."""
    found = {name.decode(): value.decode("ascii", "replace").strip() for name, value in _META.findall(content[:2000])}
    sha256 = found.get("sha256", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not found.get("size", "").isdecimal():
        refuse("G7", "is no .meta file of NVD: it names no size and sha256")
    return Meta(found.get("lastModifiedDate", ""), int(found["size"][:18]), sha256)


def check_sum(size: int, sha256: str, *, declared_size: int | None, declared_sha256: str) -> None:
    """Compare a file with what was declared about it (G3)."""
    if declared_size is not None and size != declared_size:
        refuse("G3", f"has {size} bytes unpacked and {declared_size} are declared; fetch file and .meta again")
    if declared_sha256 and sha256 != declared_sha256.lower():
        refuse("G3", f"has the sha256 {sha256[:16]}… and {declared_sha256[:16].lower()}… is declared; fetch file and .meta again")


def check_set(distinct: int, before: Accepted | None, *, share: float, accept: frozenset[str]) -> str:
    """Refuse a complete set that lost too many ids (G5); return a note where an operator passes it."""
    if before is None and distinct:
        return ""
    rows = before.rows if before is not None else 0
    if distinct and distinct >= rows * share:
        return ""
    sentence = f"holds {distinct} ids and the last complete one held {rows}: parts of it are missing" if rows else "holds no record"
    if "G5" in accept and distinct:
        return f"G5 passed by an operator: {sentence}"
    return refuse("G5", f"{sentence}; if that is right, pass it with --accept G5")


def check_declared(held: int, declared: int | None, *, accept: frozenset[str]) -> str:
    """Refuse a complete set whose array is not as long as it says (G5)."""
    if declared is None or held == declared:
        return ""
    sentence = f"declares {declared} records and holds {held}"
    if "G5" in accept:
        return f"G5 passed by an operator: {sentence}"
    return refuse("G5", f"{sentence}; if that is right, pass it with --accept G5")


def check_rejects(rows: int, rejected: int, reason: str, *, accept: frozenset[str], misnamed: int = 0) -> str:
    """Refuse a file of which much cannot be read (G8); records whose ids are none say nothing about the others."""
    if not rejected or (rejected - misnamed <= max(REJECTS_FEW, rows * REJECTS) and rejected < rows):
        return ""
    sentence = f"{rejected} of {rows} records cannot be read, the first because {reason}"
    if "G8" in accept and rejected < rows:
        return f"G8 passed by an operator: {sentence}"
    return refuse("G8", sentence)


def is_stale(as_of: datetime | None, before: Accepted | None) -> bool:
    """Say whether a file is older than what is stored (G6)."""
    return as_of is not None and before is not None and before.as_of is not None and as_of < before.as_of


def check_text(head: bytes) -> None:
    """Refuse pages, binaries and other encodings than UTF-8 (G2, G7)."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) or b"\0\0" in {head[1:4:2], head[0:4:2]}:
        refuse("G7", "is UTF-16 or UTF-32; convert it to UTF-8")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n\0")[:400].lower()
    if not start:
        refuse("G2", "is empty")
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        refuse("G2", "is an HTML page, such as a firewall or a bot check answers with, and no data")
    if start.startswith(b"<"):
        refuse("G2", "is XML or HTML, and no source that is read here publishes that")
