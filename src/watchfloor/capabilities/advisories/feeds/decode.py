"""Turn the records of one file into frames: first all are checked, then those that are news are sent."""

from __future__ import annotations

import gc
import hashlib
import struct
from array import array
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, cast

import msgspec
import zstandard

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.split import Bad, sample_of
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.frames import FRAME_LIMIT_BYTES, HASH_BYTES, SAMPLE_LIMIT, pack
from watchfloor.capabilities.advisories.schemas.words import Source, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from watchfloor.capabilities.advisories.schemas.feed import Box

Record = TypeVar("Record", bound=msgspec.Struct)

SEND, SAME, BAD, TWICE = range(4)
_BATCH = 400
_BATCH_BYTES = 1 << 20
_REJECTS_PER_FRAME = 500
_UNCHANGED_PER_FRAME = 200_000
_DICTIONARY_BYTES = 64 << 10
DICTIONARY_FROM = 300  # fewer documents gain nothing from one
_DICTIONARY_SAMPLES = 1500
_DICTIONARY_SAMPLE_BYTES = 16 << 10
_PROGRESS = 2000
_KEPT_BYTES = 192 << 20  # of decoded news; beyond that the file is read a second time
_NAIVE = {19, 23}  # lengths of timestamps to the second or millisecond without a zone
DOCUMENT_LIMIT = 3 << 20  # minified: struct and compressed document fit into one frame
_COPY_HEAD = 19
_ROW = struct.Struct(">hiqi16s")


class BadRecord(ValueError):
    """A record that is left out; the message says why."""


class BadId(BadRecord):
    """A record whose id is a placeholder or a test's: left out, but no sign of a broken file."""


WRONG = (BadRecord, msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError)


class Form(Generic[Record]):
    """How the documents of one source are read."""

    source: Source
    older_wins = False  # of two entries of one k in a file

    def __init__(self, source: Source, record: type[Record], head: Callable[[bytes], tuple[int, datetime | None]]) -> None:
        """Take the struct, and what finds number and source timestamp in a minified document."""
        self.source = source
        self.head = head
        self._decoder = msgspec.json.Decoder(record)

    def open(self, raw: bytes | msgspec.Raw) -> tuple[bytes, int, datetime | None]:
        """Return the document of a record as it stands in the file, its number and its time."""
        document = self.document(raw)
        return document, *self.head(document)

    def document(self, raw: bytes | msgspec.Raw) -> bytes:
        """Return the minified document of a record."""
        return clean(minified(raw))

    def read(self, document: bytes) -> Record:
        """Decode a document; members that are null count as missing, and numbers may be written as text."""
        try:
            return self._decoder.decode(document)
        except msgspec.ValidationError:
            plain = _without_null(msgspec.json.decode(document))
            return msgspec.convert(plain, self._decoder.type, strict=False)


