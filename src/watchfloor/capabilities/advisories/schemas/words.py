"""The words of advisories: ids, sources and the values that fields take."""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag, StrEnum

CVE = re.compile(r"CVE-(\d{4})-(\d{4,10})", re.ASCII)
EUVD = re.compile(r"EUVD-(\d{4})-(\d{1,10})", re.ASCII)
FIRST_YEAR = 1999
YEAR = 10**10


class Source(IntEnum):
    """Who publishes; the number is stored."""

    NVD = 1
    CVE_LIST = 2
    KEV = 3
    EU_KEV = 4
    EUVD = 5
    EPSS = 6
    OVERRIDES = 7
    EXPLOITS = 8

    @property
    def label(self) -> str:
        """Return the name that people and settings use, such as cve-list."""
        return self.name.lower().replace("_", "-")


def source_named(label: str) -> Source:
    """Return the source of a label; ValueError names the known ones."""
    try:
        return Source[label.upper().replace("-", "_")]
    except KeyError:
        message = f"{label[:40]!r} is not a source; choose from {', '.join(one.label for one in Source)}"
        raise ValueError(message) from None


class Provider(IntEnum):
    """Who scored with CVSS, best first."""

    NVD = 1
    CNA = 2
    CISA_ADP = 3
    OTHER = 4

    @property
    def label(self) -> str:
        """Return the name that people use, such as cisa-adp."""
        return self.name.lower().replace("_", "-")


class State(IntEnum):
    """Whether a record stands."""

    PUBLISHED = 1
    REJECTED = 2
    RESERVED = 3


class Flag(IntFlag):
    """What a source says about a record beside its fields."""

    DISPUTED = 1
    UNSUPPORTED = 2
    HOSTED = 4
    EXPLOIT_REF = 8
    PATCH_REF = 16
    V4_POC = 32


class Exploitation(IntEnum):
    """SSVC's decision point of that name."""

    NONE = 0
    POC = 1
    ACTIVE = 2


class Catalog(IntEnum):
    """Which catalog of known exploited vulnerabilities."""

    CISA = 1
    EU = 2


class Exposure(StrEnum):
    """From where an asset can be reached."""

    INTERNET = "internet"
    PARTNER = "partner"
    INTERNAL = "internal"
    ISOLATED = "isolated"
    UNKNOWN = "unknown"


class Band(StrEnum):
    """Ranges of priority, most urgent first; `none` is a rejected record."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    NONE = "none"


class Deadline(StrEnum):
    """Until when CISA's directive 26-04 would have something fixed, counted from the day a match was first seen."""

    FORENSICS = "3 days + forensics"
    THREE_DAYS = "3 days"
    FOURTEEN_DAYS = "14 days"
    SIXTY_DAYS = "60 days"
    UPGRADE = "next upgrade"


class MatchClass(StrEnum):
    """Why a match is as sure as it is, surest first."""

    EXACT = "exact"
    LIKELY = "likely"
    BASE_AMBIGUOUS = "base-ambiguous"
    PLATFORM_UNKNOWN = "platform-unknown"
    BACKPORT = "backport"
    VERSION_NA = "version-na"
    VERSION_UNKNOWN = "version-unknown"


def key_of(name: str) -> int | None:
    """Return the number that stands for a CVE id, year * 10^10 + number; None for what is not one, such as CVE-0000-0000."""
    found = CVE.fullmatch(name)
    if found is None or int(found[1]) < FIRST_YEAR:
        return None
    return int(found[1]) * YEAR + int(found[2])


def euvd_key_of(name: str) -> int | None:
    """Return the negative number that stands for an EUVD id without a CVE."""
    found = EUVD.fullmatch(name)
    if found is None or int(found[1]) < FIRST_YEAR:
        return None
    return -(int(found[1]) * YEAR + int(found[2]))


def name_of(k: int) -> str:
    """Return the id that a number stands for."""
    year, number = divmod(abs(k), YEAR)
    return f"CVE-{year}-{number:04d}" if k > 0 else f"EUVD-{year}-{number}"
