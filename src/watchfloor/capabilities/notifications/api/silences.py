"""REST: what nobody is told of for a while, and addresses that take no mail."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from watchfloor.capabilities.notifications.queries import silences
from watchfloor.capabilities.notifications.schemas.silences import SilenceCreate, SilenceView, SuppressionView
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

routes = APIRouter(tags=["notifications"])
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


@routes.get("/silences")
def list_silences(caller: Caller, *, over: bool = False, limit: Limit = LIMIT, after: str | None = None) -> Page[SilenceView]:
    """List silences that hold now or will, newest first; with `over` those that are over as well."""
    with caller.transaction() as session:
        return silences.page_silences(session, over=over, limit=limit, after=after)


@routes.post("/silences", status_code=201, response_model=SilenceView)
def create_silence(caller: Caller, body: SilenceCreate, idempotency_key: IdempotencyKey = None) -> Response:
    """Tell nobody of what fits for a while; the log keeps what would have been told."""

    def act(session: Session) -> SilenceView:
        made = silences.add_silence(session, caller.org, body, actor=caller.name)
        return silences.get_silence(session, caller.org, made)

    return caller.once(idempotency_key, body, act, status=201)


@routes.get("/silences/{silence}")
def get_silence(caller: Caller, silence: UUID) -> SilenceView:
    """Show one silence."""
    with caller.transaction() as session:
        return silences.get_silence(session, caller.org, silence)


@routes.delete("/silences/{silence}", status_code=204)
def end_silence(caller: Caller, silence: UUID) -> None:
    """End a silence now, also one that has not begun; it stays on record."""
    with caller.transaction() as session:
        silences.end_silence(session, caller.org, silence, actor=caller.name)


@routes.get("/suppressions")
def list_suppressions(caller: Caller, limit: Limit = LIMIT, after: str | None = None) -> Page[SuppressionView]:
    """List the addresses that take no mail now, masked, newest first."""
    with caller.transaction() as session:
        return silences.page_suppressions(session, limit=limit, after=after)


@routes.delete("/suppressions/{suppression}", status_code=204)
def delete_suppression(caller: Caller, suppression: UUID) -> None:
    """Let mail go to an address again; what was suppressed can be sent again by hand."""
    with caller.transaction() as session:
        silences.remove_suppression(session, caller.org, suppression, actor=caller.name)
