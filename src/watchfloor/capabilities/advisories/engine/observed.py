"""What was observed on an asset as names that criteria are compared with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.engine.confidence import distribution_build
from watchfloor.capabilities.advisories.engine.cpe import ANY, ParseError, parse, stored
from watchfloor.capabilities.advisories.engine.names import plain
from watchfloor.capabilities.advisories.engine.normalise.products import restricting

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = {"service": "a", "os": "o", "hardware": "h"}
TEXT_ONLY = 0.6  # how sure a product is of which only the name was observed
LABEL_MAX = 120


class Thing(msgspec.Struct, frozen=True, gc=False):
    """One name of what was observed. Without a vendor it is text that a name in the databases has to be found for."""

    part: str
    vendor: str
    product: str
    version: str = ""  # "" not observed, "-" has none
    update: str = "*"
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Observed:
    """One fact: its names, what people call it, and what shows that it is a distribution's build."""

    things: tuple[Thing, ...]
    label: str
    build: str = ""
    confidence: float = 1.0


@lru_cache(maxsize=65_536)
def observed(kind: str, product: str, version: str, revision: str, cpe23: Sequence[str]) -> Observed:
    """Return what a fact says; its CPE names where it has any, else its product's name. `cpe23` must be a tuple."""
    things = tuple(dict.fromkeys(thing for text in cpe23 if (thing := _named(text, version)) is not None))
    sure = 1.0
    if not things and (name := plain(product)):
        things, sure = (Thing(PARTS.get(kind, "a"), "", name, version),), TEXT_ONLY
    label = f"{product or (things[0].product if things else 'something')} {version}".strip()[:LABEL_MAX]
    built = next((text for text in (revision, version, product) if distribution_build(text)), "")
    return Observed(things, label, built[:LABEL_MAX], sure)


def _named(text: str, version: str) -> Thing | None:
    try:
        name = parse(text)
    except ParseError:
        return None
    part, vendor, product = (stored(one) for one in name[:3])
    if part not in {"a", "o", "h"} or "*" in (vendor, product) or "-" in (vendor, product):
        return None
    # A name without a version takes the one that was observed beside it.
    known = stored(name.version) if name.version is not ANY else version
    return Thing(part, vendor, product, known, stored(name.update), restricting(name))
