"""Write a PDF object by object as it comes: small ones together, compressed, and a table of where each is at the end."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchfloor.capabilities.reports.engine.to_pdf.sending import Sending

TOGETHER: Final = 200  # a reader that wants one of them unpacks them all
LEVEL: Final = 6
HEAD: Final = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
PLAIN: Final = re.compile(r"[ !#-'*-\[\]-~]*")
Place = tuple[int, int, int]  # as the table has it: 1, where it begins and 0; or 2, in which stream and which there
FREE: Final[Place] = (0, 0, 65535)


class Writing:
    """A PDF on its way out; the same objects in the same order give the same bytes."""

    def __init__(self, out: Sending) -> None:
        """Begin."""
        self._out = out
        self._at = 0
        self._hash = hashlib.sha256()
        self._places: dict[int, Place] = {}
        self._held: list[tuple[int, bytes]] = []
        self._next = 1
        self._write(HEAD)

    def take(self, count: int = 1) -> int:
        """Return the first of so many numbers that nobody else has."""
        first, self._next = self._next, self._next + count
        return first

    def add(self, number: int, body: bytes) -> int:
        """Write an object, and return its number."""
        self.add_all({number: body})
        return number

    def add_all(self, found: Mapping[int, bytes]) -> None:
        """Write many."""
        self._held += found.items()
        while len(self._held) >= TOGETHER:
            self._together()

    def new(self, body: bytes) -> int:
        """Write an object under a number of its own."""
        return self.add(self.take(), body)

    def stream(self, number: int, body: bytes, content: bytes | memoryview) -> int:
        """Write an object with a stream; its dictionary has the length already."""
        self._places[number] = (1, self._at, 0)
        self._write(b"%d 0 obj\n%b\nstream\n" % (number, body))
        self._write(content)
        self._write(b"\nendstream\nendobj\n")
        return number

    def packed(self, entries: bytes, content: bytes) -> int:
        """Write a stream that is compressed here."""
        packed = zlib.compress(content, LEVEL)
        return self.stream(self.take(), b"<</Length %d/Filter/FlateDecode%b>>" % (len(packed), entries), packed)

    def finish(self, trailer: Mapping[str, int]) -> None:
        """Write the table; what the trailer names begins the document."""
        self._together()
        number, begin = self.take(), self._at
        self._places[number] = (1, begin, 0)
        table = b"".join(struct.pack(">BIH", *self._places.get(one, FREE)) for one in range(number + 1))
        packed, identity = zlib.compress(table, LEVEL), self._hash.hexdigest()[:32].encode()
        entries = b"".join(b"/%b %d 0 R" % (name.encode(), found) for name, found in trailer.items())
        self._write(
            b"%d 0 obj\n<</Type/XRef/Length %d/Filter/FlateDecode/W[1 4 2]/Size %d%b/ID[<%b><%b>]>>\nstream\n"
            % (number, len(packed), number + 1, entries, identity, identity)
        )
        self._write(packed)
        self._write(b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % begin)

    def _together(self) -> None:
        if not self._held:
            return
        some, number, places, at = self._held[:TOGETHER], self.take(), list[bytes](), 0
        for index, (one, body) in enumerate(some):
            self._places[one] = (2, number, index)
            places.append(b"%d %d" % (one, at))
            at += len(body) + 1
        head = b" ".join(places) + b"\n"
        packed = zlib.compress(head + b"\n".join([body for _, body in some]), LEVEL)
        del self._held[:TOGETHER]
        entries = b"/Type/ObjStm/N %d/First %d" % (len(some), len(head))
        self.stream(number, b"<</Length %d/Filter/FlateDecode%b>>" % (len(packed), entries), packed)

    def _write(self, piece: bytes | memoryview) -> None:
        self._hash.update(piece)
        self._at += len(piece)
        self._out.write(piece)


def string(text: str) -> bytes:
    """Return a text as a string of PDF."""
    if PLAIN.fullmatch(text):
        return b"(" + text.encode("ascii") + b")"
    return b"<feff" + text.encode("utf-16-be").hex().encode() + b">"


def listed(numbers: Iterable[int]) -> bytes:
    """Return references to objects."""
    return b" ".join(b"%d 0 R" % one for one in numbers)
