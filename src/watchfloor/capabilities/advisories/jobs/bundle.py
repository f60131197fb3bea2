"""Write what the sources said into one signed file, for installations without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import tarfile
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, Final, Self, TypeVar
from uuid import UUID

import msgspec
import zstandard
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.queries import bundle
from watchfloor.capabilities.advisories.queries.streams import ALL, PART, streams_of
from watchfloor.capabilities.advisories.schemas.bundle import DOMAIN, FORMAT, MANIFEST, MEDIA_TYPE, SIGNATURE, Manifest, Member, StreamState
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.artifacts.store import staged, store
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

Row = TypeVar("Row")
PURPOSE: Final = "advisories bundle"
LEVEL: Final = 9
PIECE: Final = 1 << 20
PAGE_OF_EUVD: Final = 5000
CARRIED: Final = (Source.NVD, Source.CVE_LIST, Source.KEV, Source.EU_KEV, Source.EUVD, Source.EPSS, Source.OVERRIDES)
BY_LINES: Final = (Source.NVD, Source.CVE_LIST, Source.OVERRIDES)
ATTRIBUTION: Final = {
    "nvd": "This product uses data from the NVD API but is not endorsed or certified by the NVD.",
    "cve-list": "CVE records are used under the CVE Program's Terms of Use. CVE is a registered trademark of The MITRE Corporation.",
    "kev": "Known Exploited Vulnerabilities Catalog of CISA, CC0. No endorsement by CISA is implied.",
    "eu-kev": "Source: European Union Agency for Cybersecurity (ENISA) and the EU CSIRTs network.",
    "euvd": "Source: European Union Vulnerability Database, European Union Agency for Cybersecurity (ENISA).",
    "epss": "EPSS scores by FIRST and Empirical Security, https://www.first.org/epss.",
    "overrides": "CPE overrides by Anchore, CC0.",
}


class ExportBundle(BaseModel):
    """What to write."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime | None = Field(
        None, description="Only documents that were taken in after this moment; catalogs and scores are whole."
    )


class Exported(BaseModel):
    """The bundle; GET /api/v1/artifacts/{id}/content has its bytes."""

    artifact: UUID
    documents: int
    key: str = Field(description="the public key that an importer has to trust")


@dataclass
class Writing:
    """Members in files of their own until the manifest can name them."""

    stack: ExitStack
    members: list[tuple[Member, IO[bytes]]] = field(default_factory=list)

    def add(self, name: str, source: Source, lines: Iterator[tuple[int, bytes]]) -> None:
        """Write a member, packed as its name says; `lines` yields how many rows a piece holds, and the piece."""
        file: IO[bytes] = self.stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        rows = 0
        with _packed(name, file) as packed:
            for count, piece in lines:
                rows += count
                packed.write(piece)
        file.seek(0)
        digest, size = hashlib.sha256(), 0
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
        if rows:
            self.members.append((Member(name=name, source=source.label, size=size, sha256=digest.hexdigest(), rows=rows), file))


@job(
    "advisories.export_bundle", ExportBundle, queue=Queue.ADVISORIES, timeout=timedelta(hours=2), attempts=3, unit="records",
    permission="bundle.export",
)  # fmt: skip
def export_bundle(context: JobContext, request: ExportBundle) -> Exported:
    """Write documents, catalogs, scores and watermarks of all sources into one signed file."""
    signer = ledger().vault.signer(PURPOSE)
    key = base64.b64encode(signer.public).decode()
    with context.transaction() as session:
        # How far everything is read is asked first: what is read meanwhile may be in the bundle as well, and does no harm there.
        now, streams = _streams(wire_of(session))
        artifact = bundle.stored(wire_of(session), context.org, context.job_id)
    if not streams:
        raise GiveUp("nothing of any source is known yet; update first")
    with ExitStack() as stack:
        writing = Writing(stack)
        _write_all(context, writing, streams, request.since)
        members = [member for member, _file in writing.members]
        manifest = Manifest(
            format=FORMAT, made_at=now, since=request.since, key=key, streams=streams, members=members,
            attribution={member.source: ATTRIBUTION[member.source] for member in members},
        )  # fmt: skip
        text = manifest.model_dump_json().encode()
        content = _bundle(text, signer.sign(DOMAIN + text), writing.members)
        name = f"watchfloor-advisories-{now:%Y%m%dT%H%M%SZ}.tar.zst"
        if artifact is None:
            with staged(ledger(), context.org, content) as found, context.transaction() as session:
                artifact = store(
                    ledger(), session, context.org, name=name, media_type=MEDIA_TYPE, content=found, job=context.job_id, actor=context.actor
                )
    return Exported(artifact=artifact, documents=sum(member.rows for member in members), key=key)


