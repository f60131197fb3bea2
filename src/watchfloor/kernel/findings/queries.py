"""Read findings, the gravest first, and how their states came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.findings.models import Finding, FindingChange
from watchfloor.kernel.findings.schemas import ChangeView, FindingDetail, FindingView

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

STATES = ("open", "fixed", "accepted", "false_positive")
SHOWN = 100
ACTIVE = ("open", "accepted")


def list_findings(
    session: Session, org: UUID, *, state: str | None = None, severity: str | None = None, capability: str | None = None,
    check: str | None = None, target: str | None = None, asset: UUID | None = None, port: int | None = None, job: UUID | None = None,
    first_seen_after: datetime | None = None, last_seen_before: datetime | None = None, limit: int = LIMIT, after: str | None = None,
) -> Page[FindingView]:  # fmt: skip
    """List findings, gravest first and newest first within one severity; `job` is the one that saw them last."""
    states = words("state", state, STATES)
    query = matching(
        select(Finding).where(Finding.org == org),
        {
            Finding.state: states,
            Finding.severity: words("severity", severity, Severity),
            Finding.capability: words("capability", capability),
            Finding.check: words("check", check),
            Finding.target: words("target", target),
        },
    )
    if states and set(states) <= set(ACTIVE):
        query = query.where(Finding.written_state.in_(ACTIVE))  # says no more than the line above, in the words of the index
    for column, value in ((Finding.asset, asset), (Finding.port, port), (Finding.job, job)):
        if value is not None:
            query = query.where(column == value)
    if first_seen_after is not None:
        query = query.where(Finding.first_seen > first_seen_after)
    if last_seen_before is not None:
        query = query.where(Finding.last_seen < last_seen_before)
    return page(session, query, [Finding.severity_rank, Finding.id], shape=_view, limit=limit, after=after)


def get_finding(session: Session, org: UUID, finding: UUID) -> FindingDetail:
    """Return one finding with its history; raises NotFound."""
    row = session.execute(select(Finding).where(Finding.org == org, Finding.id == finding)).first()
    if row is None:
        message = f"there is no finding {finding}; `watchfloor findings list` shows those there are"
        raise NotFound(message)
    history = list_changes(session, org, finding, limit=SHOWN).items
    return FindingDetail(**_view(row).model_dump(), history=history)


def list_changes(session: Session, org: UUID, finding: UUID, *, limit: int = LIMIT, after: str | None = None) -> Page[ChangeView]:
    """List a finding's changes of state, newest first; raises NotFound."""
    if session.execute(select(Finding.id).where(Finding.org == org, Finding.id == finding)).first() is None:
        message = f"there is no finding {finding}; `watchfloor findings list` shows those there are"
        raise NotFound(message)
    query = select(FindingChange).where(FindingChange.org == org, FindingChange.finding == finding)
    return page(session, query, [FindingChange.at, FindingChange.id], shape=_change, limit=limit, after=after)


def _view(row: Row[Any]) -> FindingView:
    return FindingView(**{name: getattr(row[0], name) for name in FindingView.model_fields})


def _change(row: Row[Any]) -> ChangeView:
    return ChangeView(**{name: getattr(row[0], name) for name in ChangeView.model_fields})