def _without_null(value: Any) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, dict):
        return {name: _without_null(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_null(one) for one in value if one is not None]
    return value


def minified(raw: bytes | msgspec.Raw) -> bytes:
    """Return JSON without spaces between its parts."""
    return msgspec.json.format(bytes(raw) if isinstance(raw, msgspec.Raw) else raw, indent=-1)


def clean(document: bytes) -> bytes:
    """Return a minified document in one spelling: characters as themselves, without NUL; the same document has the same hash."""
    if b"\\" in document and (b"\\u" in document or b"\\/" in document):
        value = msgspec.json.decode(document)
        if b"\\u0000" in document:
            value = _without_nul(value)
        return msgspec.json.encode(value)
    if not document.isascii():
        document.decode()
    return document


def _without_nul(value: Any) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    return value


def moment(text: str | None) -> datetime | None:
    """Read a timestamp of ISO 8601; without a zone it is UTC, and what is none is None."""
    if not text:
        return None
    try:
        if len(text) in _NAIVE:
            return datetime.fromisoformat(text + "+00:00")
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def known_of(copied: bytes) -> dict[int, bytes]:
    """Read PostgreSQL's binary COPY of (k bigint, hash bytea of 16 bytes)."""
    if not copied:
        return {}
    if not copied.startswith(b"PGCOPY\n\xff\r\n\0"):
        message = "the file of known documents is no binary COPY"
        raise ValueError(message)
    start = _COPY_HEAD + int.from_bytes(copied[15:19], "big")
    rows = (len(copied) - start) // _ROW.size
    body = memoryview(copied)[start : start + rows * _ROW.size]
    return {k: digest for _, _, k, _, digest in _ROW.iter_unpack(body)}


class News(NamedTuple):
    """A document that is to be sent, decoded."""

    number: int  # its place in the file
    k: int
    digest: bytes
    modified: datetime | None
    document: bytes
    record: bytes  # MessagePack


class Records(Protocol):
    """The records of one file; each iteration reads it again from the beginning."""

    def __iter__(self) -> Iterator[bytes | msgspec.Raw | Bad]: ...


@dataclass
class Survey:
    """What a first reading of a file found; one entry per record in `ks`, `times` and `flags`."""

    ks: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    flags: bytearray = field(default_factory=bytearray)
    bad: list[frames.Reject] = field(default_factory=list)
    where: dict[int, int] = field(default_factory=dict)
    samples: list[bytes | bytearray | memoryview] = field(default_factory=list)
    kept: list[News] | None = field(default_factory=list)  # None: too many to be kept
    kept_bytes: int = 0
    duplicates: int = 0
    rejected: int = 0
    misnamed: int = 0  # of those rejected

    @property
    def rows(self) -> int:
        """Return the number of records."""
        return len(self.flags)

    @property
    def distinct(self) -> int:
        """Return the number of different k that can be read."""
        return len(self.where)

    @property
    def news(self) -> int:
        """Return the number of records that are to be sent."""
        return self.flags.count(SEND)

    def keep(self, news: News) -> None:
        """Remember a decoded document as long as they are few."""
        self.kept_bytes += len(news.document) + len(news.record)
        if self.kept_bytes > _KEPT_BYTES:
            self.kept = None
        elif self.kept is not None:
            self.kept.append(news)

    def watermark(self, now: datetime) -> datetime | None:
        """Return the latest time of an accepted record that is not in the future."""
        last = (now + guards.AHEAD).timestamp()
        latest = max((self.times[place] for place in self.where.values() if self.times[place] <= last), default=0.0)
        return datetime.fromtimestamp(latest, UTC) if latest > 0 else None


_MOST_REJECTS_KEPT = 10_000


def survey(records: Records, form: Form[Any], known: dict[int, bytes], tell: Callable[[int], None]) -> Survey:
    """Read all records once: which are news, which unchanged, which repeated, and which cannot be read."""
    found = Survey()
    for number, raw in enumerate(records):
        if not number % _PROGRESS:
            tell(number)
        try:
            if isinstance(raw, Bad):
                raise BadRecord(raw.reason)
            document, k, modified = form.open(raw)
            if len(document) > DOCUMENT_LIMIT:
                raise BadRecord(f"has {len(document)} bytes, more than the {DOCUMENT_LIMIT} that are taken")
            digest = hashlib.blake2b(document, digest_size=HASH_BYTES).digest()
            same = known.get(k) == digest
            if not same:
                record = form.read(document)
                if found.kept is not None:
                    found.keep(News(number, k, digest, modified, document, msgspec.msgpack.encode(record)))
                if len(found.samples) < _DICTIONARY_SAMPLES:
                    found.samples.append(document[:_DICTIONARY_SAMPLE_BYTES])
        except WRONG as error:
            found.misnamed += isinstance(error, BadId)
            _reject(found, raw, number, str(error))
            continue
        found.ks.append(k)
        found.times.append(modified.timestamp() if modified is not None else 0.0)
        found.flags.append(SAME if same else SEND)
        place = found.where.setdefault(k, number)
        if place != number:
            _settle(found, form, k, place, number)
    return found


def _settle(found: Survey, form: Form[Any], k: int, place: int, number: int) -> None:
    """Decide which of two records of one k stays: the later, in a catalog the one that we have, else the older."""
    found.duplicates += 1
    old, new = found.times[place], found.times[number]
    stays = new >= old
    if form.older_wins:
        stays = found.flags[number] == SAME or (found.flags[place] != SAME and new < old)
    found.flags[place if stays else number] = TWICE
    found.where[k] = number if stays else place


def _reject(found: Survey, raw: bytes | msgspec.Raw | Bad, number: int, reason: str) -> None:
    found.ks.append(0)
    found.times.append(0.0)
    found.flags.append(BAD)
    found.rejected += 1
    if len(found.bad) < _MOST_REJECTS_KEPT:
        ref, sample = (raw.ref, raw.sample) if isinstance(raw, Bad) else (_ref(raw, number), sample_of(bytes(raw)))
        found.bad.append(frames.Reject(ref, reason[:SAMPLE_LIMIT], sample))


def _ref(raw: bytes | msgspec.Raw, number: int) -> str:
    """Name a bad record by the first id in it, else by its place."""
    start = bytes(raw)[:4000]
    place = start.find(b"CVE-")
    named = start[place : place + 20].split(b'"')[0].decode("ascii", "replace") if place >= 0 else ""
    return named or f"record {number + 1}"


class Compressor:
    """Compresses batches in a thread of its own; documents decode meanwhile."""

    def __init__(self, dictionary: bytes | None, level: int) -> None:
        """Compress with a dictionary, if there is one."""
        data = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        if data is not None:
            data.precompute_compress(level=level)
        self._zstd = zstandard.ZstdCompressor(level=level, dict_data=data, write_checksum=False)
        self._thread = ThreadPoolExecutor(1)

    def start(self, documents: list[bytes]) -> Future[list[bytes]]:
        """Begin with a batch."""
        return self._thread.submit(self._compress, documents)

    def _compress(self, documents: list[bytes]) -> list[bytes]:
        # One call for all: between two calls this thread would have to wait for the other to let go.
        packed = self._zstd.multi_compress_to_buffer(cast("Any", documents), threads=1)
        return [packed[place].tobytes() for place in range(len(packed))]

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()


def trained(samples: list[bytes | bytearray | memoryview]) -> bytes | None:
    """Return a dictionary made of documents; None when they are too few or too much alike."""
    if len(samples) < DICTIONARY_FROM:
        return None
    try:
        return zstandard.train_dictionary(_DICTIONARY_BYTES, samples, level=3, threads=1, steps=4, d=8, k=512).as_bytes()
    except zstandard.ZstdError:
        return None


def send(
    records: Records, form: Form[Any], found: Survey, box: Box, compressor: Compressor, known: dict[int, bytes], tell: Callable[[int], None]
) -> int:
    """Stream the documents that are news, read again where they were not kept; return their number."""
    news = found.kept if found.kept is not None else _again(records, form, found, tell)
    sent = size = 0
    waiting: tuple[Future[list[bytes]], list[News]] | None = None
    batch: list[News] = []
    for one in news:
        if found.flags[one.number] != SEND:
            continue
        batch.append(one)
        size += len(one.record) + len(one.document) // 2
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            # While this batch is compressed, the one before is packed and sent, and the next is decoded.
            started = compressor.start([each.document for each in batch]), batch
            sent += _flush(waiting, form.source, box, known)
            waiting, batch, size = started, [], 0
    sent += _flush(waiting, form.source, box, known)
    if batch:
        sent += _flush((compressor.start([each.document for each in batch]), batch), form.source, box, known)
    found.kept = []
    return sent


def _again(records: Records, form: Form[Any], found: Survey, tell: Callable[[int], None]) -> Iterator[News]:
    """Read the file a second time and decode what is news."""
    for number, raw in enumerate(records):
        if not number % _PROGRESS:
            tell(number)
        if found.flags[number] == SEND and not isinstance(raw, Bad):
            document, k, modified = form.open(raw)
            digest = hashlib.blake2b(document, digest_size=HASH_BYTES).digest()
            yield News(number, k, digest, modified, document, msgspec.msgpack.encode(form.read(document)))


def _flush(waiting: tuple[Future[list[bytes]], list[News]] | None, source: Source, box: Box, known: dict[int, bytes]) -> int:
    """Send a batch as soon as it is compressed; return how many documents of it."""
    if waiting is None:
        return 0
    future, batch = waiting
    items: list[frames.Document] = []
    size = sent = 0
    for one, raw in zip(batch, future.result(), strict=True):
        needs = len(raw) + len(one.record) + 100
        if needs > FRAME_LIMIT_BYTES:
            send_rejects([frames.Reject(name_of(one.k), "does not fit into a frame even when compressed", "")], source, box)
            continue
        if size + needs > FRAME_LIMIT_BYTES:
            box.send(pack(frames.Documents(int(source), items)))
            items, size = [], 0
        items.append(frames.Document(one.k, one.digest, one.modified, raw, msgspec.Raw(one.record)))
        size += needs
        known[one.k] = one.digest
        sent += 1
    if items:
        box.send(pack(frames.Documents(int(source), items)))
    return sent


def send_unchanged(found: Survey, source: Source, box: Box) -> int:
    """Tell which documents are as they were known; return their number."""
    ks = array("q", (found.ks[place] for place in found.where.values() if found.flags[place] == SAME))
    for start in range(0, len(ks), _UNCHANGED_PER_FRAME):
        part = ks[start : start + _UNCHANGED_PER_FRAME]
        box.send(pack(frames.Unchanged(int(source), len(part), part.tobytes())))
    return len(ks)


def send_rejects(bad: Iterable[frames.Reject], source: Source, box: Box) -> None:
    """Tell which records are left out."""
    every = list(bad)
    for start in range(0, len(every), _REJECTS_PER_FRAME):
        box.send(pack(frames.Rejects(int(source), every[start : start + _REJECTS_PER_FRAME])))


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