def _write_all(context: JobContext, writing: Writing, streams: list[StreamState], since: datetime | None) -> None:
    unpacker, told = bundle.Unpacker(), 0

    def documents(src: Source, since: datetime | None) -> Iterator[bytes]:
        nonlocal told
        after = bundle.FIRST
        while found := _page(context, partial(unpacker.documents, src, after, since)):
            after, told = found[-1][0], told + len(found)
            context.progress(told, 0, src.label)
            yield from (document for _k, document in found)

    for src in BY_LINES:
        # Overrides are read as a complete set: what is left out of them would be gone for the importer.
        begin = None if src is Source.OVERRIDES else since
        writing.add(f"docs/{src.label}.jsonl.zst", src, ((1, one + b"\n") for one in documents(src, begin)))
    catalog = next((one for one in streams if one.source == Source.KEV.label), None)
    if catalog is not None:
        writing.add("kev.json", Source.KEV, _catalog(catalog, documents(Source.KEV, None)))
    writing.add("docs/eu-kev.json.zst", Source.EU_KEV, _array(b"[", documents(Source.EU_KEV, None), b"]"))
    held: list[bytes] = []
    for n, one in enumerate(documents(Source.EUVD, since), 1):
        held.append(one)
        if n % PAGE_OF_EUVD == 0:
            _page_of_euvd(writing, held)
            held = []
    if held:
        _page_of_euvd(writing, held)
    writing.add("docs/euvd-mapping.csv.zst", Source.EUVD, _mapping(context))
    day = next((one for one in streams if one.source == Source.EPSS.label and one.cursor.get("as_of")), None)
    if day is not None:
        writing.add("epss.csv.gz", Source.EPSS, _scores(context, day))


def _page_of_euvd(writing: Writing, held: list[bytes]) -> None:
    n = sum(member.source == Source.EUVD.label for member, _file in writing.members)
    writing.add(f"docs/euvd-{n:04}.json.zst", Source.EUVD, _array(b'{"items":[', iter(held), b"]}"))


def _page(context: JobContext, read: Callable[[Wire], list[Row]]) -> list[Row]:
    with context.transaction() as session:
        return read(wire_of(session))


def _streams(wire: Wire) -> tuple[datetime, list[StreamState]]:
    row = wire.execute("select wf_now()").fetchone()
    assert row is not None  # noqa: S101 - a select without a table has a row
    found = [
        StreamState(source=src.label, stream=one.stream, watermark=one.watermark, rows=one.rows_ok, cursor=one.cursor)
        for src in CARRIED
        for one in streams_of(wire, src)
        if one.ok_at is not None and one.stream != ALL and not one.stream.endswith(PART)
    ]
    return row[0], found


def _array(first: bytes, documents: Iterator[bytes], last: bytes) -> Iterator[tuple[int, bytes]]:
    yield 0, first
    for n, one in enumerate(documents):
        yield 1, one if n == 0 else b"," + one
    yield 0, last


def _catalog(state: StreamState, documents: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    # The version is what the catalog calls it, quotes and all.
    version, released = (msgspec.json.encode(str(state.cursor.get(name, ""))) for name in ("version", "as_of"))
    return _array(b'{"catalogVersion":' + version + b',"dateReleased":' + released + b',"vulnerabilities":[', documents, b"]}")


def _scores(context: JobContext, state: StreamState) -> Iterator[tuple[int, bytes]]:
    yield 0, f"#model_version:{state.cursor.get('model', '')},score_date:{state.cursor['as_of']}\ncve,epss,percentile\n".encode()
    after = bundle.FIRST
    while found := _page(context, partial(bundle.scores, after)):
        after = found[-1][0]
        yield len(found), "".join(line for _k, line in found).encode()


def _mapping(context: JobContext) -> Iterator[tuple[int, bytes]]:
    yield 0, b"euvd_id,cve_id\n"
    after = ("", bundle.FIRST)
    while found := _page(context, partial(bundle.pairs, after)):
        after = found[-1]
        yield len(found), "".join(bundle.walk_pairs(found)).encode()


def _packed(name: str, file: IO[bytes]) -> IO[bytes]:
    if name.endswith(".zst"):
        return zstandard.ZstdCompressor(level=LEVEL).stream_writer(file, closefd=False)
    if name.endswith(".gz"):
        return gzip.GzipFile(fileobj=file, mode="wb", mtime=0)  # type: ignore[return-value] # see above
    return _Plain(file)  # type: ignore[return-value] # see above


class _Plain:
    """Writes as it is, and leaves the file open."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _bundle(manifest: bytes, signature: bytes, members: list[tuple[Member, IO[bytes]]]) -> Iterator[bytes]:
    """Yield the bytes of the bundle: manifest and signature first, so that they are judged before anything else is read."""
    engine = zstandard.ZstdCompressor(level=1).compressobj()  # the members are packed already
    for piece in _tar(manifest, signature, members):
        yield engine.compress(piece)
    yield engine.flush()


def _tar(manifest: bytes, signature: bytes, members: list[tuple[Member, IO[bytes]]]) -> Iterator[bytes]:
    for name, text in ((MANIFEST, manifest), (SIGNATURE, signature)):
        yield _head(name, len(text)) + text + _padding(len(text))
    for member, file in members:
        yield _head(member.name, member.size)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece
        yield _padding(member.size)
    yield b"\0" * 1024


def _head(name: str, size: int) -> bytes:
    found = tarfile.TarInfo(name)
    found.size = size
    return found.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return b"\0" * (-size % 512)
