"""The job kinds that write reports."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.jobs.making import Making
from watchfloor.capabilities.reports.jobs.wishes import USUAL
from watchfloor.capabilities.reports.queries import snapshots
from watchfloor.capabilities.reports.schemas.requests import (
    ExportScan,
    FormatMade,
    GenerateReport,
    GenerateReports,
    ReportMade,
    ReportsMade,
    ScanExported,
    WeeklyReport,
)
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.sections import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.reports.queries.making import Row
    from watchfloor.capabilities.reports.schemas.requests import Wish
    from watchfloor.kernel.contract import JobContext

LIMITS: Final[dict[str, Any]] = {
    "queue": Queue.REPORTS, "soft_timeout": timedelta(seconds=270), "timeout": timedelta(seconds=300), "attempts": 4, "first_delay": timedelta(seconds=2),
    "keep_result": timedelta(days=7), "unit": "parts",
}  # fmt: skip


@job("reports.generate_report", GenerateReport, **LIMITS)
def generate_report(context: JobContext, request: GenerateReport) -> ReportMade:
    """Write a report in one format; the same data, wish and format give the report that is there."""
    making = Making(context, request.scope_of(request.scan_id), request, [request.format])
    row = _ready(making.make()[0])
    return ReportMade(
        report_id=row.id, scan_id=row.scan, artifact_id=row.artifact, format=Format(row.format), file_path=path_of(row), file_size=row.size_bytes or 0,
        sha256=(row.sha256 or b"").hex(), pages=row.pages, generated_at=making.as_of, status=row.state, reused=row.id in making.reused,
    )  # fmt: skip


@job("reports.generate_multiple_reports", GenerateReports, **LIMITS)
def generate_multiple_reports(context: JobContext, request: GenerateReports) -> ReportsMade:
    """Write reports of one snapshot in several formats; fails only when none could be written."""
    return _several(context, request.scope_of(request.scan_id), request)


@job("reports.weekly_vulnerability_report", WeeklyReport, **LIMITS)
def weekly_vulnerability_report(context: JobContext, request: WeeklyReport) -> ReportsMade:
    """Write a report about the seven days before today, in UTC."""
    with context.transaction() as session:
        until = snapshots.as_of(session).replace(hour=0, minute=0, second=0)
    scope = Scope(kind="organisation", since=until - timedelta(days=7), until=until)
    return _several(context, scope, request, (Format.PDF, Format.HTML))


@job("reports.export_scan_to_csv", ExportScan, **LIMITS)
def export_scan_to_csv(context: JobContext, request: ExportScan) -> ScanExported:
    """Write a scan's findings as CSV."""
    made = Making(
        context, Scope(kind="scan", scan=request.scan_id), GenerateReport(scan_id=request.scan_id, format=Format.CSV), [Format.CSV]
    ).make()
    row = _ready(made[0])
    return ScanExported(
        scan_id=request.scan_id, report_id=row.id, file_path=path_of(row), format=Format.CSV, rows=row.rows_total or 0,
        sha256=(row.sha256 or b"").hex(), status=row.state,
    )  # fmt: skip


def _several(context: JobContext, scope: Scope, wish: Wish, usual: Sequence[Format] = USUAL) -> ReportsMade:
    making = Making(context, scope, wish, usual=usual)
    rows = making.make()
    ready = sum(row.state == "ready" for row in rows)
    if not ready:
        _ready(rows[0])
    return ReportsMade(
        scan_id=scope.scan, snapshot_id=making.taken.stored.id, reports=[_made(row) for row in rows], total_generated=ready,
        total_failed=len(rows) - ready,
    )  # fmt: skip


def _made(row: Row) -> FormatMade:
    ready = row.state == "ready"
    return FormatMade(
        report_id=row.id, format=Format(row.format), file_path=path_of(row) if ready else None, file_size=row.size_bytes if ready else None,
        sha256=row.sha256.hex() if ready and row.sha256 else None, status=row.state, error=row.error,
    )  # fmt: skip


def _ready(row: Row) -> Row:
    if row.state != "ready":
        raise GiveUp(f"the {row.format} report could not be rendered: {row.error or row.state}")
    return row


def path_of(row: Row) -> str:
    """Return where a report's plain copy is, or the name of its stored file."""
    return row.file_path or f"artifact:{row.artifact}"
