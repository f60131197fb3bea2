"""Read local files of any source in the sandbox: tell what each is, let it pass the guards, and stream what is news in it."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from watchfloor.capabilities.advisories.feeds import (
    cve_list,
    decode,
    epss,
    eu_kev,
    euvd,
    exploits,
    guards,
    kev,
    nvd,
    overrides,
    zips,
)
from watchfloor.capabilities.advisories.feeds.opened import Content, Packing, content_of, packing_of
from watchfloor.capabilities.advisories.feeds.packing import Codec, Packer
from watchfloor.capabilities.advisories.feeds.sniff import Found, sniff
from watchfloor.capabilities.advisories.feeds.spool import Spool
from watchfloor.capabilities.advisories.feeds.survey import Sender, send_rejects, survey
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import Accepted, Box, FeedAnswer, FeedFile, FeedRequest, Kind, Outcome, Verdict
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.reading import Reading

SOURCES = {
    Kind.NVD: Source.NVD,
    Kind.NVD_RECORDS: Source.NVD,
    Kind.NVD_META: Source.NVD,
    Kind.CVE_LIST: Source.CVE_LIST,
    Kind.CVE_RECORDS: Source.CVE_LIST,
    Kind.DELTA_LOG: Source.CVE_LIST,
    Kind.KEV: Source.KEV,
    Kind.KEV_CSV: Source.KEV,
    Kind.EU_KEV: Source.EU_KEV,
    Kind.EUVD: Source.EUVD,
    Kind.EUVD_MAPPING: Source.EUVD,
    Kind.EPSS: Source.EPSS,
    Kind.OVERRIDES: Source.OVERRIDES,
    Kind.EXPLOITS: Source.EXPLOITS,
}
_BY_LINES = {Kind.NVD_RECORDS, Kind.CVE_RECORDS, Kind.OVERRIDES}


def read_files(request: FeedRequest, report: Box) -> FeedAnswer:
    """Read files in their order; each is checked as a whole before anything of it is sent.

    Raises:
        SourceChanged: "G2: <file> …": a guard refused a file, unless `keep_going` asks for a verdict instead.
    """
    with without_gc(), Session(request, report) as session:
        return FeedAnswer(files=tuple(session.read(place, one) for place, one in enumerate(request.files)))


@dataclass
class Session:
    """What the files of one request share."""

    request: FeedRequest
    box: Box
    known: dict[Source, decode.Known] = field(default_factory=dict)
    codecs: dict[Source, Codec] = field(default_factory=dict)
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    spool: Spool = field(default_factory=Spool)
    metas: dict[str, guards.Meta] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.shutdown()
        self.spool.clear()

    def read(self, place: int, file: FeedFile) -> Outcome:
        """Read one file."""
        self.box(place, len(self.request.files), "reading", file.label or file.name)
        try:
            return self._read(file)
        except guards.Refusal as error:
            code, _, sentence = str(error).partition(": ")
            message = f"{file.label or file.name} {sentence}"
            if not self.request.keep_going:
                raise guards.Refusal(f"{code}: {message}") from error
            self.box.send(frames.pack(frames.Refused(file.name, code, message)))
            return Outcome(name=file.name, label=file.label, verdict=Verdict.REFUSED, code=code, message=message)

    def _read(self, file: FeedFile) -> Outcome:
        with self.box.file(file.name) as opened:
            head = opened.read(8)
            if packing_of(head) is Packing.ZIP:
                return self._zip(file, opened)
            content = content_of(opened, limit=guards.TOTAL_LIMIT)
            return self._content(file, content)

    def _zip(self, file: FeedFile, opened: BinaryIO) -> Outcome:
        """Read an archive of CVE records, or the one file that is packed as a zip."""
        span = zips.whole(opened)
        alone = zips.alone(span)
        if alone is not None:
            packed = Content(lambda: zips.stream(span, alone), packed=alone.packed, limit=guards.MEMBER_LIMIT, packing=Packing.ZIP)
            return self._content(file, packed)
        self._expect(file, Kind.CVE_LIST)
        with cve_list.Archive(span) as archive:
            return self._records(file, Kind.CVE_LIST, cve_list.archive(archive, file.label, file.stream))

    def _content(self, file: FeedFile, content: Content) -> Outcome:  # noqa: PLR0911 - one per sort
        found = sniff(content.head())
        if found.kind is Kind.BUNDLE:
            if not self.request.keep_going:
                guards.refuse("G2", "is a bundle, which no source publishes")
            return Outcome(name=file.name, label=file.label, kind=found.kind, verdict=Verdict.BUNDLE)
        self._expect(file, found.kind)
        content.binary = found.packed
        if found.kind not in _BY_LINES:
            content.limit = guards.MEMBER_LIMIT
        match found.kind:
            case Kind.NVD_META:
                return self._meta(file, content)
            case Kind.EPSS:
                return self._epss(file, content)
            case Kind.EUVD_MAPPING:
                pairs, bad = euvd.mapping(content)
                return self._aliases(file, found.kind, pairs, bad, content)
            case Kind.DELTA_LOG:
                return self._log(file, content)
            case Kind.EUVD if (named := euvd.advisory_pairs(content.whole()) if found.single else None) is not None:
                return self._aliases(file, found.kind, named, [], content)
            case _:
                return self._records(file, found.kind, _reading(found, content, file))

    def _expect(self, file: FeedFile, kind: Kind) -> None:
        source = SOURCES[kind].label
        if source in self.request.closed:
            guards.refuse("", f"is of {source}, which is not enabled; enable it and import again: watchfloor advisories enable {source}")
        if file.kind is not None and SOURCES[file.kind] is not SOURCES[kind]:
            guards.refuse("G2", f"is {kind} by its content and was expected to be {file.kind}")

    def _before(self, source: Source, stream: str) -> Accepted | None:
        return next((one for one in self.request.accepted if one.source == source.label and one.stream == stream), None)

    def _known(self, source: Source) -> decode.Known:
        if source not in self.known:
            self.known[source] = decode.Known()
            for given in self.request.known:
                if given.source == source.label:
                    with self.box.file(given.name) as opened:
                        self.known[source].add(opened.read())
        return self.known[source]

    def _codec(self, source: Source) -> Codec | None:
        """Return how the source's documents are compressed; None: that is to be found out."""
        for given in self.request.dictionaries:
            if source not in self.codecs and given.source == source.label:
                with self.box.file(given.name) as opened:
                    self.codecs[source] = Codec(opened.read(), given.number, self.request.level)
        found = self.codecs.get(source)
        return found if found is not None and found.number is not None else None

    def _tell(self, source: Source, codec: Codec | None) -> int | None:
        """Tell a new dictionary before the first file that uses it; return what `Begin` calls the codec's."""
        if codec is None:
            return None
        self.codecs[source] = codec
        if codec.number == frames.TRAINED and codec.dictionary is not None and not codec.told:
            self.box.send(frames.pack(frames.Dictionary(int(source), codec.dictionary)))
            codec.told = True
        return codec.number

    def _check_sum(self, file: FeedFile, content: Content | None) -> None:
        if content is None:
            return
        meta = self.metas.get(_stem(file.label or file.name))
        guards.check_sum(content.size, content.sha256, declared_size=file.size, declared_sha256=file.sha256)
        if meta is not None:
            guards.check_sum(content.size, content.sha256, declared_size=meta.size, declared_sha256=meta.sha256)

    def _is_same(self, file: FeedFile, content: Content | None, before: Accepted) -> bool:
        """Tell whether a file is the one that was accepted last, where that can be told for less than reading it."""
        if content is None or not before.sha256:
            return False
        meta = self.metas.get(_stem(file.label or file.name))
        declared = file.sha256 or (meta.sha256 if meta is not None else "")
        if declared and declared.lower() != before.sha256:
            return False
        packed = content.packed_sha256()
        return packed == before.packed if packed and before.packed else content.checksum() == before.sha256

    def _records(self, file: FeedFile, kind: Kind, reading: Reading) -> Outcome:
        source, accept = reading.form.source, self.request.accept
        before = self._before(source, reading.stream)
        if before is not None and self._is_same(file, reading.content, before):
            return _same(file, kind, before, reading.content)
        known = self._known(source)
        self.spool.clear()  # a file before may have been refused
        packer = Packer(self.thread, self._codec(source), self.spool, trained_number=frames.TRAINED, level=self.request.level)
        found = survey(reading.records, reading.form, known, packer, lambda done: self.box(done, 0, "checking", file.label))
        packer.close()
        if before is not None and before.sha256 and reading.content is not None and reading.content.sha256 == before.sha256:
            return _same(file, kind, before, reading.content)
        about = reading.about()
        self._check_sum(file, reading.content)
        notes = [*about.notes, guards.check_rejects(found.rows, found.rejected, _first(found.bad), misnamed=found.misnamed, accept=accept)]
        if about.held is not None:
            notes.append(guards.check_declared(about.held, about.declared.get("total"), accept=accept))
        stale = guards.is_stale(about.as_of, before)
        if reading.share is not None and not stale:
            notes.append(guards.check_set(found.distinct, before, share=reading.share, accept=accept))
        if found.duplicates:
            notes.append(f"holds {found.duplicates} ids more than once")
        outcome = _outcome(file, kind, reading.stream, found.rows, found.distinct, found.rejected, found.duplicates, notes, reading.content)
        if stale:
            return outcome.model_copy(update={"verdict": Verdict.STALE})
        number = self._tell(source, packer.codec)
        self._begin(file, source, reading.stream, complete=reading.complete, number=number, as_of=about.as_of, version=about.version)
        send_rejects(found.bad, source, self.box)
        sender = Sender(source, self.box, known, found)
        unchanged = sender.unchanged()
        if packer.full:
            packer = Packer(self.thread, packer.codec, None, trained_number=frames.TRAINED, level=self.request.level)
            sent = sender.again(reading.records, reading.form, packer, lambda done: self.box(done, found.rows, "reading", file.label))
        else:
            sent = sender.kept(packer)
        watermark = found.watermark(self.request.now)
        end = outcome.model_copy(update={"unchanged": unchanged, "sent": sent, "watermark": watermark})
        self._end(end, source, about.declared, _state(reading.content, about.as_of, about.version))
        return end

    def _begin(
        self,
        file: FeedFile,
        source: Source,
        stream: str,
        *,
        complete: bool,
        number: int | None = None,
        as_of: datetime | None = None,
        version: str = "",
    ) -> None:
        self.box.send(frames.pack(frames.Begin(file.name, int(source), stream, complete, number, as_of, version)))

    def _end(self, outcome: Outcome, source: Source, declared: dict[str, int], state: dict[str, str]) -> None:
        self.box.send(
            frames.pack(
                frames.End(
                    outcome.name, int(source), outcome.stream, outcome.rows, outcome.distinct, outcome.unchanged, outcome.rejected,
                    outcome.watermark, declared, state,
                )
            )
        )  # fmt: skip

    def _meta(self, file: FeedFile, content: Content) -> Outcome:
        meta = guards.meta_of(content.whole())
        self.metas[_stem(file.label or file.name)] = meta
        note = (
            f"declares {meta.size} bytes of sha256 {meta.sha256}, last modified {meta.modified}; feeds of this name that follow must agree"
        )
        return _nothing(file, Kind.NVD_META, (note,))

    def _log(self, file: FeedFile, content: Content) -> Outcome:
        log = cve_list.delta_log(content.whole())
        return _nothing(file, Kind.DELTA_LOG, (f"names what changed in {len(log)} looks and holds no record",))

    def _epss(self, file: FeedFile, content: Content) -> Outcome:
        day = epss.read(content)
        stream, accept = file.stream or "daily", self.request.accept
        before = self._before(Source.EPSS, stream)
        self._check_sum(file, content)
        rows = len(day.k) + day.rejected + day.duplicates
        notes = [
            guards.check_rejects(rows, day.rejected, _first(day.bad), accept=accept),
            guards.check_set(len(day.k), before, share=guards.COMPLETE, accept=accept),
            epss.check_complete(day, accept=accept),
        ]
        outcome = _outcome(file, Kind.EPSS, stream, rows, len(day.k), day.rejected, day.duplicates, notes, content)
        if before is not None and before.as_of is not None and day.date is not None and day.date <= before.as_of:
            return outcome.model_copy(update={"verdict": Verdict.STALE, "watermark": day.date})
        self._begin(file, Source.EPSS, stream, complete=True, as_of=day.date, version=day.model)
        send_rejects(day.bad, Source.EPSS, self.box)
        epss.send(day, self.box)
        end = outcome.model_copy(update={"sent": len(day.k), "watermark": day.date})
        self._end(end, Source.EPSS, {}, _state(content, day.date, day.model))
        return end

    def _aliases(self, file: FeedFile, kind: Kind, pairs: list[tuple[int, int]], bad: list[Any], content: Content) -> Outcome:
        whole = kind is Kind.EUVD_MAPPING
        stream, accept = file.stream or ("mapping" if whole else "advisory"), self.request.accept
        rejects = [frames.Reject(*one) for one in bad]
        rows, distinct = len(pairs) + len(rejects), len(set(pairs))
        notes = [guards.check_rejects(rows, len(rejects), _first(rejects), accept=accept)]
        if whole:
            notes.append(guards.check_set(distinct, self._before(Source.EUVD, stream), share=guards.COMPLETE, accept=accept))
        outcome = _outcome(file, kind, stream, rows, distinct, len(rejects), len(pairs) - distinct, notes, content)
        self._begin(file, Source.EUVD, stream, complete=whole)
        send_rejects(rejects, Source.EUVD, self.box)
        euvd.send_pairs(pairs, self.box)
        end = outcome.model_copy(update={"sent": distinct})
        self._end(end, Source.EUVD, {}, _state(content, None, ""))
        return end


