"""The bookmarks of all parts as one tree, and links from the contents to the parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Name, Object, OutlineItem, Pdf, String

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TARGET: Final = re.compile(r"wf-part:(\d{1,6})")


class Outlines:
    """Gathers headings with the page each stands on."""

    def __init__(self, whole: Pdf) -> None:
        """Begin with none."""
        self._whole = whole
        self._found: list[tuple[int, str, int, tuple[float, float]]] = []

    def add(self, part: Pdf, first: int, level: int) -> None:
        """Take a part's bookmarks; its first page has the index `first` in the whole, and its first heading is of `level`."""
        pages: dict[object, int] = {page.objgen: at for at, page in enumerate(part.pages)}
        outlines = part.Root.get("/Outlines")
        for depth, item in _items(outlines.get("/First") if outlines is not None else None, level):
            page, _, left, top, *_ = item.Dest
            self._found.append((depth, str(item.Title), first + pages[page.objgen], (float(left), float(top))))

    def finish(self) -> None:
        """Write the tree."""
        with self._whole.open_outline() as outline:
            above: list[OutlineItem] = []
            for depth, title, page, (left, top) in self._found:
                item = OutlineItem(title, page, "XYZ", left=left, top=top, zoom=0)
                del above[depth - 1 :]
                (above[-1].children if above else outline.root).append(item)
                item.is_closed = True
                above.append(item)


def link(whole: Pdf, firsts: Sequence[int], titles: Sequence[str], pages: int) -> None:
    """Turn links to parts, which stand on the first pages, into links to the page a part begins on."""
    for page in list(whole.pages)[:pages]:
        for one in page.get("/Annots", []):
            found = TARGET.fullmatch(str(one.get("/A", Dictionary()).get("/URI", "")))
            if found and int(found[1]) < len(firsts):
                number = int(found[1])
                del one.A
                one.Dest = Array([whole.pages[firsts[number]].obj, Name.Fit])
                one.Contents = String(titles[number])


def _items(item: Object | None, depth: int) -> Iterator[tuple[int, Object]]:
    while item is not None:
        yield depth, item
        yield from _items(item.get("/First"), depth + 1)
        item = item.get("/Next")
