"""Files that travel inside a PDF: the same data for programs."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

from watchfloor.capabilities.reports.engine.to_pdf.writing import listed, string
from watchfloor.capabilities.reports.engine.to_pdf.xmp import pdf_date

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing

BLOCK: Final = 1 << 20
TYPES: Final = {"csv": b"text#2Fcsv", "json": b"application#2Fjson"}


class Attaching:
    """Puts files into a document, as data that it stands for; they carry the moment of the snapshot."""

    def __init__(self, writing: Writing, moment: datetime) -> None:
        """Begin with none."""
        self._writing = writing
        self._date = string(pdf_date(moment))
        self._found: dict[str, int] = {}

    def attach(self, name: str, file: BinaryIO) -> None:
        """Put a file in."""
        embedded, told = self._embed(TYPES.get(name.rpartition(".")[2], b"application#2Foctet-stream"), file), string(name)
        self._found[name] = self._writing.new(
            b"<</Type/Filespec/F%b/UF%b/AFRelationship/Data/Desc%b/EF<</F %d 0 R/UF %d 0 R>>>>" % (told, told, told, embedded, embedded)
        )

    def finish(self) -> bytes:
        """Return what the catalog says of them."""
        if not self._found:
            return b""
        names = b"".join(string(name) + b"%d 0 R" % self._found[name] for name in sorted(self._found))
        return b"/Names<</EmbeddedFiles<</Names[%b]>>>>/AF[%b]" % (names, listed(self._found.values()))

    def _embed(self, sort: bytes, file: BinaryIO) -> int:
        # Compressed piece by piece: the whole file is never in memory as it is.
        deflated, told, size, packed = zlib.compressobj(6), hashlib.md5(usedforsecurity=False), 0, bytearray()
        while block := file.read(BLOCK):
            told.update(block)
            size += len(block)
            packed += deflated.compress(block)
        packed += deflated.flush()
        body = b"<</Length %d/Filter/FlateDecode/Type/EmbeddedFile/Subtype/%b/Params<</Size %d/CreationDate%b/ModDate%b/CheckSum<%b>>>>>" % (
            len(packed), sort, size, self._date, self._date, told.hexdigest().encode(),
        )  # fmt: skip
        return self._writing.stream(self._writing.take(), body, bytes(packed))
