"""REST: the counts of a dashboard."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.queries.totals import statistics
from watchfloor.capabilities.advisories.schemas.totals import Statistics  # noqa: TC001 - FastAPI reads annotations when the program runs
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.tenancy.access import Caller  # noqa: TC001 - see above

routes = APIRouter(tags=["advisories"])


@routes.get("/stats")
def get_advisory_stats(caller: Caller, days: Annotated[int, Query(ge=0, le=730)] = 0) -> Statistics:
    """Count advisories and your matches by what matters; with `days` also as they were on each of the days before."""
    with caller.transaction() as session:
        return statistics(wire_of(session), caller.org, days=days)
