"""REST: stored files, their download, and links that open one without a key."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from watchfloor.kernel.artifacts import links, queries
from watchfloor.kernel.artifacts.answer import RANGES, answer
from watchfloor.kernel.artifacts.schemas import ArtifactView, LinkAsked, LinkMade
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.errors import Lost, NotFound
from watchfloor.kernel.tenancy.access import Caller

if TYPE_CHECKING:
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.tenancy.limits import Limits

routes = APIRouter(tags=["artifacts"])
open_routes = APIRouter(tags=["artifacts"])


@routes.get("/artifacts")
def list_artifacts(
    caller: Caller, job: UUID | None = None, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None
) -> Page[ArtifactView]:
    """List stored files."""
    with caller.transaction() as session:
        return queries.list_artifacts(session, caller.org, job=job, limit=limit, after=after)


@routes.get("/artifacts/{artifact}")
def get_artifact(caller: Caller, artifact: UUID) -> ArtifactView:
    """Show one file's name, size and hash."""
    with caller.transaction() as session:
        return queries.get_artifact(session, caller.org, artifact)


@routes.get("/artifacts/{artifact}/content", response_class=StreamingResponse, responses=RANGES)
def download_artifact(caller: Caller, artifact: UUID) -> Response:
    """Download a file or a range of it; a damaged one ends short of its Content-Length."""
    with caller.transaction() as session:
        card = queries.get_stored(session, caller.org, artifact)
        caller.audit(session, artifact, reason=card.name)
    return answer(caller.ledger, card, caller.request)


@routes.head("/artifacts/{artifact}/content", response_class=Response)
def head_artifact(caller: Caller, artifact: UUID) -> Response:
    """Show size, hash (ETag) and name of a file in the headers of its download."""
    with caller.transaction() as session:
        card = queries.get_stored(session, caller.org, artifact)
    return answer(caller.ledger, card, caller.request)


@routes.post("/artifacts/{artifact}/links", status_code=201)
def create_artifact_link(caller: Caller, artifact: UUID, body: LinkAsked) -> LinkMade:
    """Make a link that opens the file without a key, for at most 15 minutes; revoking the key that made it ends it."""
    with caller.transaction() as session:
        made = links.make_link(caller.ledger, session, caller.actor, artifact, body)
        caller.audit(session, artifact, reason=f"until {made.expires_at:%H:%M:%S} UTC{', once' if made.single_use else ''}")
    return made


@open_routes.get("/links/{token}", response_class=StreamingResponse, responses=RANGES)
def open_link(request: Request, token: str) -> Response:
    """Download the file that a link opens; needs no key. A link that is wrong, expired or used up is a 404."""
    return _opened(request, token)


@open_routes.head("/links/{token}", response_class=Response)
def head_link(request: Request, token: str) -> Response:
    """Show in headers what a link would open, without using it up; whoever previews links in messages asks so."""
    return _opened(request, token)


def _opened(request: Request, token: str) -> Response:
    ledger: Ledger = request.app.state.ledger
    limits: Limits = request.app.state.limits
    client = request.client.host if request.client else None
    try:
        org, link = links.parse_token(ledger, token)
        with ledger.database.transaction(org) as session:
            card = links.get_linked(session, org, link)
        # Only bytes that can be read use a link up.
        found = answer(ledger, card, request)
        if found.status_code in {200, 206} and request.method != "HEAD":
            with ledger.database.transaction(org) as session:
                links.use(session, org, link, card, request_id=request.scope.get("request_id"), address=client)
    except Lost:
        raise
    except NotFound:
        limits.guess(client or "local", 1)
        raise
    return found
