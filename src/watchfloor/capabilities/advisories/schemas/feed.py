"""What a job asks of the sandbox about files of sources, and what it hears at the end; the contents travel as frames."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol

from pydantic import BaseModel, ConfigDict, Field


class Box(Protocol):
    """What the sandbox gives to a function that reads files."""

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report progress."""
        ...

    def send(self, message: bytes) -> None:
        """Stream one frame to the job; waits while the job is behind."""
        ...

    def file(self, name: str) -> BinaryIO:
        """Open an input that the job handed in."""
        ...


class Shape(BaseModel):
    """A part of a request or an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Kind(StrEnum):
    """What a file turns out to hold; decided by its content, never by its name."""

    NVD = "nvd"  # feed or API answer
    NVD_RECORDS = "nvd-records"  # JSON lines
    NVD_META = "nvd-meta"
    CVE_LIST = "cve-list"  # zip, or zip in zip
    CVE_RECORDS = "cve-records"  # JSON lines, or one record
    DELTA_LOG = "delta-log"
    KEV = "kev"
    KEV_CSV = "kev-csv"
    EU_KEV = "eu-kev"
    EUVD = "euvd"
    EUVD_MAPPING = "euvd-mapping"
    EPSS = "epss"
    OVERRIDES = "overrides"
    EXPLOITS = "exploits"
    BUNDLE = "bundle"  # signed, of many sources


class Verdict(StrEnum):
    """What became of a file."""

    READ = "read"
    SAME = "same"  # byte for byte what was accepted last; nothing was streamed
    STALE = "stale"  # not newer than what is stored: nothing to do
    REFUSED = "refused"
    BUNDLE = "bundle"  # nothing was streamed: its signature is checked first, which happens elsewhere
    NOTHING = "nothing"  # known, and nothing to store in it, such as a .meta


class FeedFile(Shape):
    """One input file. `name` is what the box opens; `label` is how people know it."""

    name: str
    label: str = ""
    stream: str = ""  # which series it belongs to, where whoever fetched it knows; else derived from label and content
    kind: Kind | None = None  # what it must be; None: whatever it is
    sha256: str = ""  # of the uncompressed content, hexadecimal; "" unknown
    size: int | None = None  # of the uncompressed content, bytes


class Accepted(Shape):
    """What is stored of one stream."""

    source: str  # label, such as cve-list
    stream: str
    rows: int = 0  # distinct ids of the last complete set
    as_of: datetime | None = None
    sha256: str = ""  # of the last file's uncompressed content: the same again is not decoded; "" to have it decoded all the same
    packed: str = ""  # sha256 of that file as it was packed; "" unknown


class Given(Shape):
    """An input file of the job's own making that belongs to a source."""

    source: str  # label
    name: str
    number: int = 0  # of a dictionary: how it is stored


class FeedRequest(Shape):
    """Read files of sources.

    `known` names, per source, k, hash and the source's time of documents, one behind the other as `decode.Known` reads them: documents of the same hash are not
    sent again.
    `accept` names guards whose refusal an operator passes, `closed` sources of which nothing is taken. `keep_going`: tell a refusal and go on, else raise it.
    """

    files: tuple[FeedFile, ...]
    now: datetime
    known: tuple[Given, ...] = ()
    dictionaries: tuple[Given, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    accept: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()  # sources whose files nobody enabled
    keep_going: bool = False
    level: int = Field(default=3, ge=1, le=19)  # of compression


class Outcome(Shape):
    """What became of one file."""

    name: str
    label: str
    kind: Kind | None = None
    source: str = ""
    stream: str = ""
    verdict: Verdict
    code: str = ""  # of the guard that refused
    message: str = ""
    rows: int = 0
    distinct: int = 0
    sent: int = 0
    unchanged: int = 0
    rejected: int = 0
    nul_removed: int = 0  # NUL characters taken out
    duplicates: int = 0  # records of a k that the file holds again
    watermark: datetime | None = None
    notes: tuple[str, ...] = ()  # what an operator should know


class FeedAnswer(Shape):
    """What became of the files, in the order of the request."""

    files: tuple[Outcome, ...] = ()
