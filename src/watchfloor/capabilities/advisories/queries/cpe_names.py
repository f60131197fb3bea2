"""Names of products in searches: how they may be written, and which criteria a CPE name meets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.cpe import ANY, NA, Logical, Name, ParseError, has_wildcard, parse, stored
from watchfloor.capabilities.advisories.engine.versions import base_key, key
from watchfloor.capabilities.advisories.schemas.words import YEAR
from watchfloor.kernel.db.filters.grammar import wrong
from watchfloor.kernel.db.filters.kinds import either, refuse_comparison

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.db.filters import Given, Value

START = re.compile(r"CVE-(\d{4})(?:-\d{0,10})?-?", re.ASCII | re.IGNORECASE)
PARTS = 13
SAME = (
    "with chosen as (select p.id, coalesce(p.canonical, p.id) as root from adv_product p where {}) "
    "select id from chosen union select root from chosen union select o.id from adv_product o join chosen on o.canonical = chosen.root"
)


def name_spellings(text: str) -> tuple[str, ...]:
    """Return the ways in which a name is stored: lower case, with blanks, or with underscores as CPE names have them."""
    low = text.lower()
    return tuple(dict.fromkeys([low, low.replace(" ", "_"), low.replace("_", " ")]))


def years(text: str) -> tuple[int, int] | None:
    """Return the keys from and before which ids begin as written; None for what names no year."""
    found = START.fullmatch(text)
    return None if found is None else (int(found[1]) * YEAR, (int(found[1]) + 1) * YEAR)


def cve_range(name: str, value: Value) -> tuple[int, int]:
    """Return the same for a value of a search; raises InvalidInput for what no CVE begins with."""
    found = years(value.text)
    if found is None:
        raise wrong(f"{name}: no CVE begins with {value.text[:40]!r}; write CVE-2024-* or CVE-2024-31*", value.start, len(value.raw))
    return found


@dataclass(frozen=True)
class CpeName:
    """A CPE name, whole or its beginning: product, and version where there is one, decided as a match of a known version is."""

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        return either([_met(self._read(name, value), given) for value in values])

    def _read(self, name: str, value: Value) -> Name:
        refuse_comparison(name, value, "write a CPE name")
        text = value.text if value.quoted else value.raw
        text = text if text.lower().startswith("cpe:") else f"cpe:{text}"
        if text.lower().startswith("cpe:2.3:"):
            colons = len(re.findall(r"(?<!\\):", text))
            text += ":*" * (PARTS - 1 - colons)
        try:
            found = parse(text)
        except ParseError as error:
            raise wrong(f"{name}: {error}", value.start, len(value.raw)) from error
        if found.vendor is ANY and found.product is ANY:
            raise wrong(f"{name}: name a vendor or a product", value.start, len(value.raw))
        return found


def _met(name: Name, given: Given) -> str:
    conditions = [f"p.part in ({given.add(stored(name.part))}::text::\"char\", '*')"] if name.part is not ANY else []
    for column, value in (("p.vendor", name.vendor), ("p.product", name.product)):
        if value is not ANY:
            conditions.append(f"{column} = {given.add(stored(value))}::text")
    version = _version(name, given)
    ids = given.numbers(SAME.replace("{}", " and ".join(conditions)))
    criteria = f"cr.product_id = any ({ids})" + (f" and ({version})" if version else "")
    return f"c.k in (select cr.k from adv_criterion cr where cr.vulnerable and {criteria})"  # noqa: S608 - conditions of our own; every value is a parameter


def _version(name: Name, given: Given) -> str:
    """Decide the version as 9.3 does where it is observed; one that is not, or a pattern, meets every criterion."""
    if isinstance(name.version, Logical) or has_wildcard(name.version):
        return "cr.kind in ('*', '-')" if name.version is NA else ""
    update = None if isinstance(name.update, Logical) else stored(name.update)
    full, base = given.add(key(stored(name.version), update)), given.add(base_key(stored(name.version), update))
    return (
        f"cr.kind = '*' or (cr.kind in ('r', '=') and (cr.rng @> {full}::bytea or (upper_inc(cr.rng) and upper(cr.rng) = {base}::bytea "
        f"and (cr.kind = 'r' or cr.upd is null))))"
    )
