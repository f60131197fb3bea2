"""The number of each page and of all, put on each of them once they are known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.to_pdf.reading import unknown

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.to_pdf.opening import Opened
    from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing

MM: Final = 72 / 25.4
TOP: Final = 14.68 * MM
HALF: Final = 22 * MM
NUMBER: Final = re.compile(rb"/Resources (\d+ 0 R)/MediaBox(\[0 0 [\d.]+ ([\d.]+)\]).*/Contents (\d+) 0 R")
RESOURCES: Final = re.compile(rb"/Resources (\d+) 0 R")
CONTENTS: Final = re.compile(rb"/Contents (\d+) 0 R")
WIDTH: Final = re.compile(rb"/MediaBox\[0 0 ([\d.]+) ")
PARENT: Final = re.compile(rb"/Parent \d+ 0 R")


class Stamps:
    """Draws a page of a small PDF into the footer of each page, as an artifact: it belongs to no reading order."""

    def __init__(self, writing: Writing, numbers: Opened) -> None:
        """Write them, each as a form."""
        self._writing = writing
        told = [_the(NUMBER, numbers.found.pop(page)) for page in numbers.pages]
        self._forms = [int(one[4]) for one in told]
        for one, form in zip(told, self._forms, strict=True):
            entries = b"/Type/XObject/Subtype/Form/BBox%b/Resources %b>>" % (one[2], one[1])
            numbers.found[form] = numbers.found[form].removesuffix(b">>") + entries
        numbers.write(writing)
        self._before = writing.packed(b"", b"q\n")
        self._down = TOP - float(told[0][3])
        self._after: dict[float, int] = {}

    def put(self, part: Opened, first: int, parent: int) -> None:
        """Stamp a part's pages, of which the first has the index `first` in the whole, and hang them below `parent`."""
        forms = self._forms[first : first + len(part.pages)]
        if len(forms) != len(part.pages):
            raise unknown("there are fewer numbers than pages")
        for page, form in zip(part.pages, forms, strict=True):
            body = part.found[page]
            used = int(_the(RESOURCES, body)[1])
            resources = _with(part.found[used], form)
            if part.uses[used] == 1:
                part.found[used] = resources
            else:  # each page shows another number, and others use this too
                body = RESOURCES.sub(b"/Resources %d 0 R" % self._writing.new(resources), body)
            own = int(_the(CONTENTS, body)[1])
            after = self._drawing(float(_the(WIDTH, body)[1]))
            body = CONTENTS.sub(b"/Contents[%d 0 R %d 0 R %d 0 R]" % (self._before, own, after), body)
            part.found[page] = PARENT.sub(b"/Parent %d 0 R" % parent, body)

    def _drawing(self, width: float) -> int:
        """Return what draws a number where the template leaves room: in the middle of the footer of a page so wide."""
        if width not in self._after:
            left = width / 2 - HALF
            drawn = f"\nQ\n/Artifact BMC\nq 1 0 0 1 {left:.4f} {self._down:.4f} cm /WfPage Do Q\nEMC\n"
            self._after[width] = self._writing.packed(b"", drawn.encode("ascii"))
        return self._after[width]


def _with(resources: bytes, form: int) -> bytes:
    """Return what a page uses, with one form more."""
    told = b"/WfPage %d 0 R" % form
    if b"/XObject<<" in resources:
        return resources.replace(b"/XObject<<", b"/XObject<<" + told, 1)
    return resources.removesuffix(b">>") + b"/XObject<<" + told + b">>>>"


def _the(pattern: re.Pattern[bytes], body: bytes) -> re.Match[bytes]:
    found = pattern.search(body)
    if found is None:
        raise unknown("a page")
    return found
