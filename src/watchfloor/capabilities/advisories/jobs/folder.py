"""The import directory: where files to import are looked for."""

from __future__ import annotations

import os
import shutil
import stat
from typing import IO, TYPE_CHECKING, Annotated

from pydantic import StringConstraints

from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.settings import KernelSettings, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.capabilities.advisories.settings import AdvisorySettings

RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^/\x00][^\x00]*$")]


def import_folder(settings: AdvisorySettings) -> Path:
    """Return where files to import are looked for."""
    return settings.import_dir or read_settings(KernelSettings, "").data_dir / "import"


def discard(path: Path) -> None:
    """Remove a file or folder that was put there for one job alone."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def opened(path: Path) -> IO[bytes]:
    """Open a regular file; a link or pipe that took its place since is refused."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise GiveUp(f"{path.name} is not a regular file")
    return os.fdopen(descriptor, "rb")
