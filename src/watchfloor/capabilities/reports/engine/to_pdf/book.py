"""What typst is given to set a document with: the fonts of the program, and those of the operator's that its texts need."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typst

from watchfloor.capabilities.reports.engine.to_pdf.fonts import FOLDERS
from watchfloor.capabilities.reports.engine.to_pdf.typeface import refused

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.to_pdf.fonts import Fonts

# Read when the module is: once for all boxes, which are forked later. Only what they say of themselves; the letters of one are read when it is used.
BUNDLED: Final = typst.Fonts(include_system_fonts=False, font_paths=FOLDERS)


def book(fonts: Fonts) -> tuple[typst.Fonts, list[str]]:
    """Return the fonts that a document needs, and the names that typst knows the operator's among them by.

    Of a collection, the reader's own shapes of Chinese characters come first, and fonts of fixed width last.

    Raises:
        GiveUp: typst cannot read one of the operator's.
    """
    if fonts.given is None or not fonts.files:
        return BUNDLED, []
    folders = {fonts.given.folder(number): number for number in fonts.files}
    made = _with(tuple(folders))
    families: dict[str, tuple[str, ...]] = dict.fromkeys(folders, ())
    for one in made.fonts():
        if one.path and (folder := str(Path(one.path).parent)) in families:
            families[folder] = (*families[folder], one.family)
    for folder, names in families.items():
        if not names:
            raise refused(fonts.given.name(folders[folder]), "typst cannot read it")
    ordered = [
        one for names in families.values() for one in sorted(names, key=lambda one: ("Mono" in one, not one.endswith(f" {fonts.region}")))
    ]
    return made, list(dict.fromkeys(ordered))


@lru_cache(maxsize=4)
def _with(folders: tuple[str, ...]) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=[*FOLDERS, *folders])
