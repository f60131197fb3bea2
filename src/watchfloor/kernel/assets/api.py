"""REST: assets and scope."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs; one argument for each parameter
from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from watchfloor.kernel.assets import inventory, queries, scope
from watchfloor.kernel.assets.schemas import AssetView, FactView, ScopeAdd, ScopeView, SetExposure, Tags
from watchfloor.kernel.db.keyset import LIMIT, LIMIT_MAX, Page
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter()
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


@routes.get("/assets", tags=["assets"])
def list_assets(
    caller: Caller, kind: str | None = None, tag: str | None = None, exposure: str | None = None, key: str | None = None, limit: Limit = LIMIT,
    after: str | None = None,
) -> Page[AssetView]:  # fmt: skip
    """List what we know exists."""
    with caller.transaction() as session:
        return queries.list_assets(session, caller.org, kind=kind, tag=tag, exposure=exposure, key=key, limit=limit, after=after)


@routes.get("/assets/{asset}", tags=["assets"])
def get_asset(caller: Caller, asset: UUID) -> AssetView:
    """Show one asset."""
    with caller.transaction() as session:
        return queries.get_asset(session, caller.org, asset)


@routes.put("/assets/{asset}/tags", tags=["assets"])
def tag_asset(caller: Caller, asset: UUID, body: Tags) -> AssetView:
    """Give an asset exactly these tags."""
    with caller.transaction() as session:
        inventory.tag(session, caller.org, asset, body.tags, actor=caller.name)
        return queries.get_asset(session, caller.org, asset)


@routes.put("/assets/{asset}/exposure", tags=["assets"])
def expose_asset(caller: Caller, asset: UUID, body: SetExposure) -> AssetView:
    """Say from where an asset can be reached."""
    with caller.transaction() as session:
        inventory.expose(session, caller.org, asset, body.exposure, actor=caller.name)
        return queries.get_asset(session, caller.org, asset)


@routes.get("/assets/{asset}/facts", tags=["assets"])
def list_asset_facts(caller: Caller, asset: UUID, *, gone: bool = False, limit: Limit = LIMIT, after: str | None = None) -> Page[FactView]:
    """List what runs on an asset; `gone` adds what a look found gone."""
    with caller.transaction() as session:
        return queries.list_facts(session, caller.org, asset, gone=gone, limit=limit, after=after)


@routes.get("/scope", tags=["scope"])
def list_scope(caller: Caller, limit: Limit = LIMIT, after: str | None = None) -> Page[ScopeView]:
    """List what may be looked at."""
    with caller.transaction() as session:
        return queries.list_scope(session, caller.org, limit=limit, after=after)


@routes.post("/scope", status_code=201, tags=["scope"])
def add_scope(caller: Caller, body: ScopeAdd) -> ScopeView:
    """Allow a network, an address or a domain to be looked at, or exclude it."""
    with caller.transaction() as session:
        entry = scope.add_scope(session, caller.org, actor=caller.name, **body.model_dump())
        return queries.get_scope(session, caller.org, entry)


@routes.delete("/scope/{entry}", status_code=204, tags=["scope"])
def remove_scope(caller: Caller, entry: UUID) -> None:
    """Forbid again what an entry allowed."""
    with caller.transaction() as session:
        scope.remove_scope(session, caller.org, entry, actor=caller.name)
