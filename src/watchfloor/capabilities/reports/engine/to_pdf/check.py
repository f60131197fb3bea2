"""What every part of a PDF must keep to, looked at before anybody gets it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.to_pdf.reading import decoded
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.reports.engine.to_pdf.opening import Opened

PAGE: Final = re.compile(rb"/Pg (\d+) 0 R")
NAME: Final = re.compile(rb"/ID\(([^()]*)\)")
FIGURE: Final = re.compile(rb"<</Type/StructElem/S/Figure/[^\n]*")
WORDS: Final = re.compile(rb"/Alt(\([^()]*\)|<[0-9a-fA-F]*>)")


def check(text: bytes, part: Opened, pages: int) -> None:
    """Raise GiveUp with the first promise that a part breaks; it is to have so many pages, and its objects stand in `text`."""
    if len(part.pages) != pages:
        raise GiveUp(f"a part has {len(part.pages)} pages, and had {pages} when it was compiled")
    for problem in problems(text, part):
        raise GiveUp(f"the document is not accessible: {problem}")


def problems(text: bytes, part: Opened) -> Iterator[str]:
    """Yield every broken promise: pages of elements, names of cells, figures without words."""
    if set(map(int, PAGE.findall(text))) - set(part.pages):
        yield "an element stands on a page that is not in the document"
    names = NAME.findall(text)
    if len(names) != len(set(names)):
        yield "two elements have the same name"
    for figure in FIGURE.findall(text):
        words = WORDS.search(figure)
        if words is None or not decoded(words[1]).strip():
            yield "a figure has no alternative text"


def resolve(nameless: list[bytes]) -> None:
    """Raise GiveUp when there are headers that nobody has."""
    for name in nameless:
        raise GiveUp(f"the document is not accessible: a cell names {name.decode('ascii')} as its header, and no header has this name")
