"""Take what the sandbox reads from a source's files: normalise, and write it down chunk by chunk while it is still being read."""

from __future__ import annotations

from array import array
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import msgspec

from watchfloor.capabilities.advisories.jobs import normals
from watchfloor.capabilities.advisories.jobs.turns import short_turns
from watchfloor.capabilities.advisories.jobs.writing import Chunk, Opened, Read, Tally, Writer
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.ingest import Head
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.words import Source, key_of, name_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from watchfloor.kernel.contract import JobContext

CHUNK_DOCUMENTS = 5000
CHUNK_BYTES = 24 << 20
WRITES_AHEAD = 2  # chunks: while one is written another may wait, so that neither thread stands still for the other's slow ones
AHEAD_BYTES = 48 << 20  # of frames: while they are normalised, the box reads the next file


class Intake:
    """Receives frames in order. Each chunk is one transaction: killed at any moment, what was written stays and the rest comes again.

    A context manager. One thread normalises, another writes the chunk before, and the box may be some frames ahead of both, so that it
    reads the next file meanwhile. Leaving the context, or `rest`, waits until everything is written.
    """

    def __init__(self, context: JobContext, *, history: int) -> None:
        """Take the attempt whose transactions carry the writes, and how many earlier documents of a CVE are kept."""
        self.tally = Tally()
        self.seen: dict[Source, set[int]] | None = None  # if somebody wants to know: which CVEs files told of
        self.unnamed: set[Source] = set()  # whose files told something that may be about any CVE
        self._context = context
        self._writer = Writer(context, history=history)
        self._turns = ExitStack()
        self._normalising, self._writes = ThreadPoolExecutor(1, "normalise"), ThreadPoolExecutor(1, "write")
        self._ahead: deque[tuple[int, Future[None]]] = deque()  # frames that are not normalised yet, and their sizes
        self._ahead_bytes = 0
        self._broken = self._stopped = False
        self._writing: deque[Future[Tally]] = deque()
        self._trained: dict[int, int] = {}
        self._file: Opened | None = None
        self._documents: list[Read] = []
        self._bytes = 0
        self._rejects: list[frames.Reject] = []

    def __enter__(self) -> Self:
        self._turns.enter_context(short_turns())
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        self._stopped = failed is not None
        try:
            if failed is None:
                self.rest()
        finally:
            self._normalising.shutdown()
            self._writes.shutdown()
            self._turns.close()
        # After an error, what was written meanwhile counts all the same; that it could not be written is then not the first error.
        while self._writing and self._writing[0].exception() is None:
            self._count_one()

    def rest(self) -> None:
        """Return when all files that came to their end are written; raises what taking them raised."""
        while self._ahead:
            self._pass()
        self._count()

    def take(self, message: bytes) -> None:
        """Take one frame.

        Raises:
            msgspec.MsgspecError: It, or one before it, is none; the box ends, and the attempt with it.
        """
        self._ahead.append((len(message), self._normalising.submit(self._take, message)))
        self._ahead_bytes += len(message)
        while self._ahead and (self._ahead_bytes > AHEAD_BYTES or self._ahead[0][1].done()):
            self._pass()

    def _pass(self) -> None:
        size, taken = self._ahead.popleft()
        self._ahead_bytes -= size
        taken.result()

    def _count(self) -> None:
        """Wait for the chunks that are being written, and count what came of them."""
        while self._writing:
            self._count_one()

    def _count_one(self) -> None:
        wrote = self._writing.popleft().result()
        self.tally.changed += wrote.changed
        self.tally.unchanged += wrote.unchanged
        self.tally.rejected += wrote.rejected
        self.tally.lost += wrote.lost

    def _take(self, message: bytes) -> None:
        """Take one frame in the thread that normalises; after an error none, for a file without one of its parts is not that file."""
        if self._broken or self._stopped:
            return
        self._broken = True
        match frames.unpack(message):
            case frames.Dictionary() as found:
                self._keep_dictionary(found)
            case frames.Refused(file=file, code=code, message=why):
                self.tally.refused.append(f"{file}: {code} {why}".strip())
            case frames.Begin() as begun:
                self._file, self._documents, self._bytes, self._rejects = Opened(begun), [], 0, []
            case found if self._file is not None:
                self._take_of(self._file, found)
        self._broken = False

    def _take_of(self, file: Opened, found: frames.AnyFrame) -> None:
        match found:
            case frames.Documents(items=items):
                self._collect(file, items)
            case frames.Unchanged(count=count, ks=ks):
                self.tally.unchanged += count
                file.seen.update(array("q", ks))
            case frames.Rejects(items=rejects):
                self.tally.rejected += len(rejects)
                self._rejects += rejects
                _know(file, rejects)
            case frames.Scores() as scores:
                file.scores.append(scores)
            case frames.Aliases() as pairs:
                file.pairs.append(pairs)
            case frames.End() as end:
                self.tally.rows += end.rows
                if self.seen is not None:
                    self.seen.setdefault(file.source, set()).update(file.seen)
                    if file.unnamed:
                        self.unnamed.add(file.source)
                self._write(file, end)
                self._file = None

    def _collect(self, file: Opened, items: list[frames.Document]) -> None:
        dictionary = file.begun.dictionary
        if dictionary == frames.TRAINED:
            dictionary = self._trained.get(file.begun.source)
        for one in items:
            self._bytes += len(one.raw) + len(one.record)
            self._documents.append((Head(one.k, one.hash, one.modified, dictionary, one.raw), _read(file.source, one)))
        file.seen.update([one.k for one in items])
        if len(self._documents) >= CHUNK_DOCUMENTS or self._bytes >= CHUNK_BYTES:
            self._write(file, None)

    def _keep_dictionary(self, found: frames.Dictionary) -> None:
        self._count()  # a transaction of this attempt waits for the one before
        with self._context.transaction() as session, curating(session) as wire:
            row = wire.execute("insert into adv_zdict (src, dict) values (%s, %s) returning id", (found.source, found.data)).fetchone()
        self._trained[found.source] = row[0] if row else 0

    def _write(self, file: Opened, end: frames.End | None) -> None:
        """Let what was collected be written, once the chunks before it are."""
        chunk = Chunk(file, self._documents, self._rejects, end)
        self._documents, self._bytes, self._rejects = [], 0, []
        while len(self._writing) >= WRITES_AHEAD:
            self._count_one()
        before = self._writing[-1] if self._writing else None
        self._writing.append(self._writes.submit(self._write_after, before, chunk))

    def _write_after(self, before: Future[Tally] | None, chunk: Chunk) -> Tally:
        """Write a chunk, after one that could not be written none: what follows would be a file with a hole."""
        if before is not None:
            before.result()
        return self._writer.write(chunk)


def _know(file: Opened, rejects: list[frames.Reject]) -> None:
    """What a file holds and nobody can read is not gone from it."""
    for one in rejects:
        k = key_of(one.ref)
        if k is not None:
            file.seen.add(k)
        file.unnamed = file.unnamed or not one.ref.startswith("CVE-")


def _read(src: Source, one: frames.Document) -> normals.Made | frames.Reject:
    """Return what a document means; one that makes no sense is refused alone, with its reason."""
    try:
        return normals.normal(src, one.k, one.record)
    except (ValueError, msgspec.MsgspecError) as error:
        return frames.Reject(name_of(one.k), str(error)[:500], bytes(one.record)[:200].decode("utf-8", "replace"))
