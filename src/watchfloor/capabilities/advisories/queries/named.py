"""Products as people write them: read, looked up, and where there is none the nearest one told."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from watchfloor.capabilities.advisories.engine.cpe import Logical, ParseError, parse, stored
from watchfloor.capabilities.advisories.queries.products import NAME_MAX
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Wire

PARTS = ("a", "o", "h")
NEAR = 2000  # names that are compared with one that there is not
COLUMNS = "id, part::text, vendor, product, canonical, cves"


@dataclass(frozen=True)
class Product:
    """A product by number; `canonical` is the one it stands for."""

    id: int
    part: str
    vendor: str
    product: str
    canonical: int | None
    cves: int

    @property
    def label(self) -> str:
        """Return the name that people use, such as a:apache:http_server."""
        return f"{self.part}:{self.vendor}:{self.product}"


def read(text: str, field: str) -> tuple[str | None, str, str]:
    """Return part, vendor and product as written; no part where none is. Raises InvalidInput."""
    wanted = text.strip().lower()
    if wanted.startswith("cpe:"):
        return _cpe(wanted, field)
    pieces = [one.strip().replace(" ", "_") for one in wanted.split(":")]
    part = pieces.pop(0) if len(pieces) == 3 and pieces[0] in PARTS else None  # noqa: PLR2004 - part, vendor and product
    if len(pieces) != 2 or not all(pieces) or any(len(one) > NAME_MAX or "\0" in one for one in pieces):  # noqa: PLR2004 - vendor and product
        message = f"{text[:80]!r} names no product; write vendor:product, such as apache:http_server, a:vendor:product, or a CPE name"
        raise InvalidInput(message, field=field)
    return part, pieces[0], pieces[1]


def _cpe(text: str, field: str) -> tuple[str | None, str, str]:
    whole = text
    if text.startswith("cpe:2.3:"):
        colons = text.count(":") - text.count("\\:")
        whole = text.rstrip(":") + ":*" * (12 - colons + (len(text) - len(text.rstrip(":"))))
    try:
        name = parse(whole)
    except ParseError as error:
        raise InvalidInput(str(error), field=field) from error
    vendor, product = stored(name.vendor), stored(name.product)
    if isinstance(name.vendor, Logical) or isinstance(name.product, Logical) or max(len(vendor), len(product)) > NAME_MAX:
        message = f"{text[:80]!r} names no product; a vendor and a product are needed"
        raise InvalidInput(message, field=field)
    return None if isinstance(name.part, Logical) else stored(name.part), vendor, product


def find(wire: Wire, wanted: tuple[str | None, str, str], *, where: LiteralString = "true") -> Product | None:
    """Return the product of a name; of several parts the one that most advisories name."""
    part, vendor, product = wanted
    row: Any = wire.execute(
        f'select {COLUMNS} from adv_product where {where} and vendor = %s and product = %s and part = any (%s::text[]::"char"[]) '  # noqa: S608 - our own columns
        "order by cves desc, part limit 1",
        (vendor, product, [part] if part else list(PARTS)),
    ).fetchone()
    return None if row is None else Product(*row)


def get(wire: Wire, text: str, field: str) -> Product:
    """Return the product that a text names; raises InvalidInput, which names the nearest, where no advisory names it."""
    wanted = read(text, field)
    found = find(wire, wanted)
    if found is not None:
        return found
    near = nearest(wire, wanted[1], wanted[2])
    hint = f"did you mean {near}?" if near else "`watchfloor advisories products` shows those that advisories name"
    message = f"no advisory names {':'.join(one for one in wanted if one)[:120]}; {hint}"
    raise InvalidInput(message, field=field, did_you_mean=near)


def nearest(wire: Wire, vendor: str, product: str) -> str | None:
    """Return the name of a product that is written almost so, as vendor:product."""
    rows = wire.execute(
        'select vendor, product from adv_product where part = any (%(parts)s::text[]::"char"[]) and (product = %(product)s or vendor = %(vendor)s '
        "or product ^@ left(%(product)s, 3) or vendor ^@ left(%(vendor)s, 3)) order by (product = %(product)s) desc, (vendor = %(vendor)s) desc, cves desc limit %(near)s",
        {"parts": list(PARTS), "product": product, "vendor": vendor, "near": NEAR},
    )
    near = difflib.get_close_matches(f"{vendor}:{product}", [f"{one}:{other}" for one, other in rows], n=1, cutoff=0.7)
    return near[0] if near else None
