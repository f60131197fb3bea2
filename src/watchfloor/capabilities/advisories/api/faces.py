"""REST: the three tasks that keep what is known up to date, at the addresses that clients of other platforms know."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.jobs.api_tasks import start_task
from watchfloor.kernel.jobs.schemas import TaskStarted
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])
DESCRIBED: dict[int | str, dict[str, Any]] = {202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "The task."}}}}


class Asked(BaseModel):
    """What is left out is the job kind's default; what is unknown is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Update(Asked):
    """Ask the sources for what is new."""

    sources: list[str] | None = Field(None, min_length=1, max_length=20, description="Names of sources; without, all that are enabled.")
    full: bool | None = Field(None, description="Load whole sources again instead of what changed.")
    force: bool | None = Field(None, description="Ask even a source that was asked a moment ago.")


class Clean(Asked):
    """Throw away what is kept for a while only."""

    older_than: timedelta | None = Field(None, ge=timedelta(0), description="Seconds, or a duration such as P14D.")
    dry_run: bool | None = Field(None, description="Only count.")


class Count(Asked):
    """Write today's figures and look for drift."""

    scope: Literal["org", "all"] | None = None


@routes.post("/update-vulnerabilities", status_code=202, response_model=TaskStarted, responses=DESCRIBED)
def update_vulnerabilities(caller: Caller, body: Update | None = None, idempotency_key: IdempotencyKey = None) -> Response:
    """Update vulnerability intelligence now: ask the sources, merge, score, match. Poll the task for its end."""
    return _start(caller, "advisories.update_vulnerabilities", body or Update(), idempotency_key)


@routes.post("/clean-cache", status_code=202, response_model=TaskStarted, responses=DESCRIBED)
def clean_cache(caller: Caller, body: Clean | None = None, idempotency_key: IdempotencyKey = None) -> Response:
    """Remove downloads, refused records and old documents that nobody needs any more; the result counts them."""
    return _start(caller, "advisories.clean_cache", body or Clean(), idempotency_key)


@routes.post("/update-stats", status_code=202, response_model=TaskStarted, responses=DESCRIBED)
def update_stats(caller: Caller, body: Count | None = None, idempotency_key: IdempotencyKey = None) -> Response:
    """Bring the dashboard's figures up to date."""
    return _start(caller, "advisories.update_statistics", body or Count(), idempotency_key)


def _start(caller: Call, kind: str, body: Asked, idempotency_key: str | None) -> Response:
    return start_task(caller, kind, body.model_dump(mode="json", exclude_none=True), body, idempotency_key)
