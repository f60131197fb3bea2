"""Affected products as a CNA or ADP lists them become criteria: through its CPE names, or through its own words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.affected import Ranges, Span, affected
from watchfloor.capabilities.advisories.engine.cpe import ANY, Name, ParseError, has_wildcard, parse, stored
from watchfloor.capabilities.advisories.engine.names import normal
from watchfloor.capabilities.advisories.engine.normalise.configurations import RESTRICTING, criteria_of
from watchfloor.capabilities.advisories.engine.versions import key
from watchfloor.capabilities.advisories.schemas.facts import Criterion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.advisories.schemas.records.cve_list import Affected
    from watchfloor.capabilities.advisories.schemas.records.nvd import Configuration
    from watchfloor.capabilities.advisories.schemas.words import Source

CPES, NAMES = 0.9, 0.7  # how far a CPE of a CNA or ADP goes, and how far its own words
UNSURE = 0.5  # of a product of which no version is named
MANY = 20_000  # criteria of one record
MANY_CPES = 2000  # of one product
PIECES = re.compile(r"[a-z0-9]{3,}")

UNSAID_PART = "a"  # a CNA's words have none; the name map leads to one

Pair = tuple[str, str, str]  # part, vendor, product
Attributes = tuple[tuple[str, str], ...]


@dataclass
class Found:
    """The criteria of one record while they are collected; equal ones are kept once. All are alternatives of one configuration."""

    k: int
    src: Source
    cfg: int = 0
    criteria: list[Criterion] = field(default_factory=list)
    skipped: int = 0
    _seen: set[object] = field(default_factory=set)

    def add(
        self, pair: Pair, span: Span, factor: float, attributes: Attributes = (), *, names: bool = False, update: str = "*"
    ) -> None:  # fmt: skip
        """Keep a criterion unless it is there or there are too many."""
        same = (pair, span.lo, span.hi, span.lo_inclusive, span.hi_inclusive, attributes, names, update)
        if same in self._seen:
            return
        if len(self.criteria) >= MANY:
            self.skipped += 1
            return
        self._seen.add(same)
        part, vendor, product = pair
        self.criteria.append(Criterion(
            k=self.k, src=self.src, cfg=self.cfg, pos=len(self.criteria), part=part, vendor=vendor, product=product, kind=span.kind, lo=span.lo,
            hi=span.hi, lo_inclusive=span.lo_inclusive, hi_inclusive=span.hi_inclusive, update=update, attributes=dict(attributes),
            text=span.text, fix=span.fix, factor=round(factor * (1 if span.sure else UNSURE), 3), names=names,
        ))  # fmt: skip


def take(found: Found, product: Affected) -> None:
    """Add what one entry of `affected` says."""
    if _inside_another(product):
        # Its versions are those of a package of a distribution, its CPEs those of the distribution: together they would be wrong.
        found.skipped += max(1, len(product.versions))
        return
    ranges = affected(product)
    found.skipped += ranges.skipped
    names: list[Name] = []
    for text in product.cpes[:MANY_CPES]:
        try:
            names.append(parse(text))
        except ParseError:
            found.skipped += 1
    pairs = {pair for name in names if (pair := _pair(name)) is not None}
    own = normal(product.vendor, product.product or product.package_name or "")
    if pairs:
        _add_named(found, names, ranges, product)
    elif own[1]:
        for span in ranges.spans:
            found.add((UNSAID_PART, *own), span, NAMES, names=True)


def configured(found: Found, configurations: Sequence[Configuration], *, first_cfg: int) -> list[Criterion]:
    """Return the criteria of a container's configurations, which are written as NVD's."""
    made, skipped = criteria_of(configurations, k=found.k, src=found.src, factor=CPES, first_cfg=first_cfg)
    found.skipped += skipped + max(0, len(made) - MANY)
    return made if len(made) <= MANY else []  # a part of a configuration would mean something else


def _inside_another(product: Affected) -> bool:
    """Tell whether an entry is about a package inside the product that it names, as distributions write."""
    package = (product.package_name or "").lower()
    if not package or not product.product:
        return False
    if any((entry.version_type or "").lower() in {"rpm", "deb", "apk"} for entry in product.versions):
        return True
    known = f"{product.product} {product.vendor}".lower()
    return bool(product.cpes) and not any(piece in known for piece in PIECES.findall(package))


def _pair(name: Name) -> Pair | None:
    part, vendor, product = (stored(one) for one in name[:3])
    return None if "*" in (vendor, product) or "-" in (vendor, product) or part not in {"a", "o", "h"} else (part, vendor, product)


def _add_named(found: Found, names: list[Name], ranges: Ranges, product: Affected) -> None:
    sure = [span for span in ranges.spans if span.sure or span.kind != "*"]
    exact = [name for name in names if isinstance(name.version, str) and not has_wildcard(name.version)]
    # The versions of CPE names count where the list says nothing better: some write the fixed version there, some the installed one.
    if exact and not sure and _is_affected(product):
        for name in exact:
            _add_exact(found, name)
        return
    shapes = {(pair, restricting(name)) for name in names if (pair := _pair(name)) is not None}
    for pair, attributes in sorted(shapes):
        for span in ranges.spans:
            found.add(pair, span, CPES, attributes)


def _is_affected(product: Affected) -> bool:
    return product.default_status.lower() == "affected" or any(entry.status.lower() == "affected" for entry in product.versions)


def _add_exact(found: Found, name: Name) -> None:
    pair = _pair(name)
    if pair is not None:
        version, update = stored(name.version), stored(name.update)
        at = key(version, update)
        text = version if update in {"*", "-"} else f"{version} {update}"
        found.add(pair, Span(at, at, hi_inclusive=True, text=text), CPES, restricting(name), update=update)


def restricting(name: Name) -> Attributes:
    """Return the attributes of a name beside product, version and update that restrict it."""
    return tuple((attribute, stored(value)) for attribute in RESTRICTING if (value := getattr(name, attribute)) is not ANY)
