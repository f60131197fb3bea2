"""What a finished PDF must keep to, looked at with a library that reads all that PDF allows; the product looks at its parts as it joins them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

if TYPE_CHECKING:
    from collections.abc import Iterator


def broken(whole: Pdf) -> Iterator[str]:
    """Yield every broken promise: names of cells, references to them, pages of elements, figures without words."""
    pages = {page.objgen for page in whole.pages}
    ids: set[str] = set()
    wanted: set[str] = set()
    for element in (one for one in whole.objects if isinstance(one, Dictionary) and one.get("/Type") == Name.StructElem):
        page, name, attributes = element.get("/Pg"), element.get("/ID"), element.get("/A")
        if page is not None and page.objgen not in pages:
            yield f"a {element.S} stands on a page that is not in the document"
        if name is not None:
            if str(name) in ids:
                yield f"two elements are named {name}"
            ids.add(str(name))
        if attributes is not None:
            wanted |= _headers(attributes)
        if Name.Figure == element.S and not str(element.get("/Alt", "")).strip():
            yield "a figure has no alternative text"
    for lost in sorted(wanted - ids):
        yield f"a cell names {lost} as its header, and no header has this name"


def unreached(whole: Pdf) -> list[Object]:
    """Return objects that nothing leads to; what only holds others in the file is none."""
    seen: set[tuple[int, int]] = set()
    left: list[Any] = [whole.trailer]  # numbers come as numbers
    while left:
        one = left.pop()
        if not isinstance(one, Object):
            continue
        if one.is_indirect:
            if one.objgen in seen:
                continue
            seen.add(one.objgen)
        if isinstance(one, Dictionary | Stream):
            left += [one[key] for key in one.keys()]  # noqa: SIM118 - a stream is iterated otherwise
        elif isinstance(one, Array):
            left += list(one)
    stored = [one for one in whole.objects if one.is_indirect and one.objgen not in seen]
    return [one for one in stored if not (isinstance(one, Stream) and one.get("/Type") in {Name.ObjStm, Name.XRef})]


def _headers(attributes: Object) -> set[str]:
    listed = attributes if isinstance(attributes, Array) else [attributes]
    return {str(name) for one in listed if isinstance(one, Dictionary) for name in one.get("/Headers", [])}
