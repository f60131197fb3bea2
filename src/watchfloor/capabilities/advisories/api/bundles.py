"""REST: one signed file of all that the sources told, for installations without a network."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from watchfloor.capabilities.advisories.api.search import Cursor, Limit
from watchfloor.capabilities.advisories.schemas.bundle import MEDIA_TYPE
from watchfloor.kernel.artifacts.answer import RANGES
from watchfloor.kernel.artifacts.api import download_artifact
from watchfloor.kernel.artifacts.draft import PART_BYTES
from watchfloor.kernel.artifacts.queries import get_artifact, list_artifacts
from watchfloor.kernel.artifacts.schemas import ArtifactView
from watchfloor.kernel.artifacts.store import store
from watchfloor.kernel.artifacts.upload import UPLOAD, spooled
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.jobs.api_tasks import answer_task, start_task
from watchfloor.kernel.jobs.enqueue import bind
from watchfloor.kernel.jobs.schemas import TaskStarted
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter(prefix="/bundles", tags=["advisories"])
DESCRIBED: dict[int | str, dict[str, Any]] = {202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "The task."}}}}
IMPORT = "advisories.import_bundle"


class BundleAsked(BaseModel):
    """What to write into a bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime | None = Field(
        None, description="Only documents that were taken in after this moment; catalogs and scores are whole."
    )


class Bundles(BaseModel):
    """A page of bundles; `next_cursor` is none on the last."""

    items: list[ArtifactView]
    next_cursor: str | None


class BundleTaken(BaseModel):
    """What was asked about which bundle."""

    artifact: UUID | None
    force: bool
    verify: bool
    sha256: str


@routes.get("")
def list_bundles(caller: Caller, cursor: Cursor = None, limit: Limit = LIMIT) -> Bundles:
    """List the bundles that were exported here or sent to be imported, newest first."""
    with caller.transaction() as session:
        found = list_artifacts(session, caller.org, media_type=MEDIA_TYPE, limit=limit, after=cursor)
    return Bundles(items=found.items, next_cursor=found.next)


@routes.post("", status_code=202, response_model=TaskStarted, responses=DESCRIBED)
def export_bundle(caller: Caller, body: BundleAsked | None = None, idempotency_key: IdempotencyKey = None) -> Response:
    """Write all that the sources told into one signed file; the task's result names the artifact and the key an importer has to trust."""
    wanted = body or BundleAsked()
    return start_task(caller, "advisories.export_bundle", wanted.model_dump(mode="json", exclude_none=True), wanted, idempotency_key)


@routes.get("/{bundle}/content", response_class=StreamingResponse, responses=RANGES)
def download_bundle(caller: Caller, bundle: UUID) -> Response:
    """Download a bundle or a range of it; a damaged one ends short of its Content-Length."""
    _get(caller, bundle)
    return download_artifact(caller, bundle)


@routes.post("/import", status_code=202, response_model=TaskStarted, responses=DESCRIBED, openapi_extra=UPLOAD)
async def import_bundle(
    caller: Caller,
    *,
    artifact: Annotated[UUID | None, Query(description="A bundle that is stored here; without, the body is the bundle.")] = None,
    force: Annotated[bool, Query(description="Take it even if it is older than what is stored.")] = False,
    verify: Annotated[bool, Query(description="Only check signature and hashes.")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Take a bundle in; its signature and hashes are checked before anything of it is taken. A bundle that was sent is removed afterwards."""
    with tempfile.TemporaryFile() as file:
        sha256 = await spooled(caller.request, file)
        asked = BundleTaken(artifact=artifact, force=force, verify=verify, sha256=sha256)
        return await run_in_threadpool(_import, caller, asked, file, idempotency_key)


def _import(caller: Call, asked: BundleTaken, file: IO[bytes], idempotency_key: str | None) -> Response:
    if (asked.artifact is None) == (not asked.sha256):
        raise InvalidInput("send the bundle as the body, or name a stored one with `artifact`; one of both", field="/artifact")
    if asked.artifact is not None:
        _get(caller, asked.artifact)
    kind = caller.kind(IMPORT)

    def make(session: Session) -> BaseModel:
        held = asked.artifact or store(
            caller.ledger, session, caller.org, name=f"import-{new_id()}.tar.zst", media_type=MEDIA_TYPE, content=_pieces(file),
            actor=caller.name,
        )  # fmt: skip
        return bind(kind, {"artifact": str(held), "force": asked.force, "verify": asked.verify, "discard": asked.artifact is None})

    return answer_task(caller, kind, make, asked, idempotency_key)


def _get(caller: Call, bundle: UUID) -> None:
    """Raise NotFound unless the artifact is a bundle."""
    with caller.transaction() as session:
        if get_artifact(session, caller.org, bundle).media_type != MEDIA_TYPE:
            raise NotFound(f"there is no bundle {bundle}")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PART_BYTES):
        yield piece
