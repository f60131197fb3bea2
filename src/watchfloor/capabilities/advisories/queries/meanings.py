"""What the words of a CNA mean, as people see and set it; their word stands before what was learned, and stays when that is learned anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.engine.learned import Meaning
from watchfloor.capabilities.advisories.engine.names import normal
from watchfloor.capabilities.advisories.queries import named
from watchfloor.capabilities.advisories.queries.curator import NAMING, alone, curating
from watchfloor.capabilities.advisories.queries.products import CNA_NAME, Products
from watchfloor.capabilities.advisories.schemas.names import Names, NameView
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.keyset import LIMIT
from watchfloor.kernel.db.listing import Column, Listing, order_of, page_of
from watchfloor.kernel.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Wire

TABLE = "adv_name_map m join adv_product n on n.id = m.name_id join adv_product p on p.id = m.product_id"
KEY = "(m.name_id || '/' || m.product_id)"
ROWS = f"""
(select m.name_id, m.product_id, m.origin, n.vendor, n.product, n.product || ' ' || n.vendor || ' ' || p.vendor || ':' || p.product as words
from {TABLE})
"""  # noqa: S608 - our own columns
WHERE = "(%(manual)s::boolean is not true or m.origin = 'manual') and (m.product ^@ %(prefix)s or m.vendor ^@ %(prefix)s)"
VIEW = f"""
select n.vendor, n.product, p.part::text || ':' || p.vendor || ':' || p.product, m.origin, m.support, m.against,
  m.origin = 'manual' or not exists (select from adv_name_map o where o.name_id = m.name_id and o.origin = 'manual')
from unnest(%s::text[]) with ordinality w (key, n) join {TABLE} on {KEY} = w.key order by w.n
"""  # noqa: S608 - our own columns
SET = """
insert into adv_name_map (name_id, product_id, origin) select %s, unnest(%s::integer[]), 'manual'
on conflict (name_id, product_id) do update set origin = 'manual'
"""
# What was learned of it as well is learned knowledge again.
UNSET = "update adv_name_map set origin = 'learned' where name_id = %s and origin = 'manual'"
EMPTY = "delete from adv_name_map where name_id = %s and origin = 'learned' and support = 0"


def list_names(wire: Wire, prefix: str = "", *, manual: bool = False, limit: int = LIMIT, cursor: str | None = None) -> Names:
    """List what words mean, by the words; those that begin so, or whose vendor does."""
    listing = Listing(ROWS, "m", WHERE, KEY, {"manual": manual, "prefix": prefix.lower()}, "text")
    page = page_of(wire, listing, order_of("name", {"name": Column("m.words", "text")}), limit=limit, cursor=cursor)
    return Names(items=_views(wire, page.keys), next_cursor=page.next_cursor, total=page.total, total_capped=page.capped)


def set_name(
    session: Session, org: UUID, vendor: str, product: str, means: Sequence[str], *, actor: str
) -> tuple[list[NameView], list[int]]:
    """Say what words mean, in place of what was said or learned of them; audited.

    Returns:
        All that is known of these words, and the products whose matches are others now.

    Raises:
        InvalidInput: The words name nothing, or no advisory names a product.
    """
    words = _words(vendor, product)
    with curating(session) as wire:
        alone(wire, NAMING)
        targets = {named.get(wire, one, f"/means/{n}").id for n, one in enumerate(means)}
        name = Products().number(wire, [words])[words]
        before = _meant(wire, name)
        wire.execute(UNSET, (name,))
        wire.execute(SET, (name, sorted(targets)))
        wire.execute(EMPTY, (name,))
        found = _of(wire, name)
    record(session, org, actor=actor, operation="name.set", object=_label(words), reason=", ".join(sorted(means)))
    return found, sorted({name, *before, *targets})


def remove_name(session: Session, org: UUID, vendor: str, product: str, *, actor: str) -> list[int]:
    """Let words mean what was learned of them; audited. Returns the products whose matches are others now; raises NotFound."""
    words = _words(vendor, product)
    with curating(session) as wire:
        alone(wire, NAMING)
        row = wire.execute('select id from adv_product where (part, vendor, product) = (%s::text::"char", %s, %s)', words).fetchone()
        name = row[0] if row else 0
        before = _meant(wire, name)
        if wire.execute(UNSET, (name,)).rowcount == 0:
            message = f"nobody said what {_label(words)} means; `watchfloor advisories names list --manual` shows what people said"
            raise NotFound(message)
        wire.execute(EMPTY, (name,))
    record(session, org, actor=actor, operation="name.remove", object=_label(words))
    return sorted({name, *before})


def _words(vendor: str, product: str) -> tuple[str, str, str]:
    whose, what = normal(vendor, product)
    if not what:
        message = f"{product[:80]!r} names nothing; write the product's name as the CNA does"
        raise InvalidInput(message, field="/product")
    return CNA_NAME, whose, what


def _label(words: tuple[str, str, str]) -> str:
    _part, vendor, product = words
    return f"{product} of {vendor}" if vendor else product


def _meant(wire: Wire, name: int) -> list[int]:
    return [row[0] for row in wire.execute("select product_id from adv_name_map where name_id = %s", (name,))]


def _of(wire: Wire, name: int) -> list[NameView]:
    keys = [row[0] for row in wire.execute(f"select {KEY} from adv_name_map m where name_id = %s order by 1", (name,))]  # noqa: S608 - our own columns
    return _views(wire, keys)


def _views(wire: Wire, keys: Any) -> list[NameView]:  # noqa: ANN401 - keys of a page
    return [_view(*row) for row in wire.execute(VIEW, (list(keys),))]


def _view(vendor: str, product: str, means: str, origin: str, support: int, against: int, first: bool) -> NameView:  # noqa: FBT001 - columns of a row
    sure = Meaning(support=support, against=against, manual=origin == "manual").confidence
    return NameView(
        vendor=vendor, product=product, means=means, origin=origin, support=support, against=against, confidence=sure,
        used=first and sure is not None,
    )  # fmt: skip
