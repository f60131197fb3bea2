"""Reports as people list, show and download them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.capabilities.reports.models import Report
from watchfloor.capabilities.reports.queries import ending
from watchfloor.capabilities.reports.schemas.views import ReportView
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

STATES = ("pending", "rendering", "ready", "failed", "lost", "deleted")
WORKING = ("pending", "rendering")


def list_reports(
    session: Session, org: UUID, *, scan: UUID | None = None, format_: str | None = None, state: str | None = None, limit: int = LIMIT,
    after: str | None = None,
) -> Page[ReportView]:  # fmt: skip
    """List reports, newest first; deleted ones only when `state` asks for them.

    Those whose job ended before they were ready are found out here, and fail.
    """
    states = words("state", state, STATES) or [one for one in STATES if one != "deleted"]
    query = matching(select(Report).where(Report.org == org), {Report.state: states, Report.format: words("format", format_, Format)})
    if scan is not None:
        query = query.where(Report.scan == scan)
    found = page(session, query, [Report.id], shape=_view, limit=limit, after=after)
    working = [one.id for one in found.items if one.state in WORKING]
    if working and ending.fail_abandoned(session, org, working):
        session.expire_all()
        return page(session, query, [Report.id], shape=_view, limit=limit, after=after)
    return found


def find_report(session: Session, org: UUID, report: UUID) -> Report | None:
    """Return a report's row, or None."""
    return session.scalar(select(Report).where(Report.org == org, Report.id == report))


def find_by_hash(session: Session, org: UUID, sha256: bytes) -> Report | None:
    """Return the newest report whose file has this SHA-256, deleted ones included, or None."""
    return session.scalar(select(Report).where(Report.org == org, Report.sha256 == sha256).order_by(Report.id.desc()).limit(1))


def get_report(session: Session, org: UUID, report: UUID) -> ReportView:
    """Return one report; raises NotFound."""
    found = find_report(session, org, report)
    if found is not None and found.state in WORKING and ending.fail_abandoned(session, org, [report]):
        session.refresh(found)
    if found is None:
        message = f"there is no report {report}; `watchfloor reports list` shows those there are"
        raise NotFound(message)
    return view(found)


def view(report: Report) -> ReportView:
    """Return a report as people read it."""
    named = {name: getattr(report, name) for name in ReportView.model_fields if name not in {"sha256", "audience", "locale", "full"}}
    options: dict[str, Any] = report.options
    return ReportView(
        **named,
        sha256=report.sha256.hex() if report.sha256 else None,
        audience=options["audience"],
        locale=options["locale"],
        full=options["full"],
    )


def _view(row: Row[Any]) -> ReportView:
    return view(row[0])
