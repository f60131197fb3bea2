"""REST: who is told next while nobody acknowledges."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from watchfloor.capabilities.notifications.engine.escalate import check_zones
from watchfloor.capabilities.notifications.queries import escalations
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate, EscalationDetail, Escalations
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["notifications"])


@routes.get("/escalations")
def list_escalations(caller: Caller) -> Escalations:
    """List escalations by name."""
    with caller.transaction() as session:
        return Escalations(items=escalations.list_escalations(session, caller.org))


@routes.post("/escalations", status_code=201)
def create_escalation(caller: Caller, body: EscalationCreate) -> EscalationDetail:
    """Keep who is told when, while nobody acknowledges; routes name it. Steps marked `page` do not heed quiet hours."""
    check_zones(body)
    with caller.transaction() as session:
        made = escalations.add_escalation(session, caller.org, body, actor=caller.name)
        return escalations.get_escalation(session, caller.org, made)


@routes.get("/escalations/{escalation}")
def get_escalation(caller: Caller, escalation: UUID) -> EscalationDetail:
    """Show an escalation, and how far its runs are."""
    with caller.transaction() as session:
        return escalations.get_escalation(session, caller.org, escalation)


@routes.delete("/escalations/{escalation}", status_code=204)
def delete_escalation(caller: Caller, escalation: UUID) -> None:
    """Remove an escalation that no route names; what runs goes on by the steps it began with."""
    with caller.transaction() as session:
        escalations.remove_escalation(session, caller.org, escalation, actor=caller.name)
