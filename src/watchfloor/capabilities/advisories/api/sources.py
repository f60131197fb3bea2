"""REST: switch sources on and off, and ask one of them now."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.queries import sources
from watchfloor.capabilities.advisories.queries.pages import get_source_state
from watchfloor.capabilities.advisories.schemas.faces import SourceView
from watchfloor.capabilities.advisories.schemas.sync import UpdateVulnerabilities
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.api_tasks import start_task
from watchfloor.kernel.jobs.schemas import TaskStarted
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

routes = APIRouter(prefix="/sources", tags=["advisories"])
DESCRIBED: dict[int | str, dict[str, Any]] = {202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "The task."}}}}


class SourceChange(BaseModel):
    """Whether a source is used from now on; what is known from it stays either way."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool


class SourceSync(BaseModel):
    """How thoroughly to ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    full: bool = Field(default=False, description="Load complete sets again instead of news only.")
    accept: list[str] = Field([], max_length=10, description="Guards whose refusal you pass, such as G5; audited.")


@routes.patch("/{name}")
def change_source(caller: Caller, name: str, body: SourceChange) -> SourceView:
    """Enable or disable a source for the whole installation; this stands above the settings."""
    labels = read_settings(AdvisorySettings, "advisories").used
    with caller.transaction() as session:
        sources.change(session, caller.org, sources.get(name), on=body.enabled, actor=caller.name)
        return get_source_state(wire_of(session), labels, name)


@routes.post("/{name}/sync", status_code=202, response_model=TaskStarted, responses=DESCRIBED)
def sync_source(caller: Caller, name: str, body: SourceSync | None = None, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask one source for what is new, now, however short ago it was asked; poll the task for its end."""
    settings = read_settings(AdvisorySettings, "advisories")
    wanted = body or SourceSync()
    src = sources.get(name)
    with caller.transaction() as session:
        sources.demand_online(wire_of(session), src, settings.used, offline=settings.offline)
    request = UpdateVulnerabilities(sources=[src.label], full=wanted.full, force=True, accept=wanted.accept)
    return start_task(
        caller, "advisories.update_vulnerabilities", request.model_dump(mode="json", exclude_defaults=True), wanted, idempotency_key
    )
