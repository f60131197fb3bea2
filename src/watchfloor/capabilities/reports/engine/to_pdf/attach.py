"""Files that travel inside a PDF: the same data for programs."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from watchfloor.capabilities.reports.engine.to_pdf.xmp import pdf_date

if TYPE_CHECKING:
    from datetime import datetime

BLOCK: Final = 1 << 20
TYPES: Final = {"csv": "text/csv", "json": "application/json"}


def attach(whole: Pdf, name: str, file: BinaryIO, moment: datetime) -> None:
    """Put a file into the document, as data that it stands for; it carries the moment of the snapshot."""
    found = whole.make_indirect(_specification(whole, name, file, moment))
    names = whole.Root.get("/Names", Dictionary())
    listed = list(names.get("/EmbeddedFiles", Dictionary(Names=Array())).Names)
    pairs = sorted([*zip(listed[::2], listed[1::2], strict=True), (String(name), found)], key=lambda one: bytes(one[0]))
    names.EmbeddedFiles = Dictionary(Names=Array([one for pair in pairs for one in pair]))
    whole.Root.Names = names
    whole.Root.AF = Array([*whole.Root.get("/AF", Array()), found])


def _specification(whole: Pdf, name: str, file: BinaryIO, moment: datetime) -> Object:
    # Compressed piece by piece: the whole file is never in memory as it is.
    deflated, told, size, packed = zlib.compressobj(6), hashlib.md5(usedforsecurity=False), 0, bytearray()
    while block := file.read(BLOCK):
        told.update(block)
        size += len(block)
        packed += deflated.compress(block)
    packed += deflated.flush()
    date = String(pdf_date(moment))
    stream = Stream(
        whole, bytes(packed), Type=Name.EmbeddedFile, Subtype=Name("/" + TYPES.get(name.rpartition(".")[2], "application/octet-stream")), Filter=Name.FlateDecode,
        Params=Dictionary(Size=size, CreationDate=date, ModDate=date, CheckSum=String(told.digest())),
    )  # fmt: skip
    embedded = whole.make_indirect(stream)
    return Dictionary(
        Type=Name.Filespec,
        F=String(name),
        UF=String(name),
        AFRelationship=Name.Data,
        Desc=String(name),
        EF=Dictionary(F=embedded, UF=embedded),
    )
