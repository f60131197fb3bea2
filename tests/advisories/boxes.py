"""A box without a sandbox: files by name go in, frames come out."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import msgspec
import zstandard

from watchfloor.capabilities.advisories.feeds.read import read_files
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import FeedFile, FeedRequest, Given, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 8, 20, tzinfo=UTC)
RECORDED = Path(__file__).parents[1] / "recorded" / "advisories"

AnyFrame = TypeVar("AnyFrame", bound=frames.Frame)
Record = TypeVar("Record")


@dataclass
class Box:
    """Holds inputs, bytes or paths, and takes frames apart as they come."""

    inputs: dict[str, bytes | Path | BinaryIO]
    told: list[Any] = field(default_factory=list)
    largest: int = 0

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Take progress."""

    def send(self, message: bytes) -> None:
        """Take a frame."""
        self.largest = max(self.largest, len(message))
        self.told.append(frames.unpack(message))

    def file(self, name: str) -> BinaryIO:
        """Open an input."""
        found = self.inputs[name]
        if isinstance(found, bytes):
            return io.BytesIO(found)
        return found.open("rb") if isinstance(found, Path) else found

    def all(self, sort: type[AnyFrame]) -> list[AnyFrame]:
        """Return the frames of one sort."""
        return [one for one in self.told if isinstance(one, sort)]

    def documents(self) -> list[frames.Document]:
        """Return all documents in their order."""
        return [one for frame in self.all(frames.Documents) for one in frame.items]

    def records(self, sort: type[Record]) -> dict[int, Record]:
        """Return all records by k."""
        return {one.k: msgspec.msgpack.decode(one.record, type=sort) for one in self.documents()}

    def raws(self) -> dict[int, bytes]:
        """Return all documents by k, unpacked."""
        trained = self.all(frames.Dictionary)
        dictionary = zstandard.ZstdCompressionDict(trained[-1].data) if trained else None
        return {one.k: zstandard.ZstdDecompressor(dict_data=dictionary).decompress(one.raw) for one in self.documents()}

    def rejects(self) -> list[frames.Reject]:
        """Return all rejects."""
        return [one for frame in self.all(frames.Rejects) for one in frame.items]

    def known(self) -> dict[int, bytes]:
        """Return k and hash of all documents."""
        return {one.k: one.hash for one in self.documents()}


def copied(known: dict[int, bytes], at: datetime | None = None) -> bytes:
    """Return what PostgreSQL makes of k, hash and the source's time."""
    since = ((at or datetime(1970, 1, 1, tzinfo=UTC)) - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return b"".join(struct.pack(">q16sq", k, digest, since) for k, digest in known.items())


def read(
    *files: bytes | Path | tuple[str, bytes] | FeedFile,
    known: dict[str, dict[int, bytes]] | None = None,
    known_at: datetime | None = None,
    **request: Any,
) -> tuple[list[Outcome], Box]:
    """Read files, each bytes, a path, or a label with bytes; return what became of them, and the box."""
    inputs: dict[str, bytes | Path | BinaryIO] = {}
    asked = []
    for number, one in enumerate(files):
        if isinstance(one, FeedFile):
            asked.append(one)
            continue
        label = one.name if isinstance(one, Path) else one[0] if isinstance(one, tuple) else f"file {number}"
        inputs[str(number)] = one[1] if isinstance(one, tuple) else one
        asked.append(FeedFile(name=str(number), label=label))
    given = tuple(Given(source=source, name=f"known {source}") for source in known or {})
    inputs |= {f"known {source}": copied(pairs, known_at) for source, pairs in (known or {}).items()}
    inputs |= request.pop("inputs", {})
    box = Box(inputs)
    answer = read_files(FeedRequest(files=tuple(asked), now=NOW, known=given, **{"keep_going": True, **request}), box)
    return list(answer.files), box


def only(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the one outcome."""
    (found,) = outcomes
    return found
