"""Take what the sandbox reads from a source's files: normalise, and write it down chunk by chunk while it is still being read."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.jobs import normals
from watchfloor.capabilities.advisories.queries import catalogs, epss, ingest, streams
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.facts import Kev, Normal
from watchfloor.capabilities.advisories.schemas.words import FIRST_YEAR, YEAR, Source, name_of

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

CHUNK_DOCUMENTS = 5000
CHUNK_BYTES = 24 << 20
FIRST_FEED = 2002  # NVD's file of this year holds the years before as well
HIGHEST = 10**18


@dataclass
class Tally:
    """What a run took in."""

    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    lost: int = 0
    refused: list[str] = field(default_factory=list)


class Intake:
    """Receives frames in order. Each chunk is one transaction: killed at any moment, what was written stays and the rest comes again."""

    def __init__(self, context: JobContext, *, history: int) -> None:
        """Take the attempt whose transactions carry the writes, and how many earlier documents of a CVE are kept."""
        self.tally = Tally()
        self._context, self._history = context, history
        self._products = Products()
        self._trained: dict[int, int] = {}
        self._file: frames.Begin | None = None
        self._documents: list[frames.Document] = []
        self._bytes = 0
        self._rejects: list[frames.Reject] = []
        self._scores: list[frames.Scores] = []
        self._pairs: list[frames.Aliases] = []
        self._seen: set[int] = set()
        self._changed_in_file = 0
        self._quiet = False

    def take(self, message: bytes) -> None:
        """Take one frame.

        Raises:
            msgspec.MsgspecError: It is none; the box ends, and the attempt with it.
        """
        match frames.unpack(message):
            case frames.Dictionary() as found:
                self._keep_dictionary(found)
            case frames.Begin() as begun:
                self._file, self._changed_in_file = begun, 0
                self._seen.clear()
            case frames.Documents(items=items):
                self._collect(items)
            case frames.Unchanged(count=count, ks=ks):
                self.tally.unchanged += count
                self._seen.update(array("q", ks))
            case frames.Rejects(items=rejects):
                self.tally.rejected += len(rejects)
                self._rejects += rejects
            case frames.Scores() as scores:
                self._scores.append(scores)
            case frames.Aliases() as pairs:
                self._pairs.append(pairs)
            case frames.Refused(file=file, code=code, message=why):
                self.tally.refused.append(f"{file}: {code} {why}".strip())
            case frames.End() as end:
                self._end(end)

    def _collect(self, items: list[frames.Document]) -> None:
        self._documents += items
        self._bytes += sum(len(one.raw) + len(one.record) for one in items)
        self._seen.update(one.k for one in items)
        if len(self._documents) >= CHUNK_DOCUMENTS or self._bytes >= CHUNK_BYTES:
            self._write(None)

    def _keep_dictionary(self, found: frames.Dictionary) -> None:
        with self._context.transaction() as session, curating(session) as wire:
            row = wire.execute("insert into adv_zdict (src, dict) values (%s, %s) returning id", (found.source, found.data)).fetchone()
        self._trained[found.source] = row[0] if row else 0

    def _end(self, end: frames.End) -> None:
        self.tally.rows += end.rows
        self._write(end)

    def _write(self, end: frames.End | None) -> None:
        """Write what was collected, and with the last of a file how far the source is read now: one transaction."""
        if self._file is None:
            return
        src = Source(self._file.source)
        with self._context.transaction() as session:
            with curating(session) as wire:
                streams.lock_source(wire, src)
                self._quiet = streams.first(wire, src, self._file.stream, complete=self._file.complete)
                for start in range(0, len(self._documents), CHUNK_DOCUMENTS):
                    self._write_documents(wire, src, self._documents[start : start + CHUNK_DOCUMENTS])
                if end is not None:
                    self._close(wire, src, self._file, end)
                streams.reject(wire, src, self._file.stream, self._rejects)
            self._context.advanced(session)
        self._documents, self._bytes, self._rejects = [], 0, []

    def _write_documents(self, wire: Wire, src: Source, documents: list[frames.Document]) -> None:
        latest = {one.k: one for one in documents}
        news, old = ingest.differing(wire, src, [(one.k, one.hash, one.modified) for one in latest.values()])
        fresh = [one for k, one in latest.items() if k in news]
        self.tally.changed += len(fresh)
        self.tally.unchanged += len(documents) - len(fresh)
        self._changed_in_file += len(fresh)
        made = [(one, made) for one in fresh if (made := self._normal(src, one)) is not None]
        plain = [self._head(one) for one, what in made if not isinstance(what, Normal)]
        if plain:
            catalogs.write_raw(wire, src, plain, old)
            catalogs.write_kev(wire, [what for _one, what in made if isinstance(what, Kev)], quiet=self._quiet)
            exploited = [what for _one, what in made if isinstance(what, catalogs.Exploited)]
            if exploited:
                catalogs.write_exploits(wire, src, exploited, quiet=self._quiet)
        whole = [
            ingest.Incoming(one.k, one.hash, one.modified, self._dictionary(), one.raw, what)
            for one, what in made
            if isinstance(what, Normal)
        ]
        if whole:
            ingest.replace(wire, src, whole, old, products=self._products, history=self._history, quiet=self._quiet)

    def _head(self, one: frames.Document) -> ingest.Head:
        return ingest.Head(one.k, one.hash, one.modified, self._dictionary(), one.raw)

    def _dictionary(self) -> int | None:
        number = self._file.dictionary if self._file else None
        return self._trained.get(self._file.source) if self._file and number == frames.TRAINED else number

    def _normal(self, src: Source, one: frames.Document) -> normals.Made | None:
        """Return what a document becomes; one that makes no sense is refused alone, with its reason."""
        try:
            return normals.normal(src, one.k, one.record)
        except (ValueError, msgspec.MsgspecError) as error:
            self.tally.rejected += 1
            self._rejects.append(frames.Reject(name_of(one.k), str(error)[:500], bytes(one.record)[:200].decode("utf-8", "replace")))
            return None

    def _close(self, wire: Wire, src: Source, file: frames.Begin, end: frames.End) -> None:
        changed, state = self._changed_in_file > 0, dict(end.state)
        if self._scores:
            day, state["model"] = self._scores[0].score_date, self._scores[0].model
            another = (streams.accepted(wire, src, file.stream) or {}).get("model") != state["model"]
            self.tally.changed += epss.take(wire, day, self._scores, complete=file.complete, quiet=another)
            changed = True
        if self._pairs:
            _write_pairs(wire, src, self._pairs)
        if file.complete and src is not Source.EPSS:
            low, high = _extent(src, file.stream)
            lost = catalogs.lose(wire, src, self._seen, low=low, high=high)
            self.tally.lost += lost
            changed = changed or lost > 0
        rows = end.distinct if file.complete else None
        streams.accept(wire, src, file.stream, rows=rows, watermark=end.watermark, cursor=state, changed=changed)
        self._scores, self._pairs = [], []
        self._seen.clear()


def _extent(src: Source, stream: str) -> tuple[int, int]:
    """Return between which CVEs a complete set speaks: all, or those of one year."""
    if src is Source.NVD and stream.isdecimal():
        year = int(stream)
        return (FIRST_YEAR if year == FIRST_FEED else year) * YEAR, (year + 1) * YEAR - 1
    return -HIGHEST, HIGHEST


def _write_pairs(wire: Wire, src: Source, pairs: list[frames.Aliases]) -> None:
    euvd = [k for one in pairs for k in array("q", one.euvd)]
    cve = [k for one in pairs for k in array("q", one.cve)]
    wire.execute(
        "insert into adv_alias (alias, k, src) select * from unnest(%s::text[], %s::bigint[], %s::smallint[]) on conflict (alias, k) do nothing",
        (list(map(name_of, euvd)), cve, [int(src)] * len(cve)),
    )
    # What an EUVD id told alone becomes a part of the CVE's record now.
    ingest.touch(wire, sorted({*euvd, *cve}), ingest.FACTS)
