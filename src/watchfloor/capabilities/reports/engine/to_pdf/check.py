"""What a merged PDF must keep to, looked at before anybody gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pikepdf import Array, Dictionary, Name, Object, Pdf

from watchfloor.capabilities.reports.engine.to_pdf.structure import elements
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(whole: Pdf, pages: int) -> None:
    """Raise GiveUp with the first promise that the document breaks."""
    if len(whole.pages) != pages:
        raise GiveUp(f"the document has {len(whole.pages)} pages, its parts have {pages}")
    for problem in problems(whole):
        raise GiveUp(f"the document is not accessible: {problem}")


def problems(whole: Pdf) -> Iterator[str]:
    """Yield every broken promise: names of cells, references to them, pages of elements, figures without words."""
    pages = {page.objgen for page in whole.pages}
    ids: set[str] = set()
    wanted: set[str] = set()
    seen: set[tuple[int, int]] = set()
    for element in elements(whole):
        page, name, attributes = element.get("/Pg"), element.get("/ID"), element.get("/A")
        if page is not None and page.objgen not in pages:
            yield f"a {element.S} stands on a page that is not in the document"
        if name is not None:
            if str(name) in ids:
                yield f"two elements are named {name}"
            ids.add(str(name))
        if attributes is not None and attributes.objgen not in seen:
            if attributes.is_indirect:
                seen.add(attributes.objgen)
            wanted |= _headers(attributes)
        if Name.Figure == element.S and not str(element.get("/Alt", "")).strip():
            yield "a figure has no alternative text"
    for lost in sorted(wanted - ids):
        yield f"a cell names {lost} as its header, and no header has this name"


def _headers(attributes: Object) -> set[str]:
    listed = attributes if isinstance(attributes, Array) else [attributes]
    return {str(name) for one in listed if isinstance(one, Dictionary) for name in one.get("/Headers", [])}
