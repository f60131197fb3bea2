"""Say under which counters a record counts. Pure; queries/counters.py says the same in SQL, and a test holds them together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from watchfloor.capabilities.advisories.schemas.words import Band, Exploitation, Provider, Source, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.capabilities.advisories.schemas.merged import Settled

Dim = tuple[str, str]  # metric, dimension
UNKNOWN = "unknown"
EPSS_BUCKETS = ((90_000, "0.9"), (50_000, "0.5"), (10_000, "0.1"), (1_000, "0.01"), (0, "0"))  # by lower bound
STATUS_MAX = 40
STATES = {one: one.name.lower() for one in State}
PROVIDERS = {one: one.name.lower().replace("_", "-") for one in Provider}
ENRICHED = {Source.NVD.value, Source.OVERRIDES.value}


def differences(before: Iterable[Settled], after: Iterable[Settled]) -> dict[Dim, int]:
    """Return by how much each counter moves when records stop being what they were and are what they are now."""
    shapes = Counter(map(_shape, after))
    shapes.subtract(map(_shape, before))
    moved: Counter[Dim] = Counter()
    for shape, by in shapes.items():
        if by and shape is not None:
            for dim in _dims(shape):
                moved[dim] += by
    return {dim: by for dim, by in moved.items() if by}


class Shape(NamedTuple):
    """What of a record its counters depend on: thousands of records share a few hundred shapes."""

    state: State
    severity: str = ""
    band: Band = Band.NONE
    kev: bool = False
    eukev: bool = False
    ransomware: bool = False
    exploited_eu: bool = False
    exploitation: Exploitation | None = None
    status: str = ""
    provider: Provider | None = None
    criteria: tuple[int, ...] = ()
    epss: str = UNKNOWN
    published: tuple[int, int] | None = None  # year and month


def _shape(one: Settled) -> Shape | None:
    m = one.merged
    if m.merged_into is not None:
        return None
    if m.state is State.REJECTED:
        return Shape(m.state)
    epss = UNKNOWN if m.epss is None else next(name for least, name in EPSS_BUCKETS if m.epss >= least)
    month = None if m.published is None else (m.published.year, m.published.month)
    return Shape(
        m.state, m.severity, one.priority.band, m.kev, m.eukev, m.ransomware, m.exploited_eu, m.exploitation, m.status, m.cvss_provider,
        m.criteria_sources, epss, month,
    )  # fmt: skip


def _dims(one: Shape) -> Iterator[Dim]:
    yield "cves", STATES[one.state]
    if one.state is State.REJECTED:
        return
    yield "severity", one.severity
    yield "band", str(one.band)
    for metric, dim, holds in (
        ("kev", "kev", one.kev), ("kev", "eu-kev", one.eukev), ("ransomware", "known", one.ransomware), ("exploited_eu", "known", one.exploited_eu),
    ):  # fmt: skip
        if holds:
            yield metric, dim
    yield "ssvc", UNKNOWN if one.exploitation is None else one.exploitation.name.lower()
    yield "nvd_status", one.status[:STATUS_MAX] or UNKNOWN
    yield "cvss_source", "none" if one.provider is None else PROVIDERS[one.provider]
    yield "coverage", "none" if not one.criteria else "with_criteria" if ENRICHED.intersection(one.criteria) else "only_cna"
    yield "epss", one.epss
    yield "published_month", UNKNOWN if one.published is None else "{:04d}-{:02d}".format(*one.published)
