"""The fonts of PDFs: those that come with the program, and the operator's, which are read only when a text needs them.

A page's own letters are Fira Sans and what typst holds itself (`glyphs`). Other scripts have a font each, which stands in a document only when the
document has such letters; last come the operator's fonts, in a fixed order.
"""

from __future__ import annotations

import shutil
import tempfile
import unicodedata
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import fontpkg_amiri
import fontpkg_fira_sans
import fontpkg_heebo
import fontpkg_noto_sans_devanagari
import fontpkg_sarabun
import noto_cjk_sans_otc

from watchfloor.capabilities.reports.engine.to_pdf import typeface
from watchfloor.capabilities.reports.engine.to_pdf.glyphs import FREE, OWN, common, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.typeface import Face
    from watchfloor.kernel.contract import StreamingReport

    Family = str | dict[str, str]


class Script(NamedTuple):
    """A font that shows these characters, though others may have them too: what is joined must come from one font."""

    family: str
    characters: str
    file: Path


# Chosen by what copying from the PDF gives back: in most fonts for Arabic, letters and their dots are glyphs of their own, or lam and alef are one.
SCRIPTS: Final = (
    Script("Amiri", "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc", fontpkg_amiri.ROOT / "files/Amiri-Regular.ttf"),
    Script("Heebo", "\u0590-\u05ff\ufb1d-\ufb4f", fontpkg_heebo.ROOT / "files/Heebo[wght].ttf"),
    Script(
        "Noto Sans Devanagari",
        "\u0900-\u097f\ua8e0-\ua8ff",
        fontpkg_noto_sans_devanagari.ROOT / "files/NotoSansDevanagari[wdth,wght].ttf",
    ),
    Script("Sarabun", "\u0e00-\u0e7f", fontpkg_sarabun.ROOT / "files/Sarabun-Regular.ttf"),
)
CJK: Final = "Noto Sans CJK"
CJK_FILE: Final = Path(str(noto_cjk_sans_otc.FONT_PATH))
FOLDERS: Final = [str(one) for one in (fontpkg_fira_sans.ROOT / "files", *(one.file.parent for one in SCRIPTS), CJK_FILE.parent)]
PROSE: Final = ("Fira Sans", "DejaVu Sans Mono", "Libertinus Serif", "New Computer Modern Math")
CODE: Final = ("DejaVu Sans Mono", "Fira Sans", "Libertinus Serif", "New Computer Modern Math")
# The same Chinese characters look different where Chinese, Japanese or Korean is read.
REGIONS: Final = {
    "ja": "JP",
    "ko": "KR",
    "zh-TW": "TC",
    "zh-Hant": "TC",
    "zh-HK": "HK",
    "zh-MO": "HK",
    "zh-Hant-HK": "HK",
    "zh-Hant-MO": "HK",
}
CHINA: Final = "SC"
KANA: Final = ("\u3041", "\u30ff")
RIGHT_TO_LEFT: Final = frozenset(("R", "AL"))
REGULAR: Final = 400


