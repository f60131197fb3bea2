"""Join the parts of a PDF into one document with one structure tree; runs in the sandbox.

Names of header cells, numbers of marked content and links hold inside one part only; here they get a meaning in the whole.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from pikepdf import AccessMode, Dictionary, ObjectStreamMode, Pdf

from watchfloor.capabilities.reports.engine.to_pdf.attach import attach
from watchfloor.capabilities.reports.engine.to_pdf.check import check
from watchfloor.capabilities.reports.engine.to_pdf.outline import Outlines, link
from watchfloor.capabilities.reports.engine.to_pdf.sending import Sending
from watchfloor.capabilities.reports.engine.to_pdf.shapes import Merged, MergeRequest
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.capabilities.reports.engine.to_pdf.stamp import stamp
from watchfloor.capabilities.reports.engine.to_pdf.structure import Structure
from watchfloor.capabilities.reports.engine.to_pdf.xmp import describe
from watchfloor.capabilities.reports.schemas.snapshot import Head

if TYPE_CHECKING:
    from watchfloor.kernel.contract import StreamingReport

FROM_FRONT: Final = ("/Lang", "/MarkInfo", "/ViewerPreferences", "/OutputIntents")


def merge(request: MergeRequest, report: StreamingReport) -> Merged:
    """Send the whole document.

    Raises:
        GiveUp: It is not what PDF/UA and PDF/A ask for, and why.
    """
    with report.file("snapshot") as snapshot:
        head = Head.model_validate_json(snapshot.readline())
    show = Show(request.options.locale, request.options.time_zone)
    whole = Pdf.new()
    structure = _joined(whole, request, report)
    describe(whole, head, show.title(head.title), show.title(request.options.author or head.org), show.reader.language)
    for number, one in enumerate(request.attached):
        if one.inside:
            with report.file(f"attached-{number}") as file:
                attach(whole, one.name, file, head.as_of)
    check(whole, request.pages)
    sending = Sending(report)
    whole.save(cast("BinaryIO", sending), deterministic_id=True, object_stream_mode=ObjectStreamMode.generate, min_version="1.7")
    sending.finish()
    return Merged(pages=len(whole.pages), elements=structure.elements)


def _joined(whole: Pdf, request: MergeRequest, report: StreamingReport) -> Structure:
    """Append every part, and what stands on pages of several."""
    structure, outlines, firsts = Structure(whole), Outlines(whole), list[int]()
    with report.file("parts") as parts:
        for number, (start, size) in enumerate(request.spans):
            report(number, len(request.spans), phase="merge")
            # Not closed: the copied streams are read from it when the whole is written.
            part = _opened(parts, start, size)
            firsts.append(len(whole.pages))
            if number == 0:
                kept = whole.copy_foreign(part.make_indirect(Dictionary({key: part.Root[key] for key in FROM_FRONT})))
                for key in FROM_FRONT:
                    whole.Root[key] = kept[key]
            structure.add(part, number, request.levels[number])
            outlines.add(part, firsts[-1], request.levels[number])
        stamp(whole, _opened(parts, *request.stamp))
    structure.finish()
    outlines.finish()
    link(whole, firsts, request.titles, firsts[1] if len(firsts) > 1 else 0)
    return structure


def _opened(parts: BinaryIO, start: int, size: int) -> Pdf:
    """Open one of several PDFs in a file; as a file of its own, which qpdf reads many times as fast as one that Python reads for it."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as own:
        parts.seek(start)
        own.write(parts.read(size))
        own.flush()
        return Pdf.open(own.name, access_mode=AccessMode.mmap_only)
