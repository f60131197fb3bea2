"""Which characters the fonts of reports can show; the others are replaced where they stand, and counted. Pure.

PDF/A and PDF/UA forbid text without a glyph, and typst refuses it. The ranges in templates/glyphs.txt were found by asking typst about every
character of a page's own fonts; a test asks again. Emoji that no font has are told by their names: what a lock or a skull says to whoever
visits a page, a replacement character hides.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REPLACEMENT: Final = "\ufffd"
OWN: Final = ""  # any of a page's own fonts
# Letters that show well alone and beside each other, should typst find a text that it cannot set though each of its characters can be.
PLAIN: Final = re.compile("[^\n\t\x20-\x7e\xa1-\xac\xae-\u024f\u0391-\u03c9\u0410-\u044f\u2013\u2014\u2018-\u201e\u2026]")
PACKAGE: Final = "watchfloor.capabilities.reports.engine"
# Scripts with a font of their own; what a page's own fonts have of them is not used where that font has it.
SCRIPTS: Final = "\u0590-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u097f\u0e00-\u0e7f\ua8e0-\ua8ff\ufb1d-\ufdff\ufe70-\ufefc"
# Where a line may end without a space, and where typst knows best.
FREE: Final = "\u0e00-\u0e7f\u1100-\u11ff\u2e80-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
# Of Unicode 14, which every Python here knows: a name must not depend on which one runs.
EMOJI: Final = (
    "\u231a\u231b\u23e9-\u23f3\u23f8-\u23fa\u2600-\u27bf\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\U0001f000-\U0001f02b\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f"
    "\U0001f18e\U0001f191-\U0001f19a\U0001f1e6-\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f6d7\U0001f6dd-\U0001f6ec"
    "\U0001f6f0-\U0001f6fc\U0001f7e0-\U0001f7eb\U0001f7f0\U0001f90c-\U0001fa53\U0001fa60-\U0001fa6d\U0001fa70-\U0001fa74\U0001fa78-\U0001fa7c\U0001fa80-\U0001fa86"
    "\U0001fa90-\U0001faac\U0001fab0-\U0001faba\U0001fac0-\U0001fac5\U0001fad0-\U0001fad9\U0001fae0-\U0001fae7\U0001faf0-\U0001faf6"
)
NAMED: Final = 40  # of one text; a name is longer than what it stands for
FLAGS: Final = 0x1F1E6


@lru_cache(maxsize=1)
def unknown() -> re.Pattern[str]:
    """Return what finds one character that is not among a page's own."""
    known = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges())
    return re.compile(rf"[^\n\t{known}]|[{SCRIPTS}]")


@lru_cache(maxsize=1)
def ranges() -> list[tuple[int, int]]:
    """Return from where to where characters have glyphs in a page's own fonts."""
    text = (files(PACKAGE) / "templates" / "glyphs.txt").read_text("ascii")
    pairs = [one.partition("-") for one in text.split()]
    return [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]


def common(character: str) -> bool:
    """Tell whether a page's own fonts have a character."""
    at = bisect_right(ranges(), (ord(character), 0x10FFFF)) - 1
    return at >= 0 and ord(character) <= ranges()[at][1]


def own(character: str) -> str | None:
    """Return the name of the font that shows a character, where there are a page's own only."""
    return OWN if common(character) else None


def within(character: str, characters: str) -> bool:
    """Tell whether a character is one of those between the brackets of a pattern."""
    return bool(_class(characters).match(character))


@lru_cache(maxsize=16)
def _class(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{characters}]")


def fit(text: str, font_of: Callable[[str], str | None] = own, *, plain: bool = False) -> tuple[str, int]:
    """Return the text as it can be shown, and how many of its characters were replaced; `plain` leaves only what shows in any case.

    `font_of` is asked about each character that is not among a page's own.
    """
    if text.isascii():
        return text, 0
    if plain:
        return PLAIN.subn(REPLACEMENT, text)
    fonts = {one: font_of(one) for one in unknown().findall(text)}
    if not fonts:
        return text, 0
    marks = {one for one, font in fonts.items() if font is not None and unicodedata.category(one)[0] == "M"}
    if not marks and None not in fonts.values():
        return text, 0
    return _told(text, fonts, marks)


def _told(text: str, fonts: Mapping[str, str | None], marks: set[str]) -> tuple[str, int]:
    """Replace what has no font, the first emoji by their names, and marks whose letter has another font: one glyph stands for both."""
    shown, count, named, below = list[str](), 0, 0, None
    for character in text:
        font = fonts.get(character, OWN)
        if font is not None and (character not in marks or font == below):
            shown.append(character)
        else:
            count += 1
            name = _name(character) if named < NAMED else None
            named += name is not None
            shown.append(f"[{name}]" if name else REPLACEMENT)
            font = OWN
        below = font
    return "".join(shown), count


def _name(character: str) -> str | None:
    if not within(character, EMOJI):
        return None
    if FLAGS <= ord(character) < FLAGS + 26:  # one for each letter; two make a flag
        return chr(ord(character) - FLAGS + ord("A"))
    return unicodedata.name(character).lower()