class Given:
    """The operator's fonts in one box. None is read before a text needs a character that no other font has."""

    def __init__(self, names: Sequence[str], report: StreamingReport) -> None:
        """Take the names of files that the box was given as font-0, font-1, and so on."""
        self._names, self._report = names, report
        self._read: list[tuple[int, list[Face]]] | None = None
        self._stack = ExitStack()
        self._folders: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was written."""
        self._stack.close()

    def find(self, character: str) -> tuple[int, ...]:
        """Return the files of the first family that has a character: all its weights.

        Raises:
            GiveUp: One of the files is no font, or is broken.
        """
        files = self._faces() if self._names else []
        family = next((face.family for number, some in files for face in some if self._has(number, face, character)), None)
        return tuple(sorted(number for number, some in files if any(one.family == family for one in some))) if family is not None else ()

    def folder(self, number: int) -> str:
        """Return a folder with a font alone in it, where typst may read it."""
        if number not in self._folders:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            with (
                self._report.file(f"font-{number}") as source,
                (Path(folder) / f"font{Path(self._names[number]).suffix}").open("wb") as out,
            ):
                shutil.copyfileobj(source, out, 1 << 20)
            self._folders[number] = folder
        return self._folders[number]

    def name(self, number: int) -> str:
        """Return the name of a font's file."""
        return self._names[number]

    def _faces(self) -> list[tuple[int, list[Face]]]:
        """Return the fonts of all files, upright ones of an ordinary weight first."""
        if self._read is None:
            found = [(number, self._file(number)) for number in range(len(self._names))]
            self._read = sorted(found, key=lambda one: (one[1][0].slanted, abs(one[1][0].weight - REGULAR), one[0]))
        return self._read

    def _file(self, number: int) -> list[Face]:
        try:
            with self._report.file(f"font-{number}") as file:
                return typeface.faces(file)
        except typeface.BrokenFont as error:
            raise typeface.refused(self._names[number], error) from error

    def _has(self, number: int, face: Face, character: str) -> bool:
        try:
            return character in face.glyphs
        except typeface.BrokenFont as error:
            raise typeface.refused(self._names[number], error) from error


class Fonts:
    """Says which characters a document can show, and remembers which fonts it needs for them."""

    def __init__(self, locale: str = "en", given: Given | None = None) -> None:
        """Begin with a page's own letters, which need nothing more. `kana` and `right_to_left` say that a document has such letters."""
        self.region, self.given = region(locale), given
        self._told: dict[str, str | None] = {}
        self._scripts: set[str] = set()
        self._files: set[int] = set()
        self._cjk = self.kana = self.right_to_left = False

    def find(self, character: str) -> str | None:
        """Return the name of the font that shows a character, empty for a page's own; None where there is none."""
        if character not in self._told:
            self._told[character] = self._find(character)
            self.right_to_left |= unicodedata.bidirectional(character) in RIGHT_TO_LEFT
        return self._told[character]

    def _find(self, character: str) -> str | None:
        # A sign that encloses the next character would cling to whatever follows, be it a character of another text.
        if unicodedata.category(character) == "Cf":
            return OWN if common(character) else None
        for one in SCRIPTS:
            if character in _of(one.file)[0].glyphs and within(character, one.characters):
                self._scripts.add(one.family)
                return one.family
        if common(character):
            return OWN
        if character in _of(CJK_FILE)[0].glyphs:
            self._cjk = True
            self.kana |= KANA[0] <= character <= KANA[1]
            return CJK
        files = self.given.find(character) if self.given else ()
        self._files |= set(files)
        return self.given.name(files[0]) if self.given and files else None

    @property
    def files(self) -> list[int]:
        """Return the numbers of the operator's fonts that are needed, in order."""
        return sorted(self._files)

    def about(self, families: Sequence[str] = ()) -> dict[str, Any]:
        """Return what the templates say of fonts: for prose, for code, for Japanese, and where lines may end anywhere; `families` are the operator's."""
        scripts: list[Family] = [{"name": one.family, "covers": f"[{one.characters}]"} for one in SCRIPTS if one.family in self._scripts]
        last = [*(f"{CJK} {one}" for one in dict.fromkeys((self.region, CHINA)) if self._cjk), *families]
        prose = [PROSE[0], *scripts, *PROSE[1:], *last]
        return {
            "prose": prose, "code": [*scripts, *CODE, *last], "japanese": [PROSE[0], f"{CJK} JP", *prose[1:]] if self.kana else [],
            "free": FREE if scripts or last else "",
        }  # fmt: skip


def region(locale: str) -> str:
    """Return whose shapes of Chinese characters a reader is used to."""
    parts = locale.split("-")
    tags = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return next((REGIONS[one] for one in tags if one in REGIONS), CHINA)


@lru_cache(maxsize=16)
def _of(file: Path) -> list[Face]:
    with file.open("rb") as opened:
        return typeface.faces(opened)
