"""Read assets and scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.kernel.assets.inventory import EXPOSURES
from watchfloor.kernel.assets.models import Asset, AssetFact, ScopeEntry
from watchfloor.kernel.assets.schemas import AssetView, FactView, ScopeView
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.orm import Session


def list_assets(
    session: Session, org: UUID, *, kind: str | None = None, tag: str | None = None, exposure: str | None = None, key: str | None = None,
    limit: int = LIMIT, after: str | None = None,
) -> Page[AssetView]:  # fmt: skip
    """List assets, newest first."""
    chosen = {Asset.kind: words("kind", kind), Asset.exposure: words("exposure", exposure, EXPOSURES), Asset.key: [key] if key else []}
    query = matching(select(Asset).where(Asset.org == org), chosen)
    if tag is not None:
        query = query.where(Asset.tags.any_() == tag)
    return page(session, query, [Asset.id], shape=_asset, limit=limit, after=after)


def get_asset(session: Session, org: UUID, asset: UUID) -> AssetView:
    """Return one asset; raises NotFound."""
    row = session.execute(select(Asset).where(Asset.org == org, Asset.id == asset)).first()
    if row is None:
        message = f"there is no asset {asset}; `watchfloor assets list` shows those there are"
        raise NotFound(message)
    return _asset(row)


def list_scope(session: Session, org: UUID, *, limit: int = LIMIT, after: str | None = None) -> Page[ScopeView]:
    """List scope entries, newest first, expired ones included."""
    return page(session, select(ScopeEntry).where(ScopeEntry.org == org), [ScopeEntry.id], shape=_scope, limit=limit, after=after)


def get_scope(session: Session, org: UUID, entry: UUID) -> ScopeView:
    """Return one scope entry; raises NotFound."""
    row = session.execute(select(ScopeEntry).where(ScopeEntry.org == org, ScopeEntry.id == entry)).first()
    if row is None:
        message = f"there is no scope entry {entry}; `watchfloor scope list` shows those there are"
        raise NotFound(message)
    return _scope(row)


def list_facts(
    session: Session, org: UUID, asset: UUID, *, gone: bool = False, limit: int = LIMIT, after: str | None = None
) -> Page[FactView]:
    """List what runs on an asset, what was seen first last; `gone` adds what a look found gone. Raises NotFound."""
    get_asset(session, org, asset)
    query = select(AssetFact).where(AssetFact.org == org, AssetFact.asset == asset)
    if not gone:
        query = query.where(AssetFact.gone_at.is_(None))
    return page(session, query, [AssetFact.id], shape=_fact, limit=limit, after=after)


def _fact(row: Row[Any]) -> FactView:
    told = {name: getattr(row[0], name) for name in FactView.model_fields}
    return FactView(**told | {"port": row[0].port or None})


def _asset(row: Row[Any]) -> AssetView:
    return AssetView(**{name: getattr(row[0], name) for name in AssetView.model_fields})


def _scope(row: Row[Any]) -> ScopeView:
    told = {name: getattr(row[0], name) for name in ScopeView.model_fields if name != "exclude"}
    return ScopeView(exclude=row[0].kind == "exclude", **told)
