"""REST: findings."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.findings import ledger, queries
from watchfloor.kernel.findings.schemas import FindingView, Triage
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter()


@routes.get("/findings", tags=["findings"])
def list_findings(
    caller: Caller, state: str | None = None, severity: str | None = None, capability: str | None = None, target: str | None = None,
    asset: UUID | None = None, job: UUID | None = None, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None,
) -> Page[FindingView]:  # fmt: skip
    """List findings, the gravest first; `state=open`, `severity=high,critical` and the like narrow it."""
    with caller.transaction() as session:
        return queries.list_findings(
            session, caller.org, state=state, severity=severity, capability=capability, target=target, asset=asset, job=job,
            limit=limit, after=after,
        )  # fmt: skip


@routes.get("/findings/{finding}", tags=["findings"])
def get_finding(caller: Caller, finding: UUID) -> FindingView:
    """Show one finding."""
    with caller.transaction() as session:
        return queries.get_finding(session, caller.org, finding)


@routes.post("/findings/{finding}/triage", tags=["findings"])
def triage_finding(caller: Caller, finding: UUID, body: Triage) -> FindingView:
    """Accept a finding's risk with a reason, or open it again."""
    with caller.transaction() as session:
        ledger.triage(session, caller.org, finding, state=body.state, note=body.note, actor=caller.name)
        return queries.get_finding(session, caller.org, finding)