def _reading(found: Found, content: Content, file: FeedFile) -> Reading:  # noqa: PLR0911 - one per sort
    """Return how a file of a sort that holds documents is read."""
    match found.kind:
        case Kind.NVD:
            return nvd.feed(content, file.label or file.name, file.stream)
        case Kind.NVD_RECORDS:
            return nvd.records(content, file.stream, one=found.single)
        case Kind.CVE_RECORDS:
            return cve_list.records(content, file.stream, one=found.single)
        case Kind.KEV | Kind.KEV_CSV:
            return kev.catalog(content, file.stream, table=found.kind is Kind.KEV_CSV)
        case Kind.EU_KEV:
            return eu_kev.catalog(content, file.stream)
        case Kind.EUVD:
            return euvd.answer(content, file.stream)
        case Kind.OVERRIDES:
            return overrides.overrides(content, file.stream, tar=found.packed)
        case _:
            return exploits.exploits(content, file.stream, modules=found.single)


def _stem(label: str) -> str:
    """Return what a feed and its .meta have in common in their names."""
    name = label.replace("\\", "/").rpartition("/")[2]
    for ending in (".gz", ".zip", ".json", ".meta"):
        name = name.removesuffix(ending)
    return name


def _first(bad: list[frames.Reject]) -> str:
    return f"{bad[0].ref}: {bad[0].reason}" if bad else ""


