"""Job kinds of these tests."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from watchfloor.kernel.contract import JobContext, Queue, job


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
