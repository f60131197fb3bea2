"""The job kind that tells when acceptances have expired."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.findings.triage import AT_ONCE, reopen_expired

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


class ReopenExpired(BaseModel):
    """All of the organisation's acceptances."""

    model_config = ConfigDict(extra="forbid")


class Reopened(BaseModel):
    """How many findings opened."""

    findings: int


@job("findings.reopen_expired", ReopenExpired, queue=Queue.DEFAULT, timeout=timedelta(minutes=10), attempts=3)
def reopen_expired_findings(context: JobContext, _request: ReopenExpired) -> Reopened:
    """Write down, and tell, which acceptances have expired; they count as open from that moment on, whether or not this ran."""
    opened = 0
    while True:
        with context.transaction() as session:
            count = reopen_expired(session, context.org, job=context.job_id)
        opened += count
        if count < AT_ONCE:
            return Reopened(findings=opened)
