"""REST: one advisory, by any of its ids; an alias answers with the record it means."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from watchfloor.capabilities.advisories.api.matches import Gone, Least, Text
from watchfloor.capabilities.advisories.api.search import Cursor, Limit, Zone, least, zone
from watchfloor.capabilities.advisories.queries import record
from watchfloor.capabilities.advisories.queries.identity import get_key
from watchfloor.capabilities.advisories.queries.matched import Wanted, list_matches
from watchfloor.capabilities.advisories.queries.pages import labelled
from watchfloor.capabilities.advisories.queries.raw import raw_document
from watchfloor.capabilities.advisories.schemas.faces import Advisory, AffectedView, Changes, RawDocument, Score, SourceWord
from watchfloor.capabilities.advisories.schemas.matched import MatchPage
from watchfloor.capabilities.advisories.schemas.words import Exposure
from watchfloor.kernel import clock
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.tenancy.access import Call, Caller

if TYPE_CHECKING:
    from pydantic import BaseModel

routes = APIRouter(tags=["advisories"])
TAGGED: dict[int | str, dict[str, Any]] = {304: {"description": "It is what the ETag in If-None-Match stands for."}}


def _tagged(caller: Call, found: BaseModel) -> Response:
    """Answer with a record and its ETag, or with 304 when the caller has it already."""
    body = found.model_dump_json().encode()
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    held = caller.request.headers.get("if-none-match", "")
    known = held.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in held.split(","))
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    return Response(status_code=304, headers=headers) if known else Response(body, headers=headers, media_type="application/json")


@routes.get("/{advisory}", response_model=Advisory, responses=TAGGED)
def get_advisory(caller: Caller, advisory: str) -> Response:
    """Show an advisory: what it is, who says what, scores, catalogs, products, references, and why it is as urgent as it is."""
    with caller.transaction() as session:
        found = record.get_record(wire_of(session), advisory, on=clock.now().date(), least=least())
    return _tagged(caller, found)


@routes.get("/{advisory}/matches")
def list_advisory_matches(
    caller: Caller,
    advisory: str,
    *,
    q: Text = "",
    tz: Zone = "UTC",
    min_confidence: Least = None,
    gone: Gone = False,
    limit: Limit = LIMIT,
    cursor: UUID | None = None,
) -> MatchPage:
    """List which of your assets an advisory meets, gravest first, with the reason and how sure it is."""
    with caller.transaction() as session:
        wire = wire_of(session)
        wanted = Wanted(least=min_confidence, text=q, now=clock.now(), zone=zone(tz), k=get_key(wire, advisory), gone=gone)
        return list_matches(wire, caller.org, wanted, limit=limit, after=cursor)


@routes.get("/{advisory}/sources")
def list_advisory_sources(caller: Caller, advisory: str) -> list[SourceWord]:
    """Show what each source says about an advisory, in its own fields."""
    with caller.transaction() as session:
        return record.list_sources(wire_of(session), advisory)


@routes.get("/{advisory}/sources/{source}", response_model=RawDocument, responses=TAGGED)
def get_advisory_document(caller: Caller, advisory: str, source: str) -> Response:
    """Show a source's document about an advisory as it came."""
    with caller.transaction() as session:
        wire = wire_of(session)
        found = raw_document(wire, get_key(wire, advisory), labelled(source))
    return _tagged(caller, found)


@routes.get("/{advisory}/history")
def list_advisory_history(caller: Caller, advisory: str, cursor: Cursor = None, limit: Limit = LIMIT) -> Changes:
    """List what happened to an advisory, newest first."""
    with caller.transaction() as session:
        return record.list_history(wire_of(session), advisory, limit=limit, cursor=cursor)


@routes.get("/{advisory}/affected")
def list_advisory_products(caller: Caller, advisory: str) -> list[AffectedView]:
    """List the affected products and versions, as each source states them."""
    with caller.transaction() as session:
        return record.list_affected(wire_of(session), advisory)


@routes.get("/{advisory}/score")
def score_advisory(
    caller: Caller,
    advisory: str,
    exposure: Annotated[Exposure, Query(description="From where the asset can be reached.")] = Exposure.UNKNOWN,
    confidence: Annotated[float, Query(ge=0, le=1, description="How sure it is that the asset is affected.")] = 1.0,
    on: Annotated[date | None, Query(description="The day; today when left out.")] = None,
) -> Score:
    """Work out how urgent an advisory is for an asset, factor by factor, with the verdict of BOD 26-04."""
    with caller.transaction() as session:
        return record.get_score(wire_of(session), advisory, on=on or clock.now().date(), exposure=exposure, confidence=confidence)
