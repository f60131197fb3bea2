"""Throw away what is kept for a while only: copies for imports, refused records, earlier documents, old curves."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.jobs.folder import discard, import_folder
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

OURS = re.compile(r"(sync|bundle)-[0-9a-f]{8}-[0-9a-f-]{27}")  # as the command line names its copies


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
    """Remove copies of files whose import never ended, refused records and earlier documents that nobody needs any more."""
    settings = read_settings(AdvisorySettings, "advisories")
    age = settings.cache_for if request.older_than is None else request.older_than
    with context.transaction() as session, curating(session) as wire:
        before = cache.moment_before(wire, age)
        rows = cache.clean(wire, before, history=settings.raw_history, dry_run=request.dry_run)
    cleaned = Cleaned(rows=rows)
    for place in _left_behind(import_folder(settings), before):
        held = [one for one in (place, *place.rglob("*")) if one.is_file() and not one.is_symlink()]
        cleaned.files += len(held)
        cleaned.bytes += sum(one.stat().st_size for one in held)
        if not request.dry_run:
            discard(place)
    return cleaned


def _left_behind(folder: Path, before: datetime) -> Iterator[Path]:
    """Yield copies that commands made for imports which never ended; what an operator put there stays."""
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if OURS.fullmatch(place.name) and not place.is_symlink() and place.stat().st_mtime < before.timestamp():
            yield place
