"""The operator's fonts for PDFs: which files there are, and the hash that makes a report with other fonts another report."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.spool import canonical
from watchfloor.capabilities.reports.engine.to_pdf import typeface
from watchfloor.kernel.errors import GiveUp, Retry

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from watchfloor.capabilities.reports.settings import ReportSettings

NAME: Final = "WATCHFLOOR_REPORTS_FONT_DIR"
MOST: Final = 100  # a box is given at most 128 files
MOST_BYTES: Final = 256 << 20
BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class FontFile:
    """One file, as it was when it was read."""

    path: Path
    sha256: str
    size: int
    changed_ns: int

    def opened(self) -> IO[bytes]:
        """Return the file that was read.

        Raises:
            Retry: It is another one by now.
        """
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise Retry(f"the font {self.path.name} in {NAME} cannot be read any more: {error.strerror}") from error
        found = os.fstat(file.fileno())
        if (found.st_size, found.st_mtime_ns) != (self.size, self.changed_ns):
            file.close()
            raise Retry(f"the font {self.path.name} in {NAME} has just been changed")
        return file


@dataclass(frozen=True)
class OperatorFonts:
    """All of them in the order of their names. `digest` is their hash; where they cannot be used, `refusal` says why, and no PDF is made."""

    files: tuple[FontFile, ...] = ()
    digest: str = ""
    refusal: str = ""

    def opened(self, stack: ExitStack) -> dict[str, IO[bytes]]:
        """Return the files by their names, open until the stack closes.

        Raises:
            GiveUp: They cannot be used.
            Retry: One is another by now.
        """
        if self.refusal:
            raise GiveUp(self.refusal)
        return {one.path.name: stack.enter_context(one.opened()) for one in self.files}


def operator_fonts(settings: ReportSettings) -> OperatorFonts:
    """Return the fonts in the folder that the settings name; each is read once, and again when it was changed."""
    if settings.font_dir is None:
        return OperatorFonts()
    try:
        files = _read(settings.font_dir)
    except GiveUp as error:
        return OperatorFonts(digest=hashlib.sha256(error.reason.encode()).hexdigest(), refusal=error.reason)
    told = [[one.path.name, one.sha256] for one in files]
    return OperatorFonts(files, hashlib.sha256(canonical(told)).hexdigest())


def _read(folder: Path) -> tuple[FontFile, ...]:
    try:
        found = sorted(one for one in folder.iterdir() if one.suffix.lower() in typeface.SUFFIXES and one.is_file())
        if not found:
            raise GiveUp(
                f"{NAME} names {folder}, which holds no font ({', '.join(typeface.SUFFIXES)}); put some there or take the setting away"
            )
        if len(found) > MOST or sum(one.stat().st_size for one in found) > MOST_BYTES:
            size = sum(one.stat().st_size for one in found) >> 20
            raise GiveUp(
                f"{NAME} names {folder} with {len(found)} fonts of {size} MB; at most {MOST} of {MOST_BYTES >> 20} MB are used: name a folder with those that your reports need"
            )
        return tuple(_file(one) for one in found)
    except OSError as error:
        raise GiveUp(
            f"{NAME} names {folder}, which cannot be read: {error.strerror}; name a folder with fonts that the worker may read"
        ) from error


def _file(path: Path) -> FontFile:
    found = path.stat()
    return FontFile(path, _known(path, found.st_ino, found.st_size, found.st_mtime_ns), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _known(path: Path, _number: int, _size: int, _changed_ns: int) -> str:
    """Return the hash of a font that can be used; that it is the same file as before is known by the other three."""
    with path.open("rb") as file:
        try:
            for face in typeface.faces(file):
                len(face.glyphs.firsts)
        except typeface.BrokenFont as error:
            raise typeface.refused(path.name, error) from error
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
