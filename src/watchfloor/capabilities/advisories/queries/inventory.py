"""What an organisation's assets run, as matching needs it: whole assets, and which of them have changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.observed import Observed, observed
from watchfloor.capabilities.advisories.schemas.words import Exposure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from watchfloor.kernel.db.session import Wire

ASSETS = "select id, key, exposure from asset where org = %s and id = any (%s)"
FACTS = """
select id, asset, kind, port, protocol, product, version, revision, cpe23 from asset_fact
where org = %(org)s and gone_at is null and (%(assets)s::uuid[] is null or asset = any (%(assets)s)) order by asset, id
"""
# A match remembers for which exposure it was scored.
EXPOSED = """
select distinct m.asset from adv_match m join asset a on (a.org, a.id) = (m.org, m.asset)
where m.org = %s and m.gone_at is null and m.exposure <> a.exposure
"""


@dataclass(frozen=True)
class Running:
    """One fact of an asset that is not gone."""

    id: UUID
    kind: str
    port: int
    protocol: str
    product: str
    version: str
    observed: Observed


@dataclass
class Held:
    """One asset with all that is known to run on it."""

    id: UUID
    key: str = ""
    exposure: Exposure = Exposure.UNKNOWN
    facts: list[Running] = field(default_factory=list)

    @property
    def closed(self) -> frozenset[str]:
        """Return the parts of which everything is known: whoever told its system or its hardware told all of it."""
        kinds = {fact.kind for fact in self.facts}
        return frozenset(part for part, kind in (("o", "os"), ("h", "hardware")) if kind in kinds)


def assets(wire: Wire, org: UUID, ids: Collection[UUID] | None = None) -> dict[UUID, Held]:
    """Return assets with what runs on them; of all that run something by default. One that runs nothing any more is there if asked for."""
    found = {one: Held(one) for one in ids or ()}
    for row in wire.execute(FACTS, {"org": org, "assets": None if ids is None else list(ids)}, binary=True):
        fact, asset, kind, port, protocol, product, version, revision, cpe23 = row
        held = found.setdefault(asset, Held(asset))
        held.facts.append(Running(fact, kind, port, protocol, product, version, observed(kind, product, version, revision, tuple(cpe23))))
    for asset, key, exposure in wire.execute(ASSETS, (org, list(found)), binary=True):
        found[asset].key, found[asset].exposure = key, Exposure(exposure)
    return found


def exposed_anew(wire: Wire, org: UUID) -> list[UUID]:
    """Return the assets whose exposure is not the one for which their matches were scored."""
    return [row[0] for row in wire.execute(EXPOSED, (org,), binary=True)]


def things_of(held: Iterable[Held]) -> dict[Observed, None]:
    """Return everything that was observed, once each."""
    return dict.fromkeys(fact.observed for one in held for fact in one.facts)
