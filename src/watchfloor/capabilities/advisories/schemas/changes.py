"""What can happen to an advisory, and why one is merged again."""

from __future__ import annotations

from enum import IntFlag, StrEnum

import msgspec

from watchfloor.capabilities.advisories.schemas.words import Source  # noqa: TC001 - msgspec reads annotations when the program runs


class Cause(IntFlag):
    """Why a CVE has to be merged again; added up in adv_touched.mask."""

    FACTS = 1
    CRITERIA = 2
    KEV = 4
    SSVC = 8
    EPSS = 16
    EXPLOIT = 32
    AGE = 64


# A cause that is no news, such as the first reading of a source or a new model of EPSS, is shifted by so many bits.
QUIETLY = 8
# What these bring about changes nothing of what the sources say: the record that is stored is scored anew.
SCORED = Cause.EPSS | Cause.AGE
ONLY_SCORED = SCORED | SCORED << QUIETLY


class Kind(StrEnum):
    """What happened to an advisory."""

    PUBLISHED = "advisory.published"
    REMOVED = "advisory.removed"  # no source says anything of it any more
    REJECTED = "advisory.rejected"
    DISPUTED = "advisory.disputed"
    KEV_ADDED = "advisory.kev_added"
    KEV_REMOVED = "advisory.kev_removed"
    RANSOMWARE_CHANGED = "advisory.ransomware_changed"
    KEV_DUE_CHANGED = "advisory.kev_due_changed"
    EU_EXPLOITED = "advisory.eu_exploited"
    EPSS_CROSSED = "advisory.epss_crossed"
    SSVC_CHANGED = "advisory.ssvc_changed"
    BAND_CHANGED = "advisory.band_changed"
    EXPLOIT_APPEARED = "advisory.exploit_appeared"
    FIX_APPEARED = "advisory.fix_appeared"


# What a catalog of exploited vulnerabilities brings about.
CATALOG_KINDS = (Kind.KEV_ADDED, Kind.KEV_REMOVED, Kind.KEV_DUE_CHANGED, Kind.RANSOMWARE_CHANGED, Kind.EU_EXPLOITED)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an advisory: a row of adv_change. Old and new are plain values."""

    k: int
    kind: Kind
    old: object = None
    new: object = None
    src: Source | None = None  # who told it; None where it follows from what several say
    quiet: bool = False  # history only: nobody is told
