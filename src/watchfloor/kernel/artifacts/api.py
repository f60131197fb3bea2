"""REST: stored files and their download."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from itertools import chain, islice
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from watchfloor.kernel.artifacts import queries, store
from watchfloor.kernel.artifacts.schemas import ArtifactView
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter()


@routes.get("/artifacts", tags=["artifacts"])
def list_artifacts(
    caller: Caller, job: UUID | None = None, limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT, after: str | None = None
) -> Page[ArtifactView]:
    """List stored files."""
    with caller.transaction() as session:
        return queries.list_artifacts(session, caller.org, job=job, limit=limit, after=after)


@routes.get("/artifacts/{artifact}", tags=["artifacts"])
def get_artifact(caller: Caller, artifact: UUID) -> ArtifactView:
    """Show one file's name, size and hash."""
    with caller.transaction() as session:
        return queries.get_artifact(session, caller.org, artifact)


@routes.get("/artifacts/{artifact}/content", response_class=StreamingResponse, tags=["artifacts"])
def download_artifact(caller: Caller, artifact: UUID) -> StreamingResponse:
    """Download a file; a damaged one ends short of its Content-Length."""
    with caller.transaction() as session:
        card, parts = store.read(caller.ledger, session, caller.org, artifact)
        caller.audit(session, artifact, reason=card.name)
    first = list(islice(parts, 1))  # what is wrong with the first part is still an answer, not a broken line
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(card.name)}",
        "Content-Length": str(card.size_bytes),
        "ETag": f'"{card.sha256}"',
    }
    return StreamingResponse(chain(first, parts), headers=headers, media_type=card.media_type)
