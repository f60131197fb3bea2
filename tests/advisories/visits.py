"""What tests of connectors stand on: a box that keeps what it hears, and what is stored after a visit, for the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from tests.advisories.servers import NOW
from watchfloor.capabilities.advisories.feeds.fetching.source import fetch_into
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import Accepted
from watchfloor.capabilities.advisories.schemas.fetch import FetchAnswer, FetchRequest, Manners, SoFar
from watchfloor.capabilities.advisories.schemas.words import name_of

if TYPE_CHECKING:
    from pathlib import Path

# Pauses that a test can wait for; tries and all else as they are.
QUICK = Manners(first_pause=timedelta(milliseconds=1), pace=timedelta(0))
HASTY = QUICK.model_copy(update={"read": timedelta(seconds=0.3)})  # where something is never sent to its end


@dataclass
class Heard:
    """A box that keeps what it hears."""

    frames: list[frames.AnyFrame] = field(default_factory=list)
    parts: list[FetchAnswer] = field(default_factory=list)
    told: list[tuple[int, int, str, str]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        self.told.append((done, total, phase, note))

    def send(self, message: bytes) -> None:
        self.frames.append(frames.unpack(message))

    def keep(self, answer: FetchAnswer) -> bool:
        self.parts.append(answer)
        return True

    def file(self, name: str) -> BinaryIO:
        raise AssertionError(name)


@dataclass
class Store:
    """What a job would have stored: documents by id, and how far each stream is read."""

    source: str
    documents: dict[str, bytes] = field(default_factory=dict)
    streams: dict[str, SoFar] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)

    def take(self, heard: Heard) -> None:
        """Take frames as a job does; a watermark never goes back."""
        for frame in heard.frames:
            match frame:
                case frames.Documents(items=items):
                    self.documents |= {name_of(one.k): bytes(one.record) for one in items}
                case frames.Scores(k=ks, p=ps):
                    self.scores |= {name_of(k): p for k, p in zip(memoryview(ks).cast("q"), memoryview(ps).cast("i"), strict=True)}
                case frames.Aliases(euvd=ours, cve=theirs):
                    self.pairs |= {
                        name_of(a): name_of(b) for a, b in zip(memoryview(ours).cast("q"), memoryview(theirs).cast("q"), strict=True)
                    }
                case frames.End() as end:
                    self._end(end)

    def _end(self, end: frames.End) -> None:
        before = self.streams.get(end.stream, SoFar(stream=end.stream))
        marks = [mark for mark in (before.watermark, end.watermark) if mark]
        self.streams[end.stream] = SoFar(stream=end.stream, watermark=max(marks, default=None), cursor={**before.cursor, **end.state})
        self.rows[end.stream] = end.distinct

    def keep(self, kept: dict[str, str]) -> None:
        before = self.streams.get("", SoFar(stream=""))
        self.streams[""] = SoFar(stream="", cursor={**before.cursor, **kept})

    def watermark(self, stream: str) -> datetime | None:
        return self.streams[stream].watermark if stream in self.streams else None

    def accepted(self) -> tuple[Accepted, ...]:
        return tuple(
            Accepted(
                source=self.source, stream=one.stream, rows=self.rows.get(one.stream, 0), as_of=one.cursor.get("as_of") or one.watermark,
                sha256=one.cursor.get("sha256", ""),
            )
            for one in self.streams.values()
            if one.stream
        )  # fmt: skip


class Visitor:
    """Visits one source again and again, as a job would."""

    def __init__(self, folder: Path, source: str, url: str, second_url: str = "", **options: Any) -> None:
        self.folder, self.options = folder, {"source": source, "url": url, "second_url": second_url, "manners": QUICK, **options}
        self.store = Store(source)
        self.heard = Heard()

    def __call__(self, now: datetime = NOW, **options: Any) -> FetchAnswer:
        """Visit; what is heard is stored even if the visit ends in an error, as frames are."""
        self.heard = Heard()
        request = FetchRequest(
            **{**self.options, **options}, now=now, streams=tuple(self.store.streams.values()), accepted=self.store.accepted()
        )
        self.folder.mkdir(exist_ok=True)
        try:
            answer = fetch_into(self.folder, request, self.heard)
        finally:
            self.store.take(self.heard)
        self.store.keep(answer.kept)
        return answer

    @property
    def ids(self) -> list[str]:
        return sorted(self.store.documents)

    def text(self, name: str) -> str:
        """Return a document's record, as text to look into."""
        return msgspec.json.encode(msgspec.msgpack.decode(self.store.documents[name])).decode()
