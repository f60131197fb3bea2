"""The smallest kinds of work: prove that a job travels from enqueue to result, and how it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


class Nothing(BaseModel):
    """No arguments."""

    model_config = ConfigDict(extra="forbid")


class Wait(BaseModel):
    """How long to wait."""

    model_config = ConfigDict(extra="forbid")
    seconds: float = Field(1.0, ge=0, le=3600, description="how long the job takes")


class Waited(BaseModel):
    """What was waited."""

    seconds: float
    attempt: int


@job("jobs.test", Nothing, queue=Queue.DEFAULT, short=True, keep_result=timedelta(hours=1))
def test_job(_context: JobContext, _request: Nothing) -> None:
    """Do nothing: shows that jobs travel from the ledger over the broker to a worker and back."""


@job("jobs.wait", Wait, queue=Queue.DEFAULT, timeout=timedelta(hours=2), first_delay=timedelta(seconds=1))
def wait_job(context: JobContext, request: Wait) -> Waited:
    """Wait, telling how far it is: shows progress, cancel, time limits and what happens when a worker dies."""
    steps = max(1, int(request.seconds * 10))
    for step in range(steps):
        context.progress(step, steps, "waiting")
        context.wait(request.seconds / steps)
    context.progress(steps, steps, "waiting")
    return Waited(seconds=request.seconds, attempt=context.attempt)
