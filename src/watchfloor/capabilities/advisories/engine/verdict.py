"""Say until when CISA's directive 26-04 would have a match fixed. Pure.

The verdict stands beside the score and never enters it. It goes by CISA's catalog alone; what CISA's decision points do not tell is taken
from the CVSS vector and score, and named as assumed. It is not legal advice: the directive's text counts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.capabilities.advisories.engine.priority import ANYWHERE, Where, automatable, impact_of, reach_of, total_impact
from watchfloor.capabilities.advisories.schemas.words import Deadline, Exposure, State

if TYPE_CHECKING:
    from datetime import date

    from watchfloor.capabilities.advisories.schemas.merged import Merged

UPGRADE, SIXTY, FOURTEEN, THREE, FORENSICS = (
    Deadline.UPGRADE,
    Deadline.SIXTY_DAYS,
    Deadline.FOURTEEN_DAYS,
    Deadline.THREE_DAYS,
    Deadline.FORENSICS,
)
# By (in CISA's catalog, total impact), then by (automatable, exposed). Source: CISA BOD 26-04 remediation timelines, version 1.0.0.
TIMELINES = {
    (False, False): ((UPGRADE, SIXTY), (SIXTY, FOURTEEN)),
    (False, True): ((UPGRADE, FOURTEEN), (SIXTY, THREE)),
    (True, False): ((FOURTEEN, FOURTEEN), (FOURTEEN, THREE)),
    (True, True): ((FOURTEEN, FORENSICS), (FORENSICS, FORENSICS)),
}
DAYS = {SIXTY: 60, FOURTEEN: 14, THREE: 3, FORENSICS: 3}


class Verdict(NamedTuple):
    """A deadline, and which of what it rests on nobody told: automatable, impact, exposure."""

    deadline: Deadline
    assumed: tuple[str, ...] = ()

    def due(self, first_seen: date) -> date | None:
        """Return the last day for a match that was first seen on a day; None where the next upgrade is soon enough."""
        days = DAYS.get(self.deadline)
        return None if days is None else first_seen + timedelta(days=days)


def timeline(*, kev: bool, exposed: bool, automatable: bool, total: bool) -> Deadline:
    """Return the directive's row for these four answers."""
    return TIMELINES[kev, total][automatable][exposed]


def verdict(one: Merged, where: Where = ANYWHERE) -> Verdict | None:
    """Return when a CVE is to be fixed on an asset; None for a rejected one.

    Only an asset known to be reachable from the internet counts as exposed.
    """
    if one.state is State.REJECTED or one.merged_into is not None:
        return None
    assumed = (
        *(("automatable",) if one.automatable is None else ()),
        *(("impact",) if one.total is None else ()),
        *(("exposure",) if where.exposure is Exposure.UNKNOWN else ()),
    )
    deadline = timeline(
        kev=one.kev,
        exposed=where.exposure is Exposure.INTERNET,
        automatable=automatable(one, reach_of(one)),
        total=total_impact(one, impact_of(one)),
    )
    return Verdict(deadline, assumed)
