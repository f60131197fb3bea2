"""REST: who am I, API keys, people, and the audit trail (which lies below and has no face of its own)."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from watchfloor.kernel.audit.queries import EntryView, list_entries
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.errors import Conflict, Forbidden
from watchfloor.kernel.tenancy import keys, members, queries
from watchfloor.kernel.tenancy.access import Call, Caller
from watchfloor.kernel.tenancy.permissions import grants, policy
from watchfloor.kernel.tenancy.schemas import ActorView, KeyCreate, KeyMade, KeyView, MemberSet, MemberView

routes = APIRouter()
Name = Annotated[str, Path(min_length=1, max_length=200)]


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
    _refuse_more_than_own(caller, body.role)
    return KeyMade(key=keys.make_key(caller.ledger, caller.org, name=body.name, role=body.role, actor=caller.name, expires=body.expires))


@routes.delete("/keys/{key}", status_code=204, tags=["keys"])
def revoke_key(caller: Caller, key: UUID) -> None:
    """Revoke an API key at once."""
    if key == caller.actor.key:
        message = "This is the key you are using. Revoke it with another one, so that nobody is locked out by accident."
        raise Conflict(message)
    keys.revoke(caller.ledger, caller.org, key, actor=caller.name)


@routes.get("/members", tags=["members"])
def list_members(caller: Caller, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None) -> Page[MemberView]:
    """List the organisation's people, the newest first, those who were removed included."""
    with caller.transaction() as session:
        return members.list_members(session, caller.org, limit=limit, after=after)


@routes.put("/members/{name}", tags=["members"])
def set_member(caller: Caller, name: Name, body: MemberSet) -> MemberView:
    """Say what somebody is, and so what they may be told; the role may hold no permission you lack."""
    _refuse_more_than_own(caller, body.role)
    with caller.transaction() as session:
        return members.set_member(session, caller.org, name, role=body.role, enabled=body.enabled, actor=caller.name)


@routes.delete("/members/{name}", status_code=204, tags=["members"])
def remove_member(caller: Caller, name: Name) -> None:
    """Remove somebody: they are told nothing more, not even what is on its way."""
    with caller.transaction() as session:
        members.remove_member(session, caller.org, name, actor=caller.name)


def _refuse_more_than_own(caller: Call, role: str) -> None:
    missing = sorted(wanted for wanted in policy().of_role(role) if not grants(caller.actor.permissions, wanted))
    if missing:
        message = f"The role {role} holds {missing[0]}, which yours lacks. Ask somebody whose role has it."
        raise Forbidden(message)


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
