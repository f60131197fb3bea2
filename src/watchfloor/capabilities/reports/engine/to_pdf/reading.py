"""Read a part as typst writes it: objects one after the other, their streams aside. Pure.

Only what typst writes is understood, and anything else is refused: reading all that PDF allows takes many times as long. Texts from outside stand
in strings; each that could be taken for more than a string is rewritten in hex first, so that what is looked for later can only be syntax.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import Final, NamedTuple

from watchfloor.kernel.errors import GiveUp

START: Final = re.compile(rb"%PDF-1\.\d\n%[\x80-\xff]{4}\n\n")
STREAM: Final = re.compile(rb"(\d+) 0 obj\n<</Length (\d+)[^\n]*>>\Z")
TRAILER: Final = re.compile(rb"trailer\n<</Size (\d+)/Root (\d+) 0 R/Info (\d+) 0 R")
OBJECT: Final = re.compile(rb"(\d+) 0 obj\n([^\n]*+)\nendobj\n")
DIGITS: Final = b"0123456789"
# Strings without a bracket, a name or the R of a reference.
TAME: Final = re.compile(rb"[^(]*+(?:\([^()\\/<>\[\]R\n]*+\)[^(]*+)*+")
TOKEN: Final = re.compile(rb"\\([0-7]{1,3}|[^0-7])|[()]|[^()\\]+", re.DOTALL)
ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
BEGIN, END, CLOSED = b"\nstream\n", b"\nendobj\n", b"\nendstream\nendobj\n"


class Part(NamedTuple):
    """One PDF; its objects have the numbers they get in the whole."""

    text: bytes  # all objects, each as "number 0 obj", a line that says what it is, and "endobj"
    streams: dict[int, memoryview]
    uses: Counter[int]  # how often something refers to each
    root: int
    info: int


def size(content: bytes) -> int:
    """Return how many numbers the objects of a PDF take."""
    return int(_trailer(content)[1]) - 1


def read(content: bytes, base: int) -> Part:
    """Return a PDF's objects with `base` added to their numbers.

    Raises:
        GiveUp: It is not as typst writes it.
    """
    text, streams = _split(content)
    text, uses = _moved(tame(text), base)
    trailer = _trailer(content)
    return Part(text, {number + base: found for number, found in streams.items()}, uses, int(trailer[2]) + base, int(trailer[3]) + base)


def objects(text: bytes) -> dict[int, bytes]:
    """Return what each object is, by its number."""
    found = OBJECT.findall(text)
    if len(found) != text.count(END):
        raise unknown("an object is not on one line")
    return {int(number): body for number, body in found}


def tame(text: bytes) -> bytes:
    """Return the text with every string in hex that has in it what means something outside of strings."""
    told, at = [], 0
    while (end := TAME.match(text, at).end()) < len(text):  # type: ignore[union-attr]  # it matches nothing, too
        told.append(text[at:end])
        content, at = _literal(text, end)
        told.append(b"<" + content.hex().encode() + b">")
    return b"".join([*told, text[at:]])


def decoded(token: bytes) -> str:
    """Return the text of a string, written in either way."""
    content = bytes.fromhex(token[1:-1].decode("ascii")) if token.startswith(b"<") else _literal(token, 0)[0]
    return content[2:].decode("utf-16-be") if content.startswith(b"\xfe\xff") else content.decode("latin-1")


def unknown(what: str) -> GiveUp:
    """Return the error for a PDF that another version of typst wrote."""
    return GiveUp(f"typst wrote a PDF that is not understood here: {what}; this version of it is not known")


def _split(content: bytes) -> tuple[bytes, dict[int, memoryview]]:
    """Return the objects without their streams, and these; a stream is as long as its object says, whatever stands in it."""
    start = START.match(content)
    if start is None:
        raise unknown("it begins otherwise")
    whole, pieces, streams, at = memoryview(content), list[bytes](), dict[int, memoryview](), start.end()
    while (found := content.find(BEGIN, at)) >= 0:
        last = max(at, content.rfind(END, at, found) + len(END))
        head = STREAM.match(content[last:found])
        if head is None:
            raise unknown("a stream does not say how long it is")
        begin, length = found + len(BEGIN), int(head[2])
        if content[begin + length : begin + length + len(CLOSED)] != CLOSED:
            raise unknown("a stream is longer than it says")
        streams[int(head[1])] = whole[begin : begin + length]
        pieces += [content[at:found], END]
        at = begin + length + len(CLOSED)
    end = content.rfind(b"xref\n0 ", at)
    if end < 0:
        raise unknown("it has no table of its objects")
    return b"".join([*pieces, content[at:end]]), streams


def _moved(text: bytes, base: int) -> tuple[bytes, Counter[int]]:
    """Return the text with `base` added to the numbers of all objects, and how often something refers to each."""
    told, used, moved = list[bytes](), list[bytes](), dict[bytes, bytes]()
    pieces = text.split(b" 0 ")
    for piece, after in pairwise(pieces):
        if after[:1] == b"R" or after[:4] == b"obj\n":
            before = piece.rstrip(DIGITS)
            number = piece[len(before) :]
            if number not in moved:
                moved[number] = b"%d" % (int(number) + base)
            used.append(number)
            told.append(before + moved[number])
        else:
            told.append(piece)
    # Each number stands once where its object is.
    uses = Counter({int(number) + base: count - 1 for number, count in Counter(used).items()})
    return b" 0 ".join([*told, pieces[-1]]), uses


def _trailer(content: bytes) -> re.Match[bytes]:
    found = TRAILER.search(content, max(0, content.rfind(b"\ntrailer\n")))
    if found is None:
        raise unknown("it does not say where its parts are")
    return found


def _literal(text: bytes, at: int) -> tuple[bytes, int]:
    """Return what a string in brackets says, and where it ends."""
    depth, told = 0, bytearray()
    for token in TOKEN.finditer(text, at):
        one, escaped = token[0], token[1]
        if escaped is not None:
            told += bytes([int(escaped, 8) & 0xFF]) if escaped.isdigit() else ESCAPES.get(escaped, escaped)
            continue
        depth += (one == b"(") - (one == b")")
        if not depth:
            return bytes(told), token.end()
        if one != b"(" or depth > 1:
            told += one
    raise unknown("a string has no end")
