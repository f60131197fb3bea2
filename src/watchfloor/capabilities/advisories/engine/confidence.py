"""How sure a match is: what was met, by what it was met, and who says so. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.schemas.words import MatchClass

if TYPE_CHECKING:
    from collections.abc import Iterable

FACTORS = {
    MatchClass.EXACT: 1.0, MatchClass.LIKELY: 0.8, MatchClass.BASE_AMBIGUOUS: 0.6, MatchClass.PLATFORM_UNKNOWN: 0.5, MatchClass.BACKPORT: 0.4,
    MatchClass.VERSION_NA: 0.3, MatchClass.VERSION_UNKNOWN: 0.2,
}  # fmt: skip
# Distributions fix flaws without changing the version: these are their builds.
BUILD = re.compile(
    r"\+deb[0-9]+u[0-9]+|-[0-9][0-9.]*ubuntu[0-9]|\b(?:debian|ubuntu|raspbian)-|\b(?:debian|ubuntu)\b|\.(?:el|fc|amzn|sles?|rhel)[0-9]|~bpo[0-9]|[0-9]-r[0-9]+\b",
    re.IGNORECASE,
)
LOOKED_AT = 400


def confidence(source: float, kind: MatchClass, observation: float = 1.0) -> float:
    """Return how sure a match is, 0 to 1: the product of how far the source's word goes, its class, and how sure the observation is."""
    return round(source * FACTORS[kind] * observation, 3)


def least(classes: Iterable[MatchClass]) -> MatchClass:
    """Return the least sure of several classes that hold together."""
    return min(classes, key=FACTORS.__getitem__, default=MatchClass.EXACT)


def distribution_build(*texts: str) -> bool:
    """Tell whether what was observed names a distribution's build, such as `+deb11u3` or `Debian-5` in a banner."""
    return any(BUILD.search(text[:LOOKED_AT]) is not None for text in texts)
