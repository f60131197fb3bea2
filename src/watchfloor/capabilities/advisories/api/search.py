"""REST: lists of advisories, of the products they name, of catalogs, sources and refusals; every address here is fixed."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query

from watchfloor.capabilities.advisories.queries import pages, record
from watchfloor.capabilities.advisories.queries.facets import FACETS
from watchfloor.capabilities.advisories.queries.search import SORTS, Asked, search
from watchfloor.capabilities.advisories.queries.suggest import suggest
from watchfloor.capabilities.advisories.queries.trying import try_match
from watchfloor.capabilities.advisories.schemas.changes import CATALOG_KINDS
from watchfloor.capabilities.advisories.schemas.faces import (
    Advisories,
    Changes,
    KevEntries,
    MatchRequest,
    ProductLine,
    ProductPage,
    Rejects,
    SourceView,
    Suggestion,
    Tried,
)
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel import clock
from watchfloor.kernel.db.filters import words
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["advisories"])
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]
Zone = Annotated[str, Query(description="The time zone in which days begin, such as Europe/Vienna.", max_length=60)]


@routes.get("")
def list_advisories(
    caller: Caller,
    q: Annotated[
        str, Query(description="What to find: `product:openssh kev:true epss>0.5 published<90d`, words, a phrase in quotes.")
    ] = "",
    sort: Annotated[
        str | None,
        Query(
            description=f"One of {', '.join(SORTS)}; with a - before it the greatest first. Without: the best hits of words, else -priority."
        ),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
    facets: Annotated[str | None, Query(description=f"How the hits divide: of {', '.join(FACETS)}, joined by commas, or all.")] = None,
    tz: Zone = "UTC",
) -> Advisories:
    """Search advisories. A text that is not understood is a 422 that names the place in it."""
    wanted = FACETS if facets == "all" else tuple(dict.fromkeys(words("facets", facets, FACETS)))
    asked = Asked(q, clock.now(), zone(tz), sort=sort, limit=limit, cursor=cursor, facets=wanted, least=least())
    with caller.transaction() as session:
        return search(wire_of(session), asked)


def least() -> float:
    """Return the confidence from which on a match counts as one."""
    return read_settings(AdvisorySettings, "advisories").finding_min_confidence


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its name, which whoever asks wrote."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"there is no time zone {name!r}; write one such as UTC or Europe/Vienna", field="/tz") from error


@routes.get("/suggest")
def suggest_advisories(
    caller: Caller, field: Annotated[str | None, Query(max_length=40)] = None, prefix: Annotated[str, Query(max_length=200)] = ""
) -> list[Suggestion]:
    """Suggest what may be typed: without `field` the fields of a search, else values of that field, the most frequent first."""
    with caller.transaction() as session:
        return suggest(wire_of(session), field, prefix, now=clock.now())


@routes.get("/kev")
def list_kev(
    caller: Caller,
    catalog: Annotated[str | None, Query(description="kev (CISA's), eu-kev, or both joined by a comma.")] = None,
    removed: Annotated[bool, Query(description="Also what was taken out again.")] = False,  # noqa: FBT002 - a parameter of the address
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> KevEntries:
    """List what is known to be exploited, newest first."""
    with caller.transaction() as session:
        return pages.list_kev(wire_of(session), words("catalog", catalog), gone=removed, limit=limit, cursor=cursor)


@routes.get("/kev/changes")
def list_kev_changes(caller: Caller, since: date | None = None, cursor: Cursor = None, limit: Limit = LIMIT) -> Changes:
    """List what changed in the catalogs, newest first: added, taken out, another due date, ransomware."""
    with caller.transaction() as session:
        return record.list_history(wire_of(session), None, kinds=CATALOG_KINDS, since=since, limit=limit, cursor=cursor)


@routes.get("/products")
def list_products(caller: Caller, prefix: Annotated[str, Query(max_length=300)] = "") -> list[ProductLine]:
    """List products whose name or vendor begins so, at most a hundred, those with most advisories first; `vendor:product` narrows both."""
    with caller.transaction() as session:
        return pages.list_products(wire_of(session), Asked("", clock.now()), prefix)


@routes.get("/products/{part}/{vendor}/{product}")
def get_product(caller: Caller, part: str, vendor: str, product: str) -> ProductPage:
    """Show a product: its other names, how its advisories divide, the most urgent ones."""
    with caller.transaction() as session:
        return pages.get_product(wire_of(session), Asked("", clock.now(), least=least()), part, vendor, product)


@routes.get("/sources")
def list_sources(caller: Caller) -> list[SourceView]:
    """Show how far each source is read, and what went wrong last."""
    with caller.transaction() as session:
        return pages.list_source_states(wire_of(session), read_settings(AdvisorySettings, "advisories").used)


@routes.get("/sources/{name}")
def get_source(caller: Caller, name: str) -> SourceView:
    """Show how far one source is read."""
    with caller.transaction() as session:
        return pages.get_source_state(wire_of(session), read_settings(AdvisorySettings, "advisories").used, name)


@routes.get("/rejects")
def list_rejects(caller: Caller, source: str | None = None, cursor: Cursor = None, limit: Limit = LIMIT) -> Rejects:
    """List documents that could not be read, newest first, with the reason."""
    with caller.transaction() as session:
        return pages.list_rejects(wire_of(session), source, limit=limit, cursor=cursor)


@routes.post("/match")
def match_products(caller: Caller, body: MatchRequest) -> Tried:
    """Say which advisories affect what you name, as if an asset ran it; nothing is kept."""
    with caller.transaction() as session:
        return try_match(wire_of(session), body, on=clock.now().date(), least=least())
