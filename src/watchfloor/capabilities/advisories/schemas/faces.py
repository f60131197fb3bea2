"""What callers of advisories get back and send: lines of lists, whole records, and what hangs on them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watchfloor.capabilities.advisories.schemas.words import Band, Deadline, Exposure, MatchClass
from watchfloor.kernel.db.listing import Found


class CvssView(BaseModel):
    """One CVSS score, and who gave it."""

    version: str
    score: float
    severity: str
    vector: str
    provider: str = Field(description="nvd, cna, cisa-adp or other")
    source: str = Field(description="The source in which it stands.")
    chosen: bool = Field(default=True, description="Whether it is the one that counts here.")


class EpssView(BaseModel):
    """How likely exploitation is within 30 days of `as_of`. `lev`: that it has happened already, as far as the scores before tell."""

    probability: float
    percentile: float | None
    as_of: date | None
    lev: float | None = None
    left_out_since: datetime | None = Field(None, description="Since when EPSS leaves this CVE out; what it told last stays.")


class AdvisoryLine(BaseModel):
    """One advisory in a list. None is unknown, never no."""

    id: str
    title: str
    summary: str = Field(description="The beginning of the description.")
    state: str
    priority: float
    band: Band
    cvss_version: str | None
    cvss_score: float | None
    severity: str
    epss: float | None
    percentile: float | None
    kev: bool
    eukev: bool
    ransomware: bool
    exploited: bool
    exploitation: str | None
    automatable: bool | None
    impact: str | None
    exploit: str | None = Field(description="weaponised, poc or null: none is published that we know of")
    cwes: list[str]
    tags: list[str]
    criteria: bool
    fix: bool
    published: datetime | None
    modified: datetime | None
    changed: datetime
    kev_added: datetime | None
    due: datetime | None
    matches: int = Field(description="How many of the organisation's assets it matches now.")


class FacetValue(BaseModel):
    """One value of a facet."""

    value: str
    count: int


class Facet(BaseModel):
    """How the hits divide. `whole`: the counts are of all advisories, because there are too many hits to count these."""

    values: list[FacetValue]
    whole: bool = False


class Advisories(Found[AdvisoryLine]):
    """One page of advisories."""

    sort: str = Field(description="The order, as it may be asked for.")
    facets: dict[str, Facet] | None = None


class Suggestion(BaseModel):
    """What may be typed; `count` is how many advisories have it, where that is known."""

    value: str
    count: int | None = None
    about: str = ""


class SourceWord(BaseModel):
    """What one source says about an advisory, in its own fields."""

    source: str
    state: str
    status: str
    title: str
    description: str
    published: datetime | None
    modified: datetime | None
    cwes: list[str]
    tags: list[str]
    exploited_since: datetime | None
    fetched_at: datetime | None
    hash: str | None = Field(description="BLAKE2b of the raw document.")
    notice: str = Field(description="Who is to be named, and under which terms.")


class RawDocument(BaseModel):
    """A source's document as it came, and the BLAKE2b hash of its canonical bytes."""

    id: str
    source: str
    hash: str
    source_modified: datetime | None
    fetched_at: datetime
    gone_at: datetime | None = Field(description="Since when the source does not have it any more.")
    document: Any


class KevView(BaseModel):
    """An entry of a catalog of known exploited vulnerabilities: kev is CISA's, eu-kev the EU's."""

    id: str
    catalog: str
    added: datetime
    due: datetime | None
    ransomware: bool | None
    name: str
    action: str
    removed: datetime | None = None


class SsvcView(BaseModel):
    """Decision points of one source; `chosen` are those that count."""

    source: str
    role: str
    exploitation: str | None
    automatable: bool | None
    impact: str | None
    at: datetime | None
    version: str
    chosen: bool


class Reference(BaseModel):
    """A page elsewhere about an advisory."""

    url: str
    tags: list[str]
    sources: list[str]


class Factor(BaseModel):
    """One factor of a priority: its points, the most it can give, what it rests on, who said so and when."""

    factor: str
    points: float
    max: float
    inputs: dict[str, Any]
    sources: list[str]
    as_of: date | None = None


class VerdictView(BaseModel):
    """How soon BOD 26-04 wants it mended, counted from the first sight of a match."""

    deadline: Deadline
    days: int | None = Field(description="None: with the next upgrade.")
    assumed: list[str] = Field(description="What nobody told, and was taken from the CVSS vector and score.")
    cisa_due: datetime | None = Field(None, description="The date that CISA's own catalog sets.")
    notice: str = "Not legal advice; follow the directive's text."


