"""Wait for a job's end as people do: told when something changes, asking now and then, without losing the job on Ctrl-C."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Literal

import psycopg

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import SetupError, WatchfloorError
from watchfloor.kernel.jobs.cancel import cancel
from watchfloor.kernel.jobs.queries import get_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.jobs.schemas import JobView

LOOK_S: Final = 0.5
OUTAGE_S: Final = 60.0  # how long the database may be away before the watcher gives up; the job does not mind


class StillRunning(WatchfloorError):
    """Waiting ended before the job did; the job goes on."""

    code = "still_running"


def wait_for(
    ledger: Ledger, org: UUID, job: UUID, on_progress: Callable[[JobView], object] | None = None, *,
    timeout: timedelta | None = None, on_interrupt: Literal["cancel", "leave"] = "cancel",
) -> JobView:  # fmt: skip
    """Return a job once it has ended, however it ended.

    Args:
        ledger: Where the job is.
        org: Whose job it is.
        job: Its id.
        on_progress: Called with the job at every look, at least twice a second.
        timeout: How long to wait; without, for ever.
        on_interrupt: What Ctrl-C does to the job before KeyboardInterrupt goes on.

    Raises:
        StillRunning: Time ran out; the job goes on.
        NotFound: There is no such job.
    """
    deadline = None if timeout is None else monotonic() + timeout.total_seconds()
    try:
        return _wait(ledger, org, job, on_progress, deadline)
    except KeyboardInterrupt:
        if on_interrupt == "cancel":
            cancel(ledger, org, [job], actor="cli")
        raise


def anybody_works(ledger: Ledger) -> bool:
    """Tell whether a living worker exists."""
    row: Any = ledger.database.wire("wf_engine").execute(
        "select exists (select 1 from worker_session where lost_at is null and not stopping and expires_at > wf_now())"
    ).fetchone()  # fmt: skip
    return bool(row[0])


def _wait(ledger: Ledger, org: UUID, job: UUID, on_progress: Callable[[JobView], object] | None, deadline: float | None) -> JobView:
    ear = Ear(ledger, f"{org}:{job}")
    try:
        while True:
            ear.open()  # before the look, so that no end falls between look and wait
            view = _look(ledger, org, job)
            if view is not None:
                if on_progress:
                    on_progress(view)
                if view.finished_at is not None:
                    return view
            left = LOOK_S if deadline is None else min(LOOK_S, deadline - monotonic())
            if left <= 0:
                message = f"job {job} has not ended in the time given; it goes on. `watchfloor jobs watch {job}` waits for it"
                raise StillRunning(message)
            ear.wait(left)
    finally:
        ear.close()


_outage_since: dict[int, float] = {}


def _look(ledger: Ledger, org: UUID, job: UUID) -> JobView | None:
    """Return the job, or None while the database is away for a short time."""
    try:
        with ledger.database.transaction(org) as session:
            view = get_job(session, org, job)
    except SetupError:
        since = _outage_since.setdefault(id(ledger), monotonic())
        if monotonic() - since > OUTAGE_S:
            raise
        return None
    _outage_since.pop(id(ledger), None)
    return view


class Ear:
    """Hears that a job may have changed; deaf when the database is away, which only makes waiting slower."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        """Listen for one name on the progress channel."""
        self._ledger = ledger
        self._name = name
        self._line: psycopg.Connection[Any] | None = None

    def open(self) -> None:
        """Listen, if not yet."""
        if self._line is None or self._line.closed:
            with contextlib.suppress(SetupError, psycopg.Error):
                self._line = self._ledger.database.connect("wf_app")
                self._line.execute("listen wf_progress")

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or sooner when the job was named."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            if self._line is None or self._line.closed:
                _pause(left)
                return
            try:
                if any(note.payload == self._name for note in self._line.notifies(timeout=left, stop_after=1)):
                    return
            except psycopg.Error:
                self.close()

    def close(self) -> None:
        """Stop listening."""
        if self._line is not None:
            with contextlib.suppress(psycopg.Error):
                self._line.close()
        self._line = None


def _pause(seconds: float) -> None:
    import threading  # noqa: PLC0415 - only an outage needs it

    threading.Event().wait(seconds)
