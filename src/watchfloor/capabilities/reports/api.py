"""REST: reports. Their files are artifacts: GET /api/v1/artifacts lists and downloads them."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from watchfloor.capabilities.reports.jobs import GenerateReport, generate_report
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

routes = APIRouter(tags=["reports"])


class ReportAccepted(BaseModel):
    """The job that writes the report; its result names the files."""

    job: UUID


@routes.post("", status_code=202, response_model=ReportAccepted)
def create_report(caller: Caller, body: GenerateReport, idempotency_key: IdempotencyKey = None) -> Response:
    """Request a report about a scan. The job's result (GET /api/v1/jobs/{job}/result) has the ids of the files."""

    def act(session: Session) -> ReportAccepted:
        return ReportAccepted(job=enqueue(caller.ledger, session, caller.org, generate_report, body, Options(actor=caller.name)).id)

    answer = caller.once(idempotency_key, body, act, after=lambda: caller.ledger.doorbell.ring("wf_ready", generate_report.queue))
    answer.headers["Location"] = f"/api/v1/jobs/{ReportAccepted.model_validate_json(bytes(answer.body)).job}"
    return answer
