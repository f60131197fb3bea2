"""Cells that a spreadsheet shall show, never compute. Pure."""

from __future__ import annotations

from typing import Final

# What starts a formula, also in full width, and after blanks, a no-break space or a byte order mark.
STARTS: Final = frozenset("=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}")
BLANKS: Final = " \N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}"


def guarded(text: str) -> str:
    """Return text with an apostrophe before it when a spreadsheet could take it for a formula."""
    begin = text.lstrip(BLANKS)[:1]
    return f"'{text}" if text[:1] in STARTS or (begin in STARTS and begin) else text
