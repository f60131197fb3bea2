"""The job kind that deletes reports whose time is over."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.reports.jobs import copies
from watchfloor.capabilities.reports.queries import ending
from watchfloor.capabilities.reports.schemas.requests import Cleaned, CleanupReports
from watchfloor.capabilities.reports.settings import ReportSettings
from watchfloor.kernel.artifacts.removal import remove, sweep
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.reports.queries.ending import Over
    from watchfloor.kernel.contract import JobContext


@job(
    "reports.cleanup_old_reports",
    CleanupReports,
    queue=Queue.REPORTS,
    soft_timeout=timedelta(seconds=270),
    timeout=timedelta(seconds=300),
    attempts=4,
)
def cleanup_old_reports(context: JobContext, request: CleanupReports) -> Cleaned:
    """Delete reports whose time is over, their files and snapshots nobody needs; held ones and the newest of each kind stay.

    A dry run does the same to the rows, and takes it back.
    """
    cleaning = _Cleaning(context, request)
    return cleaning.counted() if request.dry_run else cleaning.done()


class _TakenBack(Exception):
    """Ends a dry run's savepoint."""


class _Cleaning:
    def __init__(self, context: JobContext, request: CleanupReports) -> None:
        self.context, self.request = context, request
        self.deleted = self.freed = self.orphans = self.lost = 0

    def done(self) -> Cleaned:
        with self.context.transaction() as session:
            ending.fail_abandoned(session, self.context.org)
        self._delete()
        self._drop_snapshots()
        swept = sweep(ledger(), self.context.org, actor=self.context.actor)
        with self.context.transaction() as session:
            self.lost = ending.mark_lost(session, self.context.org, swept.lost)
        self.orphans += swept.orphans + self._drop_copies()
        return self._told()

    def counted(self) -> Cleaned:
        """Do it without the files, in a transaction that is rolled back."""
        context = self.context
        swept = sweep(ledger(), context.org, actor=context.actor, dry_run=True)
        with context.transaction() as session, suppress(_TakenBack), session.begin_nested():
            ending.fail_abandoned(session, context.org)
            while found := self._over(session):
                self._count(ending.tombstone(session, context.org, [one.id for one in found]))
            while unused := ending.list_unused_snapshots(session, context.org):
                ending.drop_snapshot_files(session, context.org, [snapshot for snapshot, _ in unused])
                self.orphans += len(unused)
            self.lost = ending.mark_lost(session, context.org, swept.lost)
            self.orphans += swept.orphans + len(self._ended_copies(session))
            told = self._told(session)
            raise _TakenBack
        return told

    def _told(self, session: Session | None = None) -> Cleaned:
        if session is None:
            with self.context.transaction() as own:
                return self._told(own)
        kept, held = ending.counts(session, self.context.org)
        return Cleaned(
            deleted_count=self.deleted, freed_bytes=self.freed, kept_count=kept, held_count=held, orphans_removed=self.orphans, lost_marked=self.lost,
            dry_run=self.request.dry_run,
        )  # fmt: skip

    def _over(self, session: Session) -> list[Over]:
        # What goes in one batch does not move the rest up: only those beyond the newest go, and these stay.
        return ending.list_over(session, self.context.org, older_than=self.request.older_than, keep_last=self.request.keep_last)

    def _count(self, gone: list[Over]) -> None:
        self.deleted, self.freed = self.deleted + len(gone), self.freed + sum(one.size_bytes or 0 for one in gone)

    def _delete(self) -> None:
        while True:
            with self.context.transaction() as session:
                gone = ending.tombstone(session, self.context.org, [one.id for one in self._over(session)])
                for one in gone:
                    delete_file(session, self.context.org, one, actor=self.context.actor, reason="its time is over")
            for one in gone:
                copies.remove(one.file_path)
            self._count(gone)
            self.context.progress(self.deleted, self.deleted, phase="delete")
            if not gone:
                return

    def _drop_snapshots(self) -> None:
        while True:
            with self.context.transaction() as session:
                unused = ending.list_unused_snapshots(session, self.context.org)
                for _snapshot, artifact in unused:
                    remove(session, self.context.org, artifact, actor=self.context.actor)
                ending.drop_snapshot_files(session, self.context.org, [snapshot for snapshot, _ in unused])
            self.orphans += len(unused)
            if len(unused) < ending.AT_ONCE:
                return

    def _drop_copies(self) -> int:
        with self.context.transaction() as session:
            ended = self._ended_copies(session)
        for path in ended:
            path.unlink(missing_ok=True)
        return len(ended)

    def _ended_copies(self, session: Session) -> list[Path]:
        """Return files that workers left which died between a file and its row: copies of reports that are no more, and drafts."""
        left = copies.leftovers(read_settings(ReportSettings, "reports"), self.context.org)
        ended = ending.ended(session, self.context.org, list(left))
        return [path for report, paths in left.items() for path in paths if report in ended or copies.is_draft(path)]


def delete_file(session: Session, org: UUID, one: Over, *, actor: str, reason: str) -> None:
    """Delete a report's stored file and write down who did it."""
    if one.artifact is not None:
        remove(session, org, one.artifact, actor=actor)
    record(session, org, actor=actor, operation="report.delete", object=str(one.id), reason=reason)
