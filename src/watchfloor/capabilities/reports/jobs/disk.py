"""Room on the disks that reports need: asked for before work begins; where it is short, the report waits and somebody is told."""

from __future__ import annotations

import errno
import shutil
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.queries import shortage
from watchfloor.capabilities.reports.schemas.events import ReportsShortOfRoom
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import Retry
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.kernel.contract import JobContext

WAIT: Final = timedelta(minutes=5)
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
TIMES: Final = 2  # what is needed for certain, and as much again for whatever else writes there meanwhile
ROW_BYTES: Final = 2048  # of a finding in a snapshot; those of most scans have less than half of it


class NoRoom(Retry):
    """A disk is full, or would be before the report is written."""

    def __init__(self, reason: str, *, needed_bytes: int | None = None, free_bytes: int | None = None) -> None:
        """Wait five minutes; the sizes are None where the disk said itself that it is full."""
        super().__init__(f"{reason}; make some, the report is tried again", WAIT)
        self.needed_bytes, self.free_bytes = needed_bytes, free_bytes


@contextmanager
def room(context: JobContext) -> Iterator[None]:
    """Try again in five minutes where a disk is full, and tell it once an hour.

    Raises:
        NoRoom: After the event is committed.
    """
    try:
        yield
    except NoRoom as error:
        _tell(context, error)
        raise
    except OSError as error:
        if error.errno not in FULL:
            raise
        full = NoRoom(f"no room is left on the disk ({error.filename or 'temporary files'})")
        _tell(context, full)
        raise full from error


def ask_for(estimate_bytes: int, *places: Path | None) -> None:
    """Refuse work for which there is less than twice the estimate left among temporary files, or where else it writes.

    Raises:
        NoRoom: Says where, how much is left and how much is needed.
    """
    needed = TIMES * estimate_bytes
    for place in (Path(tempfile.gettempdir()), *places):
        if place is not None and (free := shutil.disk_usage(_there(place)).free) < needed:
            reason = f"the disk that holds {place} has {_mebibytes(free)} MiB of room left and {_mebibytes(needed)} MiB are needed"
            raise NoRoom(reason, needed_bytes=needed, free_bytes=free)


def of_files(snapshot_bytes: int, formats: Iterable[Format]) -> int:
    """Estimate what a plain snapshot and files of these formats take; none of them says more than the snapshot, and a bundle holds all."""
    return snapshot_bytes * (1 + sum(len(Format) if one is Format.BUNDLE else 1 for one in formats))


def _there(place: Path) -> Path:
    """Return the nearest folder that is there: copies make theirs when the first is written."""
    return next(one for one in (place, *place.absolute().parents) if one.is_dir())


def _mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.0f}"


def _tell(context: JobContext, error: NoRoom) -> None:
    told = ReportsShortOfRoom(reason=error.reason, needed_bytes=error.needed_bytes, free_bytes=error.free_bytes)
    with context.transaction() as session:
        if shortage.is_news(session, context.org):
            emit(session, context.org, shortage.EVENT, severity=Severity.HIGH, data=told.model_dump(mode="json"), job=context.job_id)
