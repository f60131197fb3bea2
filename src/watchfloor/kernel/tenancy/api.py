"""REST: who am I, API keys, and the audit trail (which lies below and has no face of its own)."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.kernel.audit.queries import EntryView, list_entries
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.errors import Conflict, Forbidden
from watchfloor.kernel.tenancy import keys, queries
from watchfloor.kernel.tenancy.access import Caller
from watchfloor.kernel.tenancy.permissions import grants, policy
from watchfloor.kernel.tenancy.schemas import ActorView, KeyCreate, KeyMade, KeyView

routes = APIRouter()


@routes.get("/whoami", tags=["keys"])
def whoami(caller: Caller) -> ActorView:
    """Tell whom the API takes you for, and what you may do."""
    actor = caller.actor
    return ActorView(org=actor.org, name=actor.name, role=actor.role, permissions=sorted(actor.permissions))


@routes.get("/keys", tags=["keys"])
def list_keys(caller: Caller, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None) -> Page[KeyView]:
    """List API keys without their secrets."""
    with caller.transaction() as session:
        return queries.list_keys(session, caller.org, limit=limit, after=after)


@routes.post("/keys", status_code=201, tags=["keys"])
def create_key(caller: Caller, body: KeyCreate) -> KeyMade:
    """Make an API key; it is shown this once, and its role may hold no permission you lack."""
    missing = sorted(wanted for wanted in policy().of_role(body.role) if not grants(caller.actor.permissions, wanted))
    if missing:
        message = f"The role {body.role} holds {missing[0]}, which yours lacks. Ask somebody whose role has it."
        raise Forbidden(message)
    return KeyMade(key=keys.make_key(caller.ledger, caller.org, name=body.name, role=body.role, actor=caller.name, expires=body.expires))


@routes.delete("/keys/{key}", status_code=204, tags=["keys"])
def revoke_key(caller: Caller, key: UUID) -> None:
    """Revoke an API key at once."""
    if key == caller.actor.key:
        message = "This is the key you are using. Revoke it with another one, so that nobody is locked out by accident."
        raise Conflict(message)
    keys.revoke(caller.ledger, caller.org, key, actor=caller.name)


@routes.get("/audit", tags=["audit"])
def list_audit(
    caller: Caller, actor: str | None = None, operation: str | None = None, object: str | None = None,  # noqa: A002 - the audit's own word
    outcome: str | None = None, since: datetime | None = None, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None,
) -> Page[EntryView]:  # fmt: skip
    """List who did what, newest first; refused actions included."""
    with caller.transaction() as session:
        return list_entries(
            session, caller.org, actor=actor, operation=operation, object=object, outcome=outcome, since=since, limit=limit, after=after
        )  # fmt: skip
