"""One structure tree from those of all parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADINGS: Final = ("/H1", "/H2", "/H3", "/H4", "/H5", "/H6")


class Structure:
    """Takes part after part: its pages, and the tree that says what stands on them."""

    def __init__(self, whole: Pdf) -> None:
        """Begin with an empty document."""
        self._whole = whole
        self._base = 0  # numbers of marked content that are taken
        self._numbers: list[Object | int] = []
        self._names: dict[bytes, Object] = {}
        self._roles: dict[str, Object] = {}
        self._root = whole.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        self._document = whole.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=self._root, K=Array()))
        self.elements = 1

    def add(self, part: Pdf, number: int, level: int) -> None:
        """Append a part's pages and its tree; its first heading is of `level` in the whole."""
        highest = self._prepare(part, f"p{number}-", level - 1)
        self._whole.pages.extend(part.pages)
        # The pages are there already, so that what stands on them is found in the copies.
        tree = self._whole.copy_foreign(part.make_indirect(Dictionary(Tree=part.Root.StructTreeRoot))).Tree
        self._adopt(tree, f"p{number}-")
        self._base += highest + 1

    def finish(self) -> None:
        """Hang the tree into the document."""
        root = self._root
        root.K = Array([self._document])
        root.ParentTree = self._whole.make_indirect(Dictionary(Nums=Array(self._numbers)))
        root.ParentTreeNextKey = self._base
        if self._names:
            named = [one for key in sorted(self._names) for one in (String(key.decode("ascii")), self._names[key])]
            root.IDTree = self._whole.make_indirect(Dictionary(Names=Array(named)))
        if self._roles:
            root.RoleMap = Dictionary(self._roles)
        self._whole.Root.StructTreeRoot = root

    def _prepare(self, part: Pdf, prefix: str, shift: int) -> int:
        """Make names, numbers and levels of a part fit the whole; return the highest number of marked content in it."""
        shared: dict[bytes, Object] = {}
        highest = -1
        for one in (*part.objects, *_direct(part)):
            if not isinstance(one, Dictionary | Stream):
                continue
            kind = one.get("/Type")
            if kind == Name.StructElem:
                self.elements += 1
                _rename(part, one, prefix, shift, shared)
            elif kind == Name.FontDescriptor:
                without_set(one)
            else:
                highest = max(highest, self._renumber(one))
        return highest

    def _renumber(self, one: Object) -> int:
        """Move a page's, an annotation's or a form's number above those that are taken; return what it was, or -1."""
        for key in ("/StructParents", "/StructParent"):
            found = one.get(key)
            if found is not None:
                one[key] = int(found) + self._base
                return int(found)
        return -1

    def _adopt(self, tree: Object, prefix: str) -> None:
        tops = tree.K if isinstance(tree.K, Array) else [tree.K]
        for document in tops:
            for child in document.K if isinstance(document.K, Array) else [document.K]:
                child.P = self._document
                self._document.K.append(child)
        for at, value in _numbers(tree.ParentTree):
            self._numbers += [at + self._base, value]
        for name, element in _names(tree.get("/IDTree")):
            self._names[prefix.encode() + name] = element
        self._roles |= {str(name): value for name, value in tree.get("/RoleMap", Dictionary()).items()}


def elements(pdf: Pdf) -> Iterator[Object]:
    """Yield the elements of a structure tree in no particular order."""
    return (one for one in pdf.objects if isinstance(one, Dictionary) and one.get("/Type") == Name.StructElem)


def without_set(font: Object) -> None:
    """Remove the list of glyphs from a font: PDF/A-3 does not ask for it, and its checkers refuse it."""
    if "/CIDSet" in font:
        del font["/CIDSet"]


def _direct(part: Pdf) -> Iterator[Object]:
    """Yield annotations that stand in their page."""
    for page in part.pages:
        yield from (one for one in page.get("/Annots", []) if not one.is_indirect)


def _rename(part: Pdf, element: Object, prefix: str, shift: int, shared: dict[bytes, Object]) -> None:
    """Give a header cell a name of its own and a heading its level; attributes that are alike become one object."""
    if "/ID" in element:
        element.ID = String(prefix + str(element.ID))
    if shift and str(element.S) in HEADINGS:
        element.S = Name(HEADINGS[HEADINGS.index(str(element.S)) + shift])
    attributes = element.get("/A")
    if attributes is not None:
        key = attributes.unparse()
        if key not in shared:
            _prefix(attributes, prefix)
            shared[key] = part.make_indirect(attributes)
        element.A = shared[key]


def _prefix(attributes: Object, prefix: str) -> None:
    for one in attributes if isinstance(attributes, Array) else [attributes]:
        if isinstance(one, Dictionary) and "/Headers" in one:
            one.Headers = Array([String(prefix + str(name)) for name in one.Headers])


def _numbers(node: Object) -> Iterator[tuple[int, Object]]:
    """Yield the entries of a number tree."""
    found = list(node.get("/Nums", []))
    yield from ((int(at), value) for at, value in zip(found[::2], found[1::2], strict=True))
    for kid in node.get("/Kids", []):
        yield from _numbers(kid)


def _names(node: Object | None) -> Iterator[tuple[bytes, Object]]:
    """Yield the entries of a name tree."""
    if node is None:
        return
    found = list(node.get("/Names", []))
    yield from ((bytes(name), value) for name, value in zip(found[::2], found[1::2], strict=True))
    for kid in node.get("/Kids", []):
        yield from _names(kid)
