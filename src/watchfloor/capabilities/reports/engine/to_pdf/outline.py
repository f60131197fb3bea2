"""The bookmarks of all parts as one tree, and links from the contents to the parts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.to_pdf.reading import unknown
from watchfloor.capabilities.reports.engine.to_pdf.writing import string

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing

LINK: Final = re.compile(rb"/A<</Type/Action/S/URI/URI\(wf-part:(\d{1,6})\)>>([^\n]*?)/Contents\(wf-part:\d{1,6}\)")
LINKED: Final = re.compile(rb"/(First|Next|Dest) (\d+) 0 R")
TITLE: Final = re.compile(rb"/Title(\([^()]*\)|<[0-9a-fA-F]*>)")
PLACE: Final = re.compile(rb"\[\d+ 0 R/XYZ [\d. -]+\]")


@dataclass(frozen=True)
class Mark:
    """A bookmark; what it says and where it leads, as PDF writes them."""

    title: bytes
    place: bytes
    below: list[Mark] = field(default_factory=list)


class Outlines:
    """Takes the bookmarks of part after part, in any order; the tree has them in theirs."""

    def __init__(self, writing: Writing) -> None:
        """Begin with none."""
        self._writing = writing
        self._found: dict[int, list[tuple[int, Mark]]] = {}

    def take(self, found: dict[int, bytes], root: int, number: int, level: int) -> None:
        """Take a part's bookmarks out of the objects that were found; its first heading is of `level` in the whole."""
        self._found[number] = list(_marks(found, _links(found.pop(root)).get(b"First"), level))

    def finish(self) -> int:
        """Write the tree and return its root."""
        top = Mark(b"", b"")
        above = [top]
        for _, marks in sorted(self._found.items()):
            for depth, mark in marks:
                del above[depth:]
                above[-1].below.append(mark)
                above.append(mark)
        root = self._writing.take()
        first, last = self._write(top.below, root)
        return self._writing.add(root, b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(top.below)))

    def _write(self, marks: Sequence[Mark], parent: int) -> tuple[int, int]:
        """Write bookmarks of one level and all below; return the first and the last."""
        start = self._writing.take(len(marks))
        last = start + len(marks) - 1
        for number, mark in enumerate(marks, start):
            told = b"<</Title%b/Parent %d 0 R/Dest%b" % (mark.title, parent, mark.place)
            told += b"/Prev %d 0 R" % (number - 1) if number > start else b""
            told += b"/Next %d 0 R" % (number + 1) if number < last else b""
            if mark.below:  # closed, and so are all below: only those right below would be seen
                told += b"/First %d 0 R/Last %d 0 R/Count %d" % (*self._write(mark.below, number), -len(mark.below))
            self._writing.add(number, told + b">>")
        return start, last


def linked(text: bytes, firsts: Sequence[int], titles: Sequence[str]) -> bytes:
    """Turn links to parts into links to the page a part begins on."""

    def told(found: re.Match[bytes]) -> bytes:
        number = int(found[1])
        return b"/Dest[%d 0 R/Fit]%b/Contents%b" % (firsts[number], found[2], string(titles[number]))

    return LINK.sub(told, text)


def _marks(found: dict[int, bytes], item: int | None, depth: int) -> Iterator[tuple[int, Mark]]:
    while item is not None:
        body = found.pop(item)
        links, title = _links(body), TITLE.search(body)
        place = found.pop(links[b"Dest"], b"") if b"Dest" in links else b""
        if title is None or not PLACE.fullmatch(place):
            raise unknown("a bookmark")
        yield depth, Mark(title[1], place)
        yield from _marks(found, links.get(b"First"), depth + 1)
        item = links.get(b"Next")


def _links(body: bytes) -> dict[bytes, int]:
    return {name: int(number) for name, number in LINKED.findall(body)}
