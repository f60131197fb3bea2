"""REST: what of an organisation's assets advisories meet."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.api.search import Zone, zone
from watchfloor.capabilities.advisories.queries.matched import LIMIT_MAX, Wanted, list_matches
from watchfloor.capabilities.advisories.schemas.matched import MatchPage
from watchfloor.capabilities.advisories.schemas.words import Band, MatchClass, key_of
from watchfloor.kernel import clock
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["advisories"])
Text = Annotated[
    str, Query(description="Which of them: `product:openssh band>=high port:22 class:exact`, in the language of GET /api/v1/advisories.")
]
Least = Annotated[
    float | None,
    Query(ge=0, le=1, description="By default what makes a match a finding, unless `q` asks for a confidence; 0 lists candidates too."),
]
Gone = Annotated[bool, Query(description="Also those that are over.")]


@routes.get("/matches", operation_id="list_matches")
def matches(
    caller: Caller, *,
    q: Text = "",
    tz: Zone = "UTC",
    advisory: Annotated[str | None, Query(description="Only this advisory, such as CVE-2024-6387.")] = None,
    asset: UUID | None = None,
    match_class: Annotated[MatchClass | None, Query(alias="class")] = None,
    band: Band | None = None,
    verdict: str | None = None,
    min_confidence: Least = None,
    gone: Gone = False,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 50,
    cursor: UUID | None = None,
) -> MatchPage:  # fmt: skip
    """List which advisories meet which of your assets, gravest first, with the reason and how sure it is."""
    k = None if advisory is None else key_of(advisory.upper())
    if advisory is not None and k is None:
        raise InvalidInput(f"{advisory[:40]!r} is not a CVE id", field="/advisory")
    wanted = Wanted(
        least=min_confidence, text=q, now=clock.now(), zone=zone(tz), k=k, asset=asset, kind=match_class, band=band and str(band), verdict=verdict,
        gone=gone,
    )  # fmt: skip
    with caller.transaction() as session:
        return list_matches(wire_of(session), caller.org, wanted, limit=limit, after=cursor)
