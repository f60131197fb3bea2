"""Write a chunk of what a source says: one transaction, so that killed at any moment all of it is there or nothing."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, TypeAlias

from watchfloor.capabilities.advisories.queries import catalogs, epss, ingest, streams
from watchfloor.capabilities.advisories.queries.curator import WRITING, alone, curating
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.facts import Kev, Normal
from watchfloor.capabilities.advisories.schemas.words import FIRST_YEAR, YEAR, Source, name_of

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.capabilities.advisories.jobs.normals import Made
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

FIRST_FEED = 2002  # NVD's file of this year holds the years before as well
HIGHEST = 10**18
NO_DOCUMENTS = {Source.EPSS, Source.EUVD}  # their complete sets, scores and pairs of ids, do not say of which CVEs they have documents

Read: TypeAlias = "tuple[ingest.Head, Made | frames.Reject]"  # a document, and what it means or why it means nothing

MODIFIED = "modified"
MODIFIED_SPAN = timedelta(days=7)  # the feed reaches back eight days; a day less is sure
DELTA = "delta"
CVE_LIST_WHOLE = ("baseline", DELTA, "log")  # what else is read of the CVE List are records that somebody chose
LULL = timedelta(hours=6)  # an archive of changes begins at midnight; so long may pass before it without any change


@dataclass
class Tally:
    """What a run took in."""

    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    lost: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass
class Opened:
    """A file between its beginning and its end, and what of it is needed at its end."""

    begun: frames.Begin
    seen: set[int] = field(default_factory=set)
    unnamed: bool = False  # records that cannot be read may be about any CVE
    scores: list[frames.Scores] = field(default_factory=list)
    pairs: list[frames.Aliases] = field(default_factory=list)
    changed: int = 0  # documents that were written

    @property
    def source(self) -> Source:
        """Return whose file it is."""
        return Source(self.begun.source)


@dataclass
class Chunk:
    """A part of a file; the last one says how far the source is read now."""

    file: Opened
    documents: list[Read]
    rejects: list[frames.Reject]
    end: frames.End | None = None


class Writer:
    """Writes chunks in their order; after an error it is not to be used again."""

    def __init__(self, context: JobContext, *, history: int) -> None:
        """Take the attempt whose transactions carry the writes, and how many earlier documents of a CVE are kept."""
        self._context, self._history = context, history
        self._products = Products()

    def write(self, chunk: Chunk) -> Tally:
        """Write a chunk and return what it came to."""
        tally, file, src = Tally(), chunk.file, chunk.file.source
        with self._context.transaction() as session:
            with curating(session) as wire:
                alone(wire, WRITING)
                quiet = streams.first(wire, src, file.begun.stream, complete=file.begun.complete)
                self._write_documents(wire, src, chunk, tally, quiet=quiet)
                if chunk.end is not None:
                    _close(wire, file, chunk.end, tally)
                streams.reject(wire, src, file.begun.stream, chunk.rejects)
            self._context.advanced(session)
        return tally

    def _write_documents(self, wire: Wire, src: Source, chunk: Chunk, tally: Tally, *, quiet: bool) -> None:
        latest = {head.k: (head, made) for head, made in chunk.documents}
        news, old = ingest.differing(wire, src, [(head.k, head.h, head.source_modified) for head, _made in latest.values()])
        fresh = [latest[k] for k in latest if k in news]
        tally.changed += len(fresh)
        tally.unchanged += len(chunk.documents) - len(fresh)
        chunk.file.changed += len(fresh)
        bad = [made for _head, made in fresh if isinstance(made, frames.Reject)]
        tally.rejected += len(bad)
        chunk.rejects += bad
        plain = [(head, made) for head, made in fresh if not isinstance(made, Normal | frames.Reject)]
        if plain:
            catalogs.write_raw(wire, src, [head for head, _made in plain], old)
            catalogs.write_kev(wire, [made for _head, made in plain if isinstance(made, Kev)], quiet=quiet)
            exploited = [made for _head, made in plain if isinstance(made, catalogs.Exploited)]
            if exploited:
                catalogs.write_exploits(wire, src, exploited, quiet=quiet)
        whole = [(head, made) for head, made in fresh if isinstance(made, Normal)]
        if whole:
            ingest.replace(wire, src, whole, old, products=self._products, history=self._history, quiet=quiet)


def _close(wire: Wire, file: Opened, end: frames.End, tally: Tally) -> None:
    """Write down that a file was taken in whole."""
    src, stream, state = file.source, file.begun.stream, dict(end.state)
    changed = file.changed > 0
    if file.scores:
        day, state["model"] = file.scores[0].score_date, file.scores[0].model
        another = (streams.accepted(wire, src, stream) or {}).get("model") != state["model"]
        tally.changed += epss.take(wire, day, file.scores, complete=file.begun.complete and not end.rejected, quiet=another)
        changed = True
    if file.pairs:
        _write_pairs(wire, src, file.pairs)
    # A list of pairs says nothing about documents.
    if file.begun.complete and src not in NO_DOCUMENTS and not file.unnamed and not file.pairs:
        low, high = _extent(src, stream)
        tally.lost = catalogs.lose(wire, src, file.seen, low=low, high=high)
        changed = changed or tally.lost > 0
    rows = end.distinct if file.begun.complete else None
    watermark = end.watermark
    if watermark is not None and not _joins(wire, src, stream, watermark):
        # What changed between is not in it: whoever asks NVD next is to see the hole.
        streams.open_gap(wire, src, "a feed of changes begins later than what is stored ends")
        watermark = None
    streams.accept(wire, src, stream, rows=rows, watermark=watermark, cursor=state, changed=changed)


def _joins(wire: Wire, src: Source, stream: str, watermark: datetime) -> bool:
    """Tell whether a file of changes, the last of them at `watermark`, begins before what is stored ends."""
    if src is Source.NVD and stream == MODIFIED:
        return streams.reaches(wire, src, watermark - MODIFIED_SPAN)
    if src is Source.CVE_LIST and stream == DELTA:
        midnight = watermark.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return streams.reaches(wire, src, midnight - LULL, of=CVE_LIST_WHOLE)
    return True


def _extent(src: Source, stream: str) -> tuple[int, int]:
    """Return between which CVEs a complete set speaks: all, or those of one year."""
    if src is Source.NVD and stream.isdecimal():
        year = int(stream)
        return (FIRST_YEAR if year == FIRST_FEED else year) * YEAR, (year + 1) * YEAR - 1
    return -HIGHEST, HIGHEST


def _write_pairs(wire: Wire, src: Source, pairs: list[frames.Aliases]) -> None:
    euvd = [k for one in pairs for k in array("q", one.euvd)]
    cve = [k for one in pairs for k in array("q", one.cve)]
    # What an EUVD id told alone becomes a part of the CVE's record now; pairs that were known change nothing.
    wire.execute(
        "with pairs as (select alias, k, own from unnest(%s::text[], %s::bigint[], %s::bigint[]) as t (alias, k, own)), "
        "fresh as (insert into adv_alias (alias, k, src) select alias, k, %s from pairs on conflict (alias, k) do nothing returning alias, k), "
        "told as (select k from fresh union select own from pairs join fresh using (alias, k)) "
        "insert into adv_touched (k, mask) select k, %s from told order by k on conflict (k) do update set mask = adv_touched.mask | excluded.mask",
        (list(map(name_of, euvd)), cve, euvd, int(src), ingest.FACTS),
    )