class Score(BaseModel):
    """A priority explained: the points add up to the score before `rule` lifts or caps it."""

    id: str
    priority: float
    band: Band
    rule: str
    factors: list[Factor]
    assumed: list[str]
    exposure: Exposure
    confidence: float
    on: date
    version: int
    verdict: VerdictView | None = None


class AffectedView(BaseModel):
    """One affected product, as a source states it."""

    source: str
    part: str
    vendor: str
    product: str
    versions: str
    fix: str
    vulnerable: bool
    configuration: int
    node: int
    all_of: bool = Field(description="Whether all nodes of the configuration must hold.")
    attributes: dict[str, str] = {}
    factor: float = Field(description="How far the source's word goes.")


class ChangeView(BaseModel):
    """One change of an advisory; `quiet` ones were written down and told to nobody."""

    id: str
    at: datetime
    kind: str
    old: Any
    new: Any
    source: str | None
    quiet: bool


class Changes(Found[ChangeView]):
    """One page of what happened."""


class Advisory(AdvisoryLine):
    """A merged record, and where each field came from."""

    description: str
    aliases: list[str]
    nvd_status: str
    cvss: list[CvssView]
    epss_detail: EpssView | None
    kev_entries: list[KevView]
    ssvc: list[SsvcView]
    exploits: list[str]
    sources: list[SourceWord]
    provenance: dict[str, list[str]] = Field(description="By field: the source that counted, then those that say something else.")
    score: Score
    products: list[str] = Field(description="Affected products, once each.")
    products_total: int
    references: list[Reference]
    rejects: int = Field(description="How many documents about it could not be read lately.")


class ProductLine(BaseModel):
    """A product that advisories name; `cves` is how many."""

    part: str = Field(description="a application, o operating system, h hardware")
    vendor: str
    product: str
    cves: int


class ProductPage(ProductLine):
    """A product: its other names, how its advisories divide, and the most urgent of them."""

    names: list[str]
    facets: dict[str, Facet]
    advisories: list[AdvisoryLine]


class KevEntries(Found[KevView]):
    """One page of a catalog."""


class Reject(BaseModel):
    """A document, or a part of one, that could not be read."""

    id: int
    source: str
    stream: str
    ref: str
    reason: str
    sample: str
    at: datetime


class Rejects(Found[Reject]):
    """One page of what could not be read."""


class SourceView(BaseModel):
    """How far a source is read, and what it told."""

    name: str
    enabled: bool
    state: str = Field(
        description="ok; failing: the last answers were refused or none; gap: something was missed; never: not read yet; off"
    )
    watermark: datetime | None
    checked_at: datetime | None
    changed_at: datetime | None
    ok_at: datetime | None
    failures: int
    gap_since: datetime | None
    gap_reason: str | None
    last_error: dict[str, Any] | None
    rows: int = Field(description="How many records its files held when they were read last.")
    notes: list[str] = Field(
        [], description="What was noticed when it was asked last: guards that somebody passed, doubled ids, odd pages."
    )
    notice: str


CpeText = Annotated[str, Field(min_length=1, max_length=2048)]
ITEMS = 1000


class ProductText(BaseModel):
    """A product in words, such as OpenSSH, and its version where it is known."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=300)
    version: str = Field("", max_length=255)


class MatchRequest(BaseModel):
    """What to match: CPE names, products in words, or both; at most 1,000 together."""

    model_config = ConfigDict(extra="forbid")

    cpes: list[CpeText] = Field([], max_length=ITEMS)
    products: list[ProductText] = Field([], max_length=ITEMS)
    platform: list[CpeText] = Field([], max_length=20, description="What they run on: operating system and hardware.")
    exposure: Exposure = Field(Exposure.UNKNOWN, description="From where they can be reached.")
    candidates: bool = Field(default=True, description="Also list what is too unsure to be a match.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        count = len(self.cpes) + len(self.products)
        if not 1 <= count <= ITEMS:
            raise ValueError(f"name 1 to {ITEMS:,} products, not {count:,}")
        return self


class MatchView(BaseModel):
    """One advisory that affects one item, or may."""

    item: str
    id: str
    title: str
    priority: float
    band: Band
    confidence: float
    match_class: MatchClass
    certain: bool = Field(description="False: something that decides is not known.")
    why: str
    source: str
    versions: str
    fix: str
    kev: bool
    deadline: str = Field(description="Of BOD 26-04; not legal advice.")


class Undecided(BaseModel):
    """An item of which not enough is known, and what that is."""

    item: str
    reason: str


class Tried(BaseModel):
    """What affects the items; at most 5,000 of each are listed, the most urgent first."""

    matches: list[MatchView]
    candidates: list[MatchView]
    matches_total: int
    candidates_total: int
    undecided: list[Undecided]
