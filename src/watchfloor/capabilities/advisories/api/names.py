"""REST: what the words of a CNA mean."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.api.search import Cursor, Limit
from watchfloor.capabilities.advisories.jobs.rematching import Rematch
from watchfloor.capabilities.advisories.queries import meanings
from watchfloor.capabilities.advisories.schemas.names import Mapped, NameChange, NameChanged, Names
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(prefix="/names", tags=["advisories"])


@routes.get("")
def list_names(
    caller: Caller,
    prefix: Annotated[str, Query(max_length=300, description="How the words, or the vendor's, begin.")] = "",
    manual: Annotated[bool, Query(description="Only what people said.")] = False,  # noqa: FBT002 - a parameter of the address
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Names:
    """List what the words of CNAs mean, learned and said."""
    with caller.transaction() as session:
        return meanings.list_names(wire_of(session), prefix, manual=manual, limit=limit, cursor=cursor)


@routes.put("")
def set_name(caller: Caller, body: NameChange) -> NameChanged:
    """Say what words mean, in place of what was learned; what this concerns is matched again by a job."""
    kind = caller.kinds["advisories.rematch"]
    with caller.transaction() as session:
        found, changed = meanings.set_name(session, caller.org, body.vendor, body.product, body.means, actor=caller.name)
        made = enqueue(caller.ledger, session, caller.org, kind, Rematch(products=changed), Options(actor=caller.name))
    caller.ledger.doorbell.ring("wf_ready", kind.queue)
    return NameChanged(items=found, job=made.id)


@routes.delete("")
def remove_name(
    caller: Caller,
    product: Annotated[str, Query(min_length=1, max_length=300)],
    vendor: Annotated[str, Query(max_length=300)] = "",
) -> Mapped:
    """Let words mean what was learned of them; what this concerns is matched again by a job."""
    kind = caller.kinds["advisories.rematch"]
    with caller.transaction() as session:
        changed = meanings.remove_name(session, caller.org, vendor, product, actor=caller.name)
        made = enqueue(caller.ledger, session, caller.org, kind, Rematch(products=changed), Options(actor=caller.name))
    caller.ledger.doorbell.ring("wf_ready", kind.queue)
    return Mapped(job=made.id)
