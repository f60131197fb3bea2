"""What a source wrote, as it wrote it; and what is read from there when somebody asks: references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import zstandard

from watchfloor.capabilities.advisories.schemas.faces import RawDocument, Reference
from watchfloor.capabilities.advisories.schemas.words import Source, name_of
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.db.session import Wire

LARGEST = 64 * 1024 * 1024
REFERENCES = 200
FIND = "select r.h, r.source_modified, r.fetched_at, r.gone_at, r.doc, z.dict from adv_raw r left join adv_zdict z on z.id = r.dict_id where r.src = %s and r.k = %s"
WRITERS = (Source.CVE_LIST, Source.NVD, Source.EUVD)


def raw_document(wire: Wire, k: int, src: Source) -> RawDocument:
    """Return a source's document about a CVE; raises NotFound where that source wrote none."""
    row = wire.execute(FIND, (int(src), k)).fetchone()
    if row is None:
        raise NotFound(f"{src.label} has no document about {name_of(k)}")
    h, modified, fetched, gone, doc, dictionary = row
    return RawDocument(
        id=name_of(k), source=src.label, hash=bytes(h).hex(), source_modified=modified, fetched_at=fetched, gone_at=gone,
        document=msgspec.json.decode(_unpack(doc, dictionary)),
    )  # fmt: skip


def references(wire: Wire, k: int) -> list[Reference]:
    """Return where more is written about a CVE, as its sources say; each address once."""
    found: dict[str, Reference] = {}
    for src in WRITERS:
        row = wire.execute(FIND, (int(src), k)).fetchone()
        if row is None:
            continue
        for url, tags in _read(src, msgspec.json.decode(_unpack(row[4], row[5]))):
            one = found.setdefault(url, Reference(url=url, tags=[], sources=[]))
            one.tags += [tag for tag in tags if tag not in one.tags]
            if src.label not in one.sources:
                one.sources.append(src.label)
            if len(found) >= REFERENCES:
                break
    return list(found.values())


def _unpack(doc: bytes, dictionary: bytes | None) -> bytes:
    held = zstandard.ZstdCompressionDict(dictionary) if dictionary is not None else None
    return zstandard.ZstdDecompressor(dict_data=held).decompress(bytes(doc), max_output_size=LARGEST)


def _read(src: Source, document: Any) -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401 - JSON of a source
    for one in _listed(src, document):
        url, tags = (one, []) if isinstance(one, str) else (one.get("url"), one.get("tags")) if isinstance(one, dict) else (None, [])
        if isinstance(url, str) and url.lower().startswith(("https://", "http://", "ftp://")):
            yield url.strip()[:2000], [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _listed(src: Source, document: Any) -> Iterator[Any]:  # noqa: ANN401 - see _read
    if not isinstance(document, dict):
        return
    if src is Source.EUVD:
        written = document.get("references")
        yield from written.split("\n") if isinstance(written, str) else written if isinstance(written, list) else ()
        return
    holders = [document.get("cve", document)] if src is Source.NVD else _containers(document.get("containers"))
    for holder in holders:
        written = holder.get("references") if isinstance(holder, dict) else None
        yield from written if isinstance(written, list) else ()


def _containers(containers: Any) -> list[Any]:  # noqa: ANN401 - see _read
    if not isinstance(containers, dict):
        return []
    further = containers.get("adp")
    return [containers.get("cna"), *(further if isinstance(further, list) else ())]
