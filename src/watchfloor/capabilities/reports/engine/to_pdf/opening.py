"""A part with its objects apart, and without what the whole has of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.to_pdf.reading import objects, unknown

if TYPE_CHECKING:
    from collections import Counter

    from watchfloor.capabilities.reports.engine.to_pdf.reading import Part
    from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing

PAGES: Final = re.compile(rb"<</Type/Pages/Count (\d+)/Kids\[([\d R]+)\]>>")
LINKED: Final = re.compile(rb"/(\w+) (\d+) 0 R")
# A list of glyphs in a font: PDF/A-3 does not ask for it, and its checkers refuse it.
GLYPHS: Final = re.compile(rb"/CIDSet (\d+) 0 R")


class Opened:
    """What a part gives to the whole; who uses an object up takes it out of `found`."""

    def __init__(self, part: Part, text: bytes) -> None:
        """Take a part's objects apart, as they stand in `text`.

        Raises:
            GiveUp: It is not as typst writes it.
        """
        self.found = found = objects(GLYPHS.sub(b"", text))
        self.uses: Counter[int] = part.uses
        self._streams = part.streams
        if self.uses.keys() - found.keys():
            raise unknown("something leads to an object that is not there")
        self.catalog = found.pop(part.root)
        self.roots = {name: int(number) for name, number in LINKED.findall(self.catalog)}
        for number in (part.info, self.roots[b"Metadata"], *map(int, GLYPHS.findall(text))):
            self.drop(number)
        tree = PAGES.fullmatch(found.pop(self.roots[b"Pages"]))
        self.pages = [int(number) for number in tree[2].split()[::3]] if tree else []
        if tree is None or len(self.pages) != int(tree[1]) or not all(found[one].startswith(b"<</Type/Page/") for one in self.pages):
            raise unknown("the list of its pages")

    def drop(self, number: int) -> None:
        """Forget an object."""
        self.found.pop(number, None)
        self._streams.pop(number, None)

    def write(self, writing: Writing) -> None:
        """Write what is left."""
        for number, content in self._streams.items():
            writing.stream(number, self.found.pop(number), content)
        writing.add_all(self.found)
