"""Read findings: the gravest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.findings.models import Finding
from watchfloor.kernel.findings.schemas import FindingView

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

STATES = ("open", "closed", "accepted")


def list_findings(
    session: Session, org: UUID, *, state: str | None = None, severity: str | None = None, capability: str | None = None,
    target: str | None = None, asset: UUID | None = None, job: UUID | None = None, limit: int = LIMIT, after: str | None = None,
) -> Page[FindingView]:  # fmt: skip
    """List findings, gravest first and newest first within one severity; `job` is the one that saw them last."""
    query = matching(
        select(Finding).where(Finding.org == org),
        {
            Finding.state: words("state", state, STATES),
            Finding.severity: words("severity", severity, Severity),
            Finding.capability: words("capability", capability),
            Finding.target: words("target", target),
        },
    )
    for column, value in ((Finding.asset, asset), (Finding.job, job)):
        if value is not None:
            query = query.where(column == value)
    return page(session, query, [Finding.severity_rank, Finding.id], shape=_view, limit=limit, after=after)


def get_finding(session: Session, org: UUID, finding: UUID) -> FindingView:
    """Return one finding; raises NotFound."""
    row = session.execute(select(Finding).where(Finding.org == org, Finding.id == finding)).first()
    if row is None:
        message = f"there is no finding {finding}"
        raise NotFound(message)
    return _view(row)


def _view(row: Row[Any]) -> FindingView:
    return FindingView(**{name: getattr(row[0], name) for name in FindingView.model_fields})
