"""Which characters the fonts of reports can show; the others are replaced where they stand, and counted. Pure.

PDF/A and PDF/UA forbid text without a glyph, and typst refuses it. The ranges in templates/glyphs.txt were found by asking typst about every
character; a test asks again.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import Final

REPLACEMENT: Final = "\ufffd"
# Letters that show well alone and beside each other, should typst find a text that it cannot set though each of its characters can be.
PLAIN: Final = re.compile("[^\n\t\x20-\x7e\xa1-\xac\xae-\u024f\u0391-\u03c9\u0410-\u044f\u2013\u2014\u2018-\u201e\u2026]")
PACKAGE: Final = "watchfloor.capabilities.reports.engine"


@lru_cache(maxsize=1)
def unknown() -> re.Pattern[str]:
    """Return what finds one character that no font has."""
    known = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges())
    return re.compile(rf"[^\n\t{known}]")


def ranges() -> list[tuple[int, int]]:
    """Return from where to where characters have glyphs."""
    text = (files(PACKAGE) / "templates" / "glyphs.txt").read_text("ascii")
    pairs = [one.partition("-") for one in text.split()]
    return [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]


def fit(text: str, *, plain: bool = False) -> tuple[str, int]:
    """Return the text as it can be shown, and how many of its characters were replaced; `plain` leaves only what shows in any case."""
    if text.isascii():
        return text, 0
    return (PLAIN if plain else unknown()).subn(REPLACEMENT, text)
