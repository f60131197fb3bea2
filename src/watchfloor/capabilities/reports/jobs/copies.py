"""Plain copies of reports in a folder, for people and programs on this machine: readable by one user, whole or not there."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from uuid import UUID

from watchfloor.capabilities.reports.jobs import disk
from watchfloor.kernel import clock
from watchfloor.kernel.errors import Retry
from watchfloor.kernel.settings import Profile, kernel_settings

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.schemas.words import Format
    from watchfloor.capabilities.reports.settings import ReportSettings
    from watchfloor.kernel.sections import Scope

LOG: Final = logging.getLogger(__name__)
BLOCK: Final = 1 << 20
# As `file_name` and `write` name them; whatever else lies there is none of ours.
NAMED: Final = re.compile(r"\.?[a-z0-9-]+-(?P<report>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[a-z.]+(?:\.\d+)?")
LEFT_AFTER: Final = timedelta(hours=24)  # longer than any writer takes from its copy to its commit


def folder(settings: ReportSettings, org: UUID) -> Path | None:
    """Return where an organisation's copies go, or None where none are written."""
    if settings.export_dir is not None:
        return settings.export_dir.absolute() / str(org)
    kernel = kernel_settings()
    return kernel.data_dir.absolute() / "reports" / str(org) if kernel.profile is Profile.EMBEDDED and kernel.database_url is None else None


def file_name(scope: Scope, report: UUID, format_: Format) -> str:
    """Return a report's file name: what it is about, then its id."""
    filtered = "-filtered" if scope.filters else ""  # a table of CSV has no other place to say so
    return f"{scope.scan or scope.kind}{filtered}-{report}.{format_.suffix}"


def write(settings: ReportSettings, org: UUID, name: str, content: IO[bytes]) -> Path | None:
    """Write a copy and return its path; None where no folder is set.

    Raises:
        Retry: The disk is full, or the folder cannot be written; nothing is left behind.
    """
    place = folder(settings, org)
    if place is None:
        return None
    path, draft = place / name, place / f".{name}.{os.getpid()}"
    content.seek(0)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            shutil.copyfileobj(content, file, BLOCK)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        if error.errno in disk.FULL:
            raise disk.NoRoom(f"no room is left on the disk ({place})") from error
        message = f"a copy of the report cannot be written to {place}: {error.strerror}; mend it or set WATCHFLOOR_REPORTS_EXPORT_DIR"
        raise Retry(message, disk.WAIT) from error
    return path


def remove(path: str | None) -> None:
    """Remove a copy; one that is gone already is fine, and one that this process may not remove is left to the worker's next clean-up."""
    if path:
        try:
            Path(path).unlink(missing_ok=True)
        except OSError as error:
            LOG.warning("the copy %s of a deleted report stays until the next clean-up: %s", path, error.strerror)


def leftovers(settings: ReportSettings, org: UUID) -> dict[UUID, list[Path]]:
    """Return copies and drafts of copies that have lain in the folder for a day, by report."""
    place, found = folder(settings, org), dict[UUID, list[Path]]()
    if place is None or not place.is_dir():
        return found
    for path in sorted(place.iterdir()):
        named = NAMED.fullmatch(path.name)
        if named and clock.now() - datetime.fromtimestamp(path.stat(follow_symlinks=False).st_mtime, UTC) > LEFT_AFTER:
            found.setdefault(UUID(named["report"]), []).append(path)
    return found


def is_draft(path: Path) -> bool:
    """Tell whether a file is a copy that was never finished."""
    return path.name.startswith(".")
