"""REST: findings."""

# ruff: noqa: TC001, TC002, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.findings import queries, triage
from watchfloor.kernel.findings.schemas import ChangeView, FindingDetail, FindingView, RefusedTriage, Triage, TriageMany, TriageResult
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["findings"])
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


@routes.get("/findings")
def list_findings(
    caller: Caller, state: str | None = None, severity: str | None = None, capability: str | None = None, check: str | None = None,
    target: str | None = None, asset: UUID | None = None, port: Annotated[int | None, Query(ge=1, le=65_535)] = None, job: UUID | None = None,
    first_seen_after: AwareDatetime | None = None, last_seen_before: AwareDatetime | None = None, limit: Limit = LIMIT, after: str | None = None,
) -> Page[FindingView]:  # fmt: skip
    """List findings, the gravest first; `state=open`, `severity=high,critical` and the like narrow it."""
    with caller.transaction() as session:
        return queries.list_findings(
            session, caller.org, state=state, severity=severity, capability=capability, check=check, target=target, asset=asset, port=port,
            job=job, first_seen_after=first_seen_after, last_seen_before=last_seen_before, limit=limit, after=after,
        )  # fmt: skip


@routes.get("/findings/{finding}")
def get_finding(caller: Caller, finding: UUID) -> FindingDetail:
    """Show one finding with the newest changes of its state: when, from what to what, by whom, why, in which job."""
    with caller.transaction() as session:
        return queries.get_finding(session, caller.org, finding)


@routes.get("/findings/{finding}/history")
def list_finding_changes(caller: Caller, finding: UUID, limit: Limit = LIMIT, after: str | None = None) -> Page[ChangeView]:
    """List all changes of a finding's state, the newest first."""
    with caller.transaction() as session:
        return queries.list_changes(session, caller.org, finding, limit=limit, after=after)


@routes.post("/findings/{finding}/triage")
def triage_finding(caller: Caller, finding: UUID, body: Triage) -> FindingDetail:
    """Accept a finding's risk until a day, call it a false positive, or open it again."""
    with caller.transaction() as session:
        triage.triage(session, caller.org, finding, state=body.state, reason=body.reason, until=body.until, actor=caller.name)
        return queries.get_finding(session, caller.org, finding)


@routes.post("/findings/triage")
def triage_findings(caller: Caller, body: TriageMany) -> TriageResult:
    """Decide about up to 1,000 findings at once; those that could not be changed are named with the reason, the others are changed."""
    with caller.transaction() as session:
        refused = triage.triage_many(
            session, caller.org, body.ids, state=body.state, reason=body.reason, until=body.until, actor=caller.name
        )
    told = [RefusedTriage(id=one.finding, code=one.error.code, detail=str(one.error)) for one in refused]
    return TriageResult(changed=len(set(body.ids)) - len(refused), refused=told)
