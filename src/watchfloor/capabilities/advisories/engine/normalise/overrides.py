"""Configurations by others for CVEs that NVD did not analyse. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.normalise.configurations import criteria_of
from watchfloor.capabilities.advisories.schemas.facts import Fact, Normal
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.records.overrides import Override

FACTOR = 0.95


def override(k: int, record: Override) -> Normal:
    """Return the criteria of an override; one that suppresses has none, and its fact alone says that weaker sources do not count."""
    criteria, skipped = ([], 0) if record.suppresses else criteria_of(record.cve.configurations, k=k, src=Source.OVERRIDES, factor=FACTOR)
    return Normal(fact=Fact(k=k, src=Source.OVERRIDES, descr=record.reason), criteria=tuple(criteria), skipped=skipped)
