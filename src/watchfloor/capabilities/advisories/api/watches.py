"""REST: what an organisation watches for."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.queries import watches, watching
from watchfloor.capabilities.advisories.schemas.watches import WatchChange, WatchCreate, Watches, WatchTest, WatchView
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(prefix="/watches", tags=["advisories"])


@routes.get("")
def list_watches(caller: Caller) -> Watches:
    """List what is watched for, by name."""
    with caller.transaction() as session:
        return watches.list_watches(session, caller.org, least=_least())


@routes.post("", status_code=201)
def create_watch(caller: Caller, body: WatchCreate) -> WatchView:
    """Watch for something. It tells of what happens from now on, never of what is so already."""
    with caller.transaction() as session:
        made = watches.create_watch(session, caller.org, body, actor=caller.name, least=_least())
        return watches.get_watch(session, caller.org, made, least=_least())


@routes.get("/{watch}")
def get_watch(caller: Caller, watch: UUID) -> WatchView:
    """Show one watch."""
    with caller.transaction() as session:
        return watches.get_watch(session, caller.org, watch, least=_least())


@routes.patch("/{watch}")
def change_watch(caller: Caller, watch: UUID, body: WatchChange) -> WatchView:
    """Change a watch. Switched on again it begins anew: what happened meanwhile is not told."""
    with caller.transaction() as session:
        watches.change_watch(session, caller.org, watch, body, actor=caller.name, least=_least())
        return watches.get_watch(session, caller.org, watch, least=_least())


@routes.delete("/{watch}", status_code=204)
def delete_watch(caller: Caller, watch: UUID) -> None:
    """Watch no longer; what it told stays told."""
    with caller.transaction() as session:
        watches.delete_watch(session, caller.org, watch, actor=caller.name)


@routes.post("/{watch}/test")
def try_watch(caller: Caller, watch: UUID, days: Annotated[int, Query(ge=1, le=90)] = 30) -> WatchTest:
    """List what a watch would have told in the last days, with records and matches as they are now. Nothing is sent."""
    with caller.transaction() as session:
        return watching.tried(session, caller.org, watch, days=days, least=_least())


def _least() -> float:
    return read_settings(AdvisorySettings, "advisories").finding_min_confidence
