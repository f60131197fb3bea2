"""What one source says about one CVE, in one shape for all sources: the rows that merging and matching work with."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads annotations when the program runs

import msgspec

from watchfloor.capabilities.advisories.schemas.words import Catalog, Exploitation, Flag, Provider, Source, State


class Fact(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The plain fields of one source's record; None and empty mean that the source does not say."""

    k: int
    src: Source
    state: State = State.PUBLISHED
    status: str = ""  # NVD's vulnStatus, as it is written there
    title: str = ""
    descr: str = ""  # English
    published: datetime | None = None
    modified: datetime | None = None
    cwes: tuple[str, ...] = ()  # "CWE-79", sorted, without NVD-CWE-noinfo and free text
    flags: Flag = Flag(0)
    exploited_since: datetime | None = None
    replaced_by: tuple[str, ...] = ()


class Metric(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One CVSS score."""

    k: int
    src: Source
    version: str  # "4.0", "3.1", "3.0", "2.0"
    provider: Provider
    score: float  # 0.0 to 10.0
    vector: str
    severity: str  # lower case; v2's from its score


class Ssvc(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """CISA's decision points; None where an option is missing."""

    k: int
    src: Source
    exploitation: Exploitation | None = None
    automatable: bool | None = None
    total: bool | None = None  # technical impact: total, or partial
    at: datetime | None = None
    role: str = ""
    version: str = ""


class Kev(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One entry of a catalog of known exploited vulnerabilities."""

    k: int
    catalog: Catalog
    added: datetime
    due: datetime | None = None
    ransomware: bool | None = None  # None: the catalog does not say
    action: str = ""
    name: str = ""
    extra: dict[str, object] = msgspec.field(default_factory=dict)  # members without a column, as they are written


class Criterion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One affected product of one configuration. Names are unescaped and lower case.

    `kind`: "r" the range lo..hi, "=" the exact version `lo` (and `fixed_text` is its text), "*" any version, "-" not applicable.
    `lo` and `hi` are version keys; None is open. For "=" both are the key and inclusive.
    """

    k: int
    src: Source
    cfg: int = 0  # configurations of a CVE are OR-ed
    node: int = 0
    pos: int = 0
    cfg_and: bool = False  # the nodes of the configuration are AND-ed
    node_and: bool = False
    cfg_negate: bool = False
    negate: bool = False
    vulnerable: bool = True
    part: str = "a"  # a, o, h or *
    vendor: str = ""  # may be empty for names that only a CNA gives
    product: str = ""
    kind: str = "*"
    lo: bytes | None = None
    hi: bytes | None = None
    lo_inclusive: bool = True
    hi_inclusive: bool = False
    update: str = "*"  # the criterion's update: "*", "-" or text
    siblings: bool = False  # the same CVE lists this version with other updates
    attributes: dict[str, str] = msgspec.field(default_factory=dict)  # restricting: edition language sw_edition target_sw target_hw other
    text: str = ""  # the affected versions as people write them, such as ">= 2.4.0, < 2.4.58"
    fix: str = ""  # the first version that is not affected any more, where the bound says so
    factor: float = 1.0  # how far the source's word goes: NVD 1.0, overrides .95, CPEs of CNA and ADP .9, names of a CNA .7, EUVD .4
    names: bool = False  # vendor and product are a CNA's own words, to be taken through the name map


class Normal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All that one record of one source becomes."""

    fact: Fact
    metrics: tuple[Metric, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    ssvc: Ssvc | None = None
    aliases: tuple[str, ...] = ()
    skipped: int = 0  # version entries that say nothing usable
