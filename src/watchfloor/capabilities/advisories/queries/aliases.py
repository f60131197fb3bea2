"""Products that stand for others, because somebody said so: their advisories and the assets that run them are one's and the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries import named
from watchfloor.capabilities.advisories.queries.curator import NAMING, alone, curating
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.schemas.names import Aliases, AliasView
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.listing import Column, Listing, order_of, page_of
from watchfloor.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.advisories.queries.named import Product
    from watchfloor.kernel.db.session import Wire

NAME = "(p.part::text || ':' || p.vendor || ':' || p.product)"
VIEW = f"""
select {NAME}, c.part::text || ':' || c.vendor || ':' || c.product, p.cves, c.cves
from unnest(%s::bigint[]) with ordinality w (id, n) join adv_product p on p.id = w.id join adv_product c on c.id = p.canonical order by w.n
"""  # noqa: S608 - our own columns


def list_aliases(wire: Wire, *, limit: int = LIMIT, cursor: str | None = None) -> Aliases:
    """List the products that stand for another one, by name."""
    listing = Listing("adv_product", "p", "p.canonical is not null", "p.id", {}, "bigint")
    page = page_of(wire, listing, order_of("name", {"name": Column(NAME, "text")}), limit=limit, cursor=cursor)
    return Aliases(items=_views(wire, page.keys), next_cursor=page.next_cursor, total=page.total, total_capped=page.capped)


def get_alias(wire: Wire, number: int) -> AliasView:
    """Return one alias by the number of the product that stands for another."""
    return _views(wire, [number])[0]


def set_alias(session: Session, org: UUID, alias: str, product: str, *, actor: str) -> tuple[int, list[int]]:
    """Have one product stand for another; audited.

    The other name may be one that no advisory uses, such as a scanner's.

    Returns:
        The number of the alias, and the products whose matches are others now: none where it was so already.

    Raises:
        InvalidInput: No advisory names the product, or a text names none.
        Conflict: A chain or a circle would come of it.
    """
    with curating(session) as wire:
        alone(wire, NAMING)
        target = named.get(wire, product, "/product")
        other = _other(wire, alias, target)
        _demand_plain(wire, other, target)
        if other.canonical == target.id:
            return other.id, []
        wire.execute("update adv_product set canonical = %s where id = %s", (target.id, other.id))
    record(session, org, actor=actor, operation="alias.set", object=other.label, reason=f"stands for {target.label}")
    return other.id, [one for one in (other.id, target.id, other.canonical) if one is not None]


def remove_alias(session: Session, org: UUID, alias: str, *, actor: str) -> list[int]:
    """Let a product be itself again; audited. Returns the products whose matches are others now; raises NotFound."""
    with curating(session) as wire:
        alone(wire, NAMING)
        other = named.find(wire, named.read(alias, "/alias"), where="canonical is not null")
        if other is None or other.canonical is None:
            message = f"{alias[:120]} stands for no other product; `watchfloor advisories alias list` shows those that do"
            raise NotFound(message)
        wire.execute("update adv_product set canonical = null where id = %s", (other.id,))
    record(session, org, actor=actor, operation="alias.remove", object=other.label)
    return [other.id, other.canonical]


def _other(wire: Wire, text: str, target: Product) -> Product:
    part, vendor, product = wanted = named.read(text, "/alias")
    found = named.find(wire, wanted)
    if found is None:
        Products().number(wire, [(part or target.part, vendor, product)])
        found = named.find(wire, (part or target.part, vendor, product))
    if found is None:
        message = f"{text[:120]!r} was not added"
        raise RuntimeError(message)
    return found


def _demand_plain(wire: Wire, other: Product, target: Product) -> None:
    """Refuse what would make a chain or a circle: matching follows one step."""
    if other.id == target.id:
        message = f"{target.label} cannot stand for itself"
        raise Conflict(message)
    if target.canonical is not None:
        (end,) = _labels(wire, "id = %s", target.canonical) or ("another",)
        message = (
            f"{target.label} stands for {end} itself; map {other.label} to {end}"
            if target.canonical != other.id
            else (f"{target.label} stands for {other.label} already; remove that first: watchfloor advisories alias rm {target.label}")
        )
        raise Conflict(message)
    standing = _labels(wire, "canonical = %s", other.id)
    if standing:
        message = f"{', '.join(standing[:5])} stand for {other.label}; map those to {target.label} first"
        raise Conflict(message)


def _labels(wire: Wire, where: str, value: int) -> list[str]:
    return [row[0] for row in wire.execute(f"select {NAME} from adv_product p where {where} order by 1 limit 5", (value,))]  # noqa: S608 - our own conditions


def _views(wire: Wire, keys: Any) -> list[AliasView]:  # noqa: ANN401 - numbers of a page
    return [AliasView(alias=row[0], product=row[1], alias_cves=row[2], cves=row[3]) for row in wire.execute(VIEW, (list(keys),))]
