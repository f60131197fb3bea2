"""Join the parts of a PDF into one document with one structure tree; runs in the sandbox.

Part after part is read, made to fit and sent on: what the whole keeps of each is the numbers of its pages, bookmarks and elements.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final

from watchfloor.capabilities.reports.engine.to_pdf.attach import Attaching
from watchfloor.capabilities.reports.engine.to_pdf.check import check, resolve
from watchfloor.capabilities.reports.engine.to_pdf.opening import Opened
from watchfloor.capabilities.reports.engine.to_pdf.outline import Outlines, linked
from watchfloor.capabilities.reports.engine.to_pdf.reading import read, size, unknown
from watchfloor.capabilities.reports.engine.to_pdf.sending import Sending
from watchfloor.capabilities.reports.engine.to_pdf.shapes import Merged, MergeRequest
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.capabilities.reports.engine.to_pdf.stamp import Stamps
from watchfloor.capabilities.reports.engine.to_pdf.structure import Structure
from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing, listed
from watchfloor.capabilities.reports.engine.to_pdf.xmp import describe
from watchfloor.capabilities.reports.schemas.snapshot import Head

if TYPE_CHECKING:
    from watchfloor.kernel.contract import StreamingReport

FROM_FRONT: Final = re.compile(
    rb"/OutputIntents \d+ 0 R|/Lang(?:\([^()]*\)|<[0-9a-fA-F]*>)|/MarkInfo<<[^<>]*>>|/ViewerPreferences<<[^<>]*>>"
)
INTENTS: Final = re.compile(rb"\[(\d+) 0 R\]")


def merge(request: MergeRequest, report: StreamingReport) -> Merged:
    """Send the whole document.

    Raises:
        GiveUp: It is not what PDF/UA and PDF/A ask for, and why.
    """
    with report.file("snapshot") as snapshot:
        head = Head.model_validate_json(snapshot.readline())
    show, sending = Show(request.options.locale, request.options.time_zone), Sending(report)
    writing = Writing(sending)
    joining = _Joining(writing, request)
    with report.file("parts") as parts:
        joining.join(parts, report)
    attaching = Attaching(writing, head.as_of)
    for number, one in enumerate(request.attached):
        if one.inside:
            with report.file(f"attached-{number}") as file:
                attaching.attach(one.name, file)
    metadata, info = describe(writing, head, show.name(head.title), show.name(request.options.author or head.org), show.reader.language)
    root = writing.new(b"<</Type/Catalog/Metadata %d 0 R%b%b>>" % (metadata, joining.finish(), attaching.finish()))
    writing.finish({"Root": root, "Info": info})
    sending.finish()
    return Merged(pages=request.starts[-1] - 1, elements=joining.structure.elements)


class _Joining:
    def __init__(self, writing: Writing, request: MergeRequest) -> None:
        self.writing, self.request = writing, request
        self.structure, self.outlines, self.tree = Structure(writing), Outlines(writing), writing.take()
        self.pages: dict[int, list[int]] = {}
        self.kept: list[bytes] = []

    def join(self, parts: BinaryIO, report: StreamingReport) -> None:
        """Take every part; the front last, for its contents lead to the others' pages."""
        spans = self.request.spans
        stamps = Stamps(self.writing, self._opened(parts, self.request.stamp))
        for done, number in enumerate((*range(1, len(spans)), 0)):
            report(done, len(spans), phase="merge")
            self._take(_bytes(parts, spans[number]), number, stamps)

    def finish(self) -> bytes:
        """Write what stands above all parts, and return what the catalog says of it."""
        resolve(self.structure.nameless())
        pages = [page for _, some in sorted(self.pages.items()) for page in some]
        self.writing.add(self.tree, b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(pages), listed(pages)))
        self.structure.finish()
        above = (self.tree, self.structure.root, self.outlines.finish())
        return b"/Pages %d 0 R/StructTreeRoot %d 0 R/Outlines %d 0 R" % above + b"".join(self.kept)

    def _take(self, content: bytes, number: int, stamps: Stamps) -> None:
        starts, level = self.request.starts, self.request.levels[number]
        found = read(content, self.writing.take(size(content)) - 1)
        text = self.structure.fit(found.text, number, level)
        if number == 0:
            firsts = [self.pages[one][0] if one else 0 for one in range(len(starts) - 1)]
            text = linked(text, firsts, self.request.titles)
        part = Opened(found, text)
        check(text, part, starts[number + 1] - starts[number])
        self.pages[number] = part.pages
        self.structure.take(part.found, part.roots[b"StructTreeRoot"], number)
        self.outlines.take(part.found, part.roots[b"Outlines"], number, level)
        stamps.put(part, starts[number] - 1, self.tree)
        self._keep(part, number)
        part.write(self.writing)

    def _keep(self, part: Opened, number: int) -> None:
        """Take from the front what it says of the whole; every other part says the same."""
        intents = part.roots[b"OutputIntents"]
        if number == 0:
            self.kept = FROM_FRONT.findall(part.catalog)
            if len(self.kept) != 4:  # noqa: PLR2004 - as many as are looked for
                raise unknown("its catalog")
            return
        listed_ = INTENTS.fullmatch(part.found.pop(intents))
        if listed_ is None:
            raise unknown("its colours")
        part.drop(int(listed_[1]))

    def _opened(self, parts: BinaryIO, span: tuple[int, int]) -> Opened:
        content = _bytes(parts, span)
        found = read(content, self.writing.take(size(content)) - 1)
        return Opened(found, found.text)


def _bytes(parts: BinaryIO, span: tuple[int, int]) -> bytes:
    parts.seek(span[0])
    return parts.read(span[1])
