"""Throw away what is kept for a while only: imported files, refused records, earlier documents, old curves."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.queries import cache
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from watchfloor.kernel.contract import JobContext

SETTLED = ("done", "refused")  # folders of the import directory whose files have been dealt with


class CleanCache(BaseModel):
    """What to throw away."""

    model_config = ConfigDict(extra="forbid")

    older_than: timedelta | None = Field(None, description="Keep what is younger; without it the setting cache_for.")
    dry_run: bool = Field(default=False, description="Count only.")


class Cleaned(BaseModel):
    """What was thrown away, or would be."""

    files: int = 0
    bytes: int = 0
    rows: int = 0


@job("advisories.clean_cache", CleanCache, queue=Queue.ADVISORIES, timeout=timedelta(minutes=15))
def clean_cache(context: JobContext, request: CleanCache) -> Cleaned:
    """Remove files that were imported, refused records and earlier documents that nobody needs any more."""
    settings = read_settings(AdvisorySettings, "advisories")
    age = settings.cache_for if request.older_than is None else request.older_than
    with context.transaction() as session, curating(session) as wire:
        before = cache.moment_before(wire, age)
        rows = cache.clean(wire, before, history=settings.raw_history, dry_run=request.dry_run)
    cleaned = Cleaned(rows=rows)
    for path in _old_files(settings.import_dir, before):
        cleaned.files += 1
        cleaned.bytes += path.stat().st_size
        if not request.dry_run:
            path.unlink()
    return cleaned


def _old_files(folder: Path | None, before: datetime) -> Iterator[Path]:
    """Yield files that were dealt with before a moment; links are left alone."""
    for name in SETTLED if folder is not None else ():
        place = folder / name if folder is not None else None
        if place is None or not place.is_dir():
            continue
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                    yield place / entry.name
