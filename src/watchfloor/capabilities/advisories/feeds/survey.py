"""Turn the records of one file into frames: first all are checked, then those that are news are sent."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.decode import WRONG, BadId, BadRecord
from watchfloor.capabilities.advisories.feeds.split import Bad, sample_of
from watchfloor.capabilities.advisories.feeds.spool import News
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.frames import FRAME_LIMIT_BYTES, HASH_BYTES, SAMPLE_LIMIT, pack
from watchfloor.capabilities.advisories.schemas.words import Source, name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watchfloor.capabilities.advisories.feeds.decode import Form, Known
    from watchfloor.capabilities.advisories.feeds.packing import Packer
    from watchfloor.capabilities.advisories.feeds.reading import Records
    from watchfloor.capabilities.advisories.feeds.spool import Packed
    from watchfloor.capabilities.advisories.schemas.feed import Box

SEND, SAME, BAD, TWICE = range(4)
DOCUMENT_LIMIT = 3 << 20  # minified: struct and compressed document fit into one frame
_FRAME_BYTES = 1 << 20
_REJECTS_PER_FRAME = 500
_REJECTS_KEPT = 10_000
_UNCHANGED_PER_FRAME = 200_000
_PROGRESS = 2000


@dataclass
class Survey:
    """What a first reading of a file found; one entry per record in `ks`, `times` and `flags`."""

    ks: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    flags: bytearray = field(default_factory=bytearray)
    bad: list[frames.Reject] = field(default_factory=list)
    where: dict[int, int] = field(default_factory=dict)
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

    def watermark(self, now: datetime) -> datetime | None:
        """Return the latest time of an accepted record that is not in the future."""
        last = (now + guards.AHEAD).timestamp()
        latest = max((self.times[place] for place in self.where.values() if self.times[place] <= last), default=0.0)
        # Who asks for what came after it must not miss what comes until then.
        return datetime.fromtimestamp(min(latest, now.timestamp()), UTC) if latest > 0 else None


def survey(records: Records, form: Form[Any], known: Known, packer: Packer, tell: Callable[[int], None]) -> Survey:
    """Read all records once: which are news, which unchanged, which repeated, and which cannot be read."""
    found = Survey()
    for number, raw in enumerate(records):
        if not number % _PROGRESS:
            tell(number)
            guards.check_rows(number)
        if known and (as_known := _as_known(raw, form, known)) is not None:
            _note(found, form, *as_known, SAME)
            continue
        try:
            if isinstance(raw, Bad):
                raise BadRecord(raw.reason)
            document, k, modified = form.open(raw)
            if len(document) > DOCUMENT_LIMIT:
                raise BadRecord(f"has {len(document)} bytes, more than the {DOCUMENT_LIMIT} that are taken")
            digest = hashlib.blake2b(document, digest_size=HASH_BYTES).digest()
            same = known.holds(k, digest)
            if not same:
                record = form.read(document)
                if not packer.full:
                    packer.add(News(number, k, digest, modified, msgspec.msgpack.encode(record)), document)
        except WRONG as error:
            found.misnamed += isinstance(error, BadId)
            _reject(found, raw, number, str(error))
            continue
        _note(found, form, k, modified.timestamp() if modified is not None else 0.0, SAME if same else SEND)
    return found


def _as_known(raw: bytes | msgspec.Raw | Bad, form: Form[Any], known: Known) -> tuple[int, float] | None:
    """Return number and time of a record that stands in the file byte for byte as it is kept."""
    stored = form.stored(raw) if not isinstance(raw, Bad) else None
    return known.find(hashlib.blake2b(stored, digest_size=HASH_BYTES).digest()) if stored is not None else None


def _note(found: Survey, form: Form[Any], k: int, at: float, flag: int) -> None:
    number = len(found.flags)
    found.ks.append(k)
    found.times.append(at)
    found.flags.append(flag)
    place = found.where.setdefault(k, number)
    if place != number:
        _settle(found, form, k, place, number)


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
    if len(found.bad) < _REJECTS_KEPT:
        ref, sample = (raw.ref, raw.sample) if isinstance(raw, Bad) else (_ref(raw, number), sample_of(bytes(raw)))
        found.bad.append(frames.Reject(ref, reason[:SAMPLE_LIMIT], sample))


def _ref(raw: bytes | msgspec.Raw, number: int) -> str:
    """Name a bad record by the first id in it, else by its place."""
    start = bytes(raw)[:4000]
    place = start.find(b"CVE-")
    named = start[place : place + 20].split(b'"')[0].decode("ascii", "replace") if place >= 0 else ""
    return named or f"record {number + 1}"


@dataclass(frozen=True)
class Sender:
    """Streams the news of one file."""

    source: Source
    box: Box
    known: Known  # what is sent is known from then on
    found: Survey

    def kept(self, packer: Packer) -> int:
        """Send what the survey kept; return the number of documents."""
        return sum(map(self._send, packer.take()))

    def again(self, records: Records, form: Form[Any], packer: Packer, tell: Callable[[int], None]) -> int:
        """Read the file a second time and send as it is decoded: there was more than is kept."""
        sent = 0
        for number, raw in enumerate(records):
            if not number % _PROGRESS:
                tell(number)
            if self.found.flags[number] == SEND and not isinstance(raw, Bad):
                document, k, modified = form.open(raw)
                digest = hashlib.blake2b(document, digest_size=HASH_BYTES).digest()
                packer.add(News(number, k, digest, modified, msgspec.msgpack.encode(form.read(document))), document)
                sent += self.kept(packer)
        packer.close()
        return sent + self.kept(packer)

    def _send(self, packed: Packed) -> int:
        items: list[frames.Document] = []
        size = sent = 0
        for one, raw in zip(packed.news, packed.raws, strict=True):
            if self.found.flags[one.number] != SEND:
                continue
            needs = len(raw) + len(one.record) + 100
            if needs > FRAME_LIMIT_BYTES:
                send_rejects([frames.Reject(name_of(one.k), "does not fit into a frame even when compressed", "")], self.source, self.box)
                continue
            if items and size + needs > _FRAME_BYTES:
                self.box.send(pack(frames.Documents(int(self.source), items)))
                items, size = [], 0
            items.append(frames.Document(one.k, one.digest, one.modified, raw, msgspec.Raw(one.record)))
            size += needs
            self.known.replace(one.k, one.digest)
            sent += 1
        if items:
            self.box.send(pack(frames.Documents(int(self.source), items)))
        return sent

    def unchanged(self) -> int:
        """Tell which documents are as they were known; return their number."""
        ks = array("q", (self.found.ks[place] for place in self.found.where.values() if self.found.flags[place] == SAME))
        for start in range(0, len(ks), _UNCHANGED_PER_FRAME):
            part = ks[start : start + _UNCHANGED_PER_FRAME]
            self.box.send(pack(frames.Unchanged(int(self.source), len(part), part.tobytes())))
        return len(ks)


def send_rejects(bad: Iterable[frames.Reject], source: Source, box: Box) -> None:
    """Tell which records are left out."""
    every = list(bad)
    for start in range(0, len(every), _REJECTS_PER_FRAME):
        box.send(pack(frames.Rejects(int(source), every[start : start + _REJECTS_PER_FRAME])))