def _state(content: Content | None, as_of: datetime | None, version: str) -> dict[str, str]:
    """Return what is to be kept with a stream."""
    found = {"as_of": as_of.isoformat() if as_of is not None else "", "version": version}
    if content is not None:
        found |= {"sha256": content.sha256, "size": str(content.size), "packed": content.packed_sha256()}
    return {name: value for name, value in found.items() if value}


def _outcome(
    file: FeedFile,
    kind: Kind,
    stream: str,
    rows: int,
    distinct: int,
    rejected: int,
    duplicates: int,
    notes: list[str],
    content: Content | None,
) -> Outcome:
    return Outcome(
        name=file.name,
        label=file.label,
        kind=kind,
        source=SOURCES[kind].label,
        stream=stream,
        verdict=Verdict.READ,
        rows=rows,
        distinct=distinct,
        rejected=rejected,
        duplicates=duplicates,
        nul_removed=content.nul if content is not None else 0,
        notes=tuple(note for note in notes if note),
    )


def _same(file: FeedFile, kind: Kind, before: Accepted, content: Content | None) -> Outcome:
    same = _outcome(file, kind, before.stream, before.rows, before.rows, 0, 0, [], content)
    return same.model_copy(update={"verdict": Verdict.SAME, "unchanged": before.rows})


def _nothing(file: FeedFile, kind: Kind, notes: tuple[str, ...]) -> Outcome:
    return Outcome(name=file.name, label=file.label, kind=kind, source=SOURCES[kind].label, verdict=Verdict.NOTHING, notes=notes)


@contextmanager
def without_gc() -> Iterator[None]:
    """Keep the garbage collector out: millions of small objects without cycles would be looked at again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
