"""One structure tree from those of all parts.

Names of header cells and numbers of marked content hold inside one part only; here they get a meaning in the whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.to_pdf.reading import unknown
from watchfloor.capabilities.reports.engine.to_pdf.writing import listed

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing

ELEMENT: Final = b"<</Type/StructElem/"
TREE: Final = re.compile(
    rb"<</Type/StructTreeRoot(?:/RoleMap<<(?P<roles>[^<>]*)>>)?/K\[(?P<tops>[\d R]+)\]/ParentTree<</Nums\[(?P<numbers>[\d R]*)\]>>"
    rb"(?:/IDTree<</Names\[(?P<names>[^\]]*)\]>>)?/ParentTreeNextKey (?P<next>\d+)>>"
)
DOCUMENT: Final = re.compile(rb"<</Type/StructElem/S/Document/P \d+ 0 R[^\[\]]*/K\[(?P<kids>[\d R]*)\]>>")
ATTRIBUTES: Final = re.compile(rb"/A(\[(?:<<[^<>]*+>>)++\])")
HEADERS: Final = re.compile(rb"/Headers\[([^\]]*)\]")
HEADING: Final = re.compile(rb"/S/H([1-6])/")
MARKED: Final = re.compile(rb"(/StructParents? )(\d+)")
REFERENCE: Final = re.compile(rb"(\d+) 0 R")
NUMBERED: Final = re.compile(rb"(\d+) (\d+) 0 R")
NAMED: Final = re.compile(rb"\(([^()]*)\)(\d+) 0 R")
ROLE: Final = re.compile(rb"(/[^/]+)(/[^/]+)")
DEEPEST: Final = 6


class Structure:
    """Takes part after part, in any order; the tree has them in theirs."""

    def __init__(self, writing: Writing) -> None:
        """Begin with an empty document."""
        self._writing = writing
        self._base = 0  # numbers of marked content that are taken
        self._tops: dict[int, list[int]] = {}
        self._numbers: list[bytes] = []
        self._names: dict[bytes, int] = {}
        self._roles: dict[bytes, bytes] = {}
        self.root, self._document = writing.take(), writing.take()
        self.elements = 1
        self.headers: set[bytes] = set()  # what cells name as their headers

    def fit(self, text: bytes, number: int, level: int) -> bytes:
        """Return a part's objects with names, numbers and levels that fit the whole; its first heading is of `level` there."""
        prefix = b"(p%d-" % number
        text = MARKED.sub(lambda found: b"%b%d" % (found[1], int(found[2]) + self._base), text.replace(b"/ID(", b"/ID" + prefix))
        if level > 1:
            text = HEADING.sub(lambda found: b"/S/H%d/" % min(DEEPEST, int(found[1]) + level - 1), text)
        shared: dict[bytes, bytes] = {}

        def attributes(found: re.Match[bytes]) -> bytes:
            """Attributes that are alike become one object."""
            told = found[1]
            if told not in shared:
                shared[told] = b"/A %d 0 R" % self._writing.new(HEADERS.sub(lambda names: self._header(names, prefix), told))
            return shared[told]

        return ATTRIBUTES.sub(attributes, text)

    def take(self, found: dict[int, bytes], root: int, number: int) -> None:
        """Hang a part's tree into the whole, and take its root and its document out of the objects that were found."""
        tree = TREE.fullmatch(found.pop(root))
        if tree is None:
            raise unknown("the root of its structure")
        tops = [one for document in _numbers(tree["tops"]) for one in self._kids(found.pop(document))]
        for one in tops:
            found[one] = re.sub(rb"/P \d+ 0 R", b"/P %d 0 R" % self._document, found[one], count=1)
        self._tops[number] = tops
        self._numbers += [b"%d %b 0 R" % (int(at) + self._base, value) for at, value in NUMBERED.findall(tree["numbers"])]
        self._names |= {b"p%d-%b" % (number, name): int(element) for name, element in NAMED.findall(tree["names"] or b"")}
        self._roles |= dict(ROLE.findall(tree["roles"] or b""))
        self.elements += sum(body.startswith(ELEMENT) for body in found.values())
        self._base += int(tree["next"])

    def finish(self) -> None:
        """Write the root and what hangs on it."""
        tops = [one for _, some in sorted(self._tops.items()) for one in some]
        self._writing.add(self._document, b"<</Type/StructElem/S/Document/P %d 0 R/K[%b]>>" % (self.root, listed(tops)))
        numbers = self._writing.new(b"<</Nums[%b]>>" % b" ".join(self._numbers))
        told = b"<</Type/StructTreeRoot/K[%d 0 R]/ParentTree %d 0 R/ParentTreeNextKey %d" % (self._document, numbers, self._base)
        if self._names:
            names = b"".join(b"(%b)%d 0 R" % (name, self._names[name]) for name in sorted(self._names))
            told += b"/IDTree %d 0 R" % self._writing.new(b"<</Names[%b]>>" % names)
        if self._roles:
            told += b"/RoleMap<<%b>>" % b"".join(name + self._roles[name] for name in sorted(self._roles))
        self._writing.add(self.root, told + b">>")

    def nameless(self) -> list[bytes]:
        """Return what cells name as their header, and no header is named."""
        return sorted(self.headers - self._names.keys())

    def _header(self, names: re.Match[bytes], prefix: bytes) -> bytes:
        told = names[1].replace(b"(", prefix)
        self.headers.update(re.findall(rb"\(([^()]*)\)", told))
        return b"/Headers[%b]" % told

    def _kids(self, document: bytes) -> list[int]:
        found = DOCUMENT.fullmatch(document)
        if found is None:
            raise unknown("a document in its structure")
        return _numbers(found["kids"])


def _numbers(told: bytes) -> list[int]:
    return [int(one) for one in REFERENCE.findall(told)]
