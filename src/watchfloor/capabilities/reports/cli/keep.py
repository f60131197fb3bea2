"""`wf reports hold`, `release`, `delete` and `cleanup`: how long reports are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.reports.cli.known import ReportId  # noqa: TC001 - typer reads the annotation
from watchfloor.capabilities.reports.cli.work import id_of, run
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound
from watchfloor.kernel.terminal import Json, desk, print_json, print_text

DAYS_MAX = 36_500

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


def hold(context: typer.Context, report: ReportId, *, reason: Annotated[str, typer.Option(help="Why it must not be deleted.")]) -> None:
    """Keep a report until somebody releases it."""
    reason = _reason(reason)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.reports.queries import ending  # noqa: PLC0415 - loads the database's libraries

        one = id_of(report, "report", "reports")
        if not ending.hold(session, floor.org, one, reason=reason, actor="cli"):
            raise NotFound(f"There is no report {one} that is ready; `watchfloor reports list` shows those there are.")
        _audit(session, floor.org, one, "report.hold", reason)
    print_text(f"{one} is kept until it is released.")


def _reason(text: str) -> str:
    from pydantic import ValidationError  # noqa: PLC0415 - loads a library that help does without

    from watchfloor.capabilities.reports.schemas.manage import Hold  # noqa: PLC0415 - see above

    try:
        return Hold(reason=text).reason
    except ValidationError as error:
        raise InvalidInput("A hold needs a reason: 1 to 2,000 characters that tell who reads it later why.", field="/reason") from error


def release(context: typer.Context, report: ReportId) -> None:
    """Release a held report; it is kept as an audit report from then on."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.reports.queries import ending  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.reports.settings import ReportSettings  # noqa: PLC0415 - see above
        from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

        one = id_of(report, "report", "reports")
        if not ending.release(session, floor.org, one, keep=read_settings(ReportSettings, "reports").keep_audit):
            raise Conflict(f"Report {one} is not held.")
        _audit(session, floor.org, one, "report.release", "")
    print_text(f"{one} is released.")


def delete(context: typer.Context, report: ReportId) -> None:
    """Delete a report's file; its hash stays on record."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.reports.jobs import copies  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.reports.jobs.cleaning import delete_file  # noqa: PLC0415 - see above
        from watchfloor.capabilities.reports.queries import ending, reports  # noqa: PLC0415 - see above

        one = id_of(report, "report", "reports")
        with floor.ledger.database.transaction(floor.org) as session:
            view = reports.get_report(session, floor.org, one)
            gone = ending.tombstone(session, floor.org, [one])
            if not gone:
                raise Conflict(f"This report is {'held' if view.retention == 'hold' else view.state}.")
            delete_file(session, floor.org, gone[0], actor="cli", reason="deleted by hand")
        copies.remove(gone[0].file_path)
    print_text(f"{one} is deleted.")


def cleanup(
    context: typer.Context, *, days: Annotated[int | None, typer.Option(min=1, max=DAYS_MAX, help="Temporary and standard reports older than this go now.")] = None,
    keep_last: Annotated[int, typer.Option(min=0, max=1000, help="The newest of each scope, preset and format that stay.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and delete nothing.")] = False, json: Json = False,
) -> None:  # fmt: skip
    """Delete reports whose time is over; held ones stay."""
    from watchfloor.capabilities.reports.jobs import cleanup_old_reports  # noqa: PLC0415 - heavy imports wait until the floor starts
    from watchfloor.capabilities.reports.schemas.requests import CleanupReports  # noqa: PLC0415 - see above

    request = CleanupReports.model_validate({"days": days, "keep_last": keep_last, "dry_run": dry_run})
    with desk(context).floor(work=True) as floor:
        _job, result = run(floor, cleanup_old_reports, request, failed="Nothing was cleaned up")
    said = "would be deleted" if dry_run else "deleted"
    print_json(result) if json else print_text(
        f"{result['deleted_count']} {said} ({result['freed_bytes']:,} bytes), {result['kept_count']} kept, {result['held_count']} of them held."
    )


def _audit(session: Session, org: UUID, report: UUID, operation: str, reason: str) -> None:
    from watchfloor.kernel.audit.record import record  # noqa: PLC0415 - loads the database's libraries

    record(session, org, actor="cli", operation=operation, object=str(report), reason=reason or None)
