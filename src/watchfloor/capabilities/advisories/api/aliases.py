"""REST: products that stand for others."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.api.search import Cursor, Limit
from watchfloor.capabilities.advisories.jobs.rematching import Rematch
from watchfloor.capabilities.advisories.queries import aliases
from watchfloor.capabilities.advisories.schemas.names import AliasChange, AliasChanged, Aliases, Mapped
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(prefix="/aliases", tags=["advisories"])


@routes.get("")
def list_aliases(caller: Caller, cursor: Cursor = None, limit: Limit = LIMIT) -> Aliases:
    """List the products of which an operator said that they are another one."""
    with caller.transaction() as session:
        return aliases.list_aliases(wire_of(session), limit=limit, cursor=cursor)


@routes.put("")
def set_alias(caller: Caller, body: AliasChange) -> AliasChanged:
    """Say that one product is another, for the whole installation; what this concerns is matched again by a job."""
    kind = caller.kinds["advisories.rematch"]
    with caller.transaction() as session:
        number, changed = aliases.set_alias(session, caller.org, body.alias, body.product, actor=caller.name)
        made = enqueue(caller.ledger, session, caller.org, kind, Rematch(products=changed), Options(actor=caller.name)) if changed else None
        found = aliases.get_alias(wire_of(session), number)
    caller.ledger.doorbell.ring("wf_ready", kind.queue)
    return AliasChanged(**found.model_dump(), job=made.id if made else None)


@routes.delete("")
def remove_alias(caller: Caller, alias: Annotated[str, Query(min_length=1, max_length=1000, description="The other name.")]) -> Mapped:
    """Let a product be itself again; what this concerns is matched again by a job."""
    kind = caller.kinds["advisories.rematch"]
    with caller.transaction() as session:
        changed = aliases.remove_alias(session, caller.org, alias, actor=caller.name)
        made = enqueue(caller.ledger, session, caller.org, kind, Rematch(products=changed), Options(actor=caller.name))
    caller.ledger.doorbell.ring("wf_ready", kind.queue)
    return Mapped(job=made.id)
