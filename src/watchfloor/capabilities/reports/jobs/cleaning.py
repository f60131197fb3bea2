"""The job kind that deletes reports whose time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.reports.jobs import copies
from watchfloor.capabilities.reports.queries import ending
from watchfloor.capabilities.reports.schemas.requests import Cleaned, CleanupReports
from watchfloor.kernel.artifacts.removal import remove, sweep
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    """Delete reports whose time is over, their files and snapshots nobody needs; held ones and the newest of each kind stay."""
    cleaning = _Cleaning(context, request)
    deleted, freed = cleaning.delete()
    orphans = cleaning.drop_snapshots()
    swept, lost = cleaning.sweep()
    orphans += swept
    with context.transaction() as session:
        all_, held = ending.counts(session, context.org)
    kept = all_ - deleted if request.dry_run else all_
    return Cleaned(
        deleted_count=deleted,
        freed_bytes=freed,
        kept_count=kept,
        held_count=held,
        orphans_removed=orphans,
        lost_marked=lost,
        dry_run=request.dry_run,
    )


class _Cleaning:
    def __init__(self, context: JobContext, request: CleanupReports) -> None:
        self.context, self.request = context, request

    def delete(self) -> tuple[int, int]:
        deleted = freed = 0
        for batch in self._batches():
            gone = batch if self.request.dry_run else self._gone(batch)
            deleted, freed = deleted + len(gone), freed + sum(one.size_bytes or 0 for one in gone)
            self.context.progress(deleted, deleted, phase="delete")
        return deleted, freed

    def drop_snapshots(self) -> int:
        if self.request.dry_run:
            return 0
        dropped = 0
        while True:
            with self.context.transaction() as session:
                unused = ending.list_unused_snapshots(session, self.context.org)
                for _snapshot, artifact in unused:
                    remove(session, self.context.org, artifact, actor=self.context.actor)
                ending.drop_snapshot_files(session, self.context.org, [snapshot for snapshot, _ in unused])
            dropped += len(unused)
            if len(unused) < ending.AT_ONCE:
                return dropped

    def sweep(self) -> tuple[int, int]:
        """Delete bytes nobody refers to, and mark reports whose bytes are gone; return how many of each."""
        if self.request.dry_run:
            return 0, 0
        swept = sweep(ledger(), self.context.org, actor=self.context.actor)
        with self.context.transaction() as session:
            return swept.orphans, ending.mark_lost(session, self.context.org, swept.lost)

    def _batches(self) -> Iterator[list[Over]]:
        after: UUID | None = None
        # Ranks are those of the beginning: what goes in one batch does not move the rest up, because only ended ones are numbered away.
        while True:
            with self.context.transaction() as session:
                found = ending.list_over(
                    session, self.context.org, older_than=self.request.older_than, keep_last=self.request.keep_last, after=after
                )
            if found:
                yield found
            if len(found) < ending.AT_ONCE:
                return
            after = found[-1].id

    def _gone(self, batch: list[Over]) -> list[Over]:
        with self.context.transaction() as session:
            gone = ending.tombstone(session, self.context.org, [one.id for one in batch])
            for one in gone:
                delete_file(session, self.context.org, one, actor=self.context.actor, reason="its time is over")
        for one in gone:
            copies.remove(one.file_path)
        return gone


def delete_file(session: Session, org: UUID, one: Over, *, actor: str, reason: str) -> None:
    """Delete a report's stored file and write down who did it."""
    if one.artifact is not None:
        remove(session, org, one.artifact, actor=actor)
    record(session, org, actor=actor, operation="report.delete", object=str(one.id), reason=reason)
