"""NVD's records. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.normalise.configurations import criteria_of
from watchfloor.capabilities.advisories.engine.normalise.said import english, score_of, severity, weaknesses
from watchfloor.capabilities.advisories.schemas.facts import Fact, Metric, Normal
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.words import Flag, Provider, Source, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.advisories.schemas.records.nvd import Cvss, NvdRecord

NVD = "nvd@nist.gov"
CISA_ADP = "134c704f-9b21-4f2e-91b3-4a467353bcc0"
# Numbers, not flags: joining flags takes longer than all the rest of a record.
TAGS = {"disputed": int(Flag.DISPUTED), "unsupported-when-assigned": int(Flag.UNSUPPORTED), "exclusively-hosted-service": int(Flag.HOSTED)}
REFERENCES = {"Exploit": int(Flag.EXPLOIT_REF), "Patch": int(Flag.PATCH_REF)}


def nvd(k: int, record: NvdRecord) -> Normal:
    """Return what NVD says about one CVE; whatever a rejected record still holds is kept as well."""
    metrics = tuple(_metrics(k, record))
    criteria, skipped = criteria_of(record.configurations, k=k, src=Source.NVD)
    fact = Fact(
        k=k,
        src=Source.NVD,
        state=State.REJECTED if record.vuln_status.lower() == "rejected" else State.PUBLISHED,
        status=record.vuln_status,
        descr=english(record.descriptions),
        published=moment(record.published),
        modified=moment(record.last_modified),
        cwes=weaknesses([one.value for weakness in record.weaknesses for one in weakness.description]),
        flags=_flags(record, metrics),
    )
    return Normal(fact=fact, metrics=metrics, criteria=tuple(criteria), skipped=skipped)


def _flags(record: NvdRecord, metrics: tuple[Metric, ...]) -> Flag:
    flags = 0
    for tagged in record.cve_tags:
        for tag in tagged.tags:
            flags |= TAGS.get(tag.lower(), 0)
    for reference in record.references:
        for tag in reference.tags:
            flags |= REFERENCES.get(tag, 0)
    if any(one.version == "4.0" and not {"E:P", "E:A"}.isdisjoint(one.vector.split("/")) for one in metrics):
        flags |= int(Flag.V4_POC)
    return Flag(flags)


def _metrics(k: int, record: NvdRecord) -> Iterator[Metric]:
    given = record.metrics
    for version, scores in (("4.0", given.v40), ("3.1", given.v31), ("3.0", given.v30), ("2.0", given.v2)):
        for one in scores:
            cvss = one.cvss_data
            # A metric without a score, or with one that CVSS does not have, says nothing.
            if cvss is None or (score := score_of(cvss.base_score)) is None:
                continue
            yield Metric(
                k=k,
                src=Source.NVD,
                version=version,
                provider=_provider(one, record),
                score=score,
                vector=cvss.vector_string,
                severity=(cvss.base_severity or one.base_severity).lower() or severity(score, version),
            )


def _provider(score: Cvss, record: NvdRecord) -> Provider:
    if score.source == NVD:
        return Provider.NVD
    if score.source == CISA_ADP:
        return Provider.CISA_ADP
    return Provider.CNA if score.source == record.source_identifier else Provider.OTHER
