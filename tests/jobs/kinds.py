"""Job kinds of these tests."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from watchfloor.kernel.contract import JobContext, Queue, job
from watchfloor.kernel.errors import Cancelled, GiveUp, Retry, SoftTimeLimit


class Text(BaseModel):
    """A text."""

    model_config = ConfigDict(extra="forbid")
    text: str = ""


@job("tests.echo", Text, queue=Queue.DEFAULT, queues=(Queue.REPORTS,), attempts=3, keep_result=timedelta(hours=2))
def echo(_context: JobContext, request: Text) -> Text:
    """Return what was given."""
    return request


@job("tests.short", Text, queue=Queue.DEFAULT, short=True)
def short(_context: JobContext, request: Text) -> Text:
    """Return what was given, in company."""
    return request


class Asked(BaseModel):
    """How the handler is to end."""

    model_config = ConfigDict(extra="forbid")
    how: str = "well"
    text: str = ""


class Answer(BaseModel):
    """A result."""

    text: str


@job("tests.ends", Asked, queue=Queue.DEFAULT, attempts=3, first_delay=timedelta(seconds=8), max_delay=timedelta(minutes=1))
def ends(context: JobContext, request: Asked) -> Answer | None:  # noqa: C901 - a list of endings
    """End as asked."""
    match request.how:
        case "retry":
            raise Retry(request.text or "rate limited", timedelta(seconds=90))
        case "retry_alone":
            raise Retry("rate limited")
        case "give_up":
            raise GiveUp(request.text or "no such host")
        case "cancelled":
            raise Cancelled(request.text)
        case "soft_limit":
            raise SoftTimeLimit(request.text)
        case "bug":
            raise ZeroDivisionError(request.text)
        case "foreign_shape":
            Asked.model_validate({"how": 1})
        case "nothing":
            return None
        case "progress":
            context.progress(1, 2)
            context.progress(2, 2)
        case "write":
            with context.transaction() as session:
                session.connection().exec_driver_sql(
                    "insert into job_event (org, job, type) values (%s, %s, 'written')", (context.org, context.job_id)
                )
    return Answer(text=request.text)
