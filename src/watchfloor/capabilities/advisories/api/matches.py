"""REST: what of an organisation's assets advisories meet."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.queries.matched import LIMIT_MAX, Wanted, list_matches
from watchfloor.capabilities.advisories.schemas.matched import MatchPage
from watchfloor.capabilities.advisories.schemas.words import Band, MatchClass, key_of
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(prefix="/matches", tags=["advisories"])


@routes.get("", operation_id="list_matches")
def matches(
    caller: Caller, *,
    advisory: Annotated[str | None, Query(description="Only this advisory, such as CVE-2024-6387.")] = None,
    asset: UUID | None = None,
    match_class: Annotated[MatchClass | None, Query(alias="class")] = None,
    band: Band | None = None,
    verdict: str | None = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1, description="By default what makes a match a finding; 0 lists candidates too.")] = None,
    gone: Annotated[bool, Query(description="Also those that are over.")] = False,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 50,
    cursor: UUID | None = None,
) -> MatchPage:  # fmt: skip
    """List which advisories meet which of your assets, gravest first, with the reason and how sure it is."""
    least = read_settings(AdvisorySettings, "advisories").finding_min_confidence if min_confidence is None else min_confidence
    k = None if advisory is None else key_of(advisory.upper())
    if advisory is not None and k is None:
        raise InvalidInput(f"{advisory[:40]!r} is not a CVE id", field="/advisory")
    wanted = Wanted(least=least, k=k, asset=asset, kind=match_class, band=band and str(band), verdict=verdict, gone=gone)
    with caller.transaction() as session:
        return list_matches(wire_of(session), caller.org, wanted, limit=limit, after=cursor)
