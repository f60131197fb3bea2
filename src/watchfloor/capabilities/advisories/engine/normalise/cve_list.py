"""The CVE Program's records in the shape that all sources share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.engine.normalise.products import Found, configured, take
from watchfloor.capabilities.advisories.engine.normalise.said import english, score_of, severity, weaknesses
from watchfloor.capabilities.advisories.schemas.facts import Criterion, Fact, Metric, Normal, Ssvc
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.words import CVE, Exploitation, Flag, Provider, Source, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.capabilities.advisories.schemas.records.cve_list import Container, CveRecord
    from watchfloor.capabilities.advisories.schemas.records.nvd import CvssData

CISA_ADP = "134c704f-9b21-4f2e-91b3-4a467353bcc0"

STATES = {"PUBLISHED": State.PUBLISHED, "REJECTED": State.REJECTED, "RESERVED": State.RESERVED}
# Numbers, not flags: joining flags takes longer than reading them.
TAGS = {"disputed": int(Flag.DISPUTED), "unsupported-when-assigned": int(Flag.UNSUPPORTED), "exclusively-hosted-service": int(Flag.HOSTED)}
EXPLOITATION = {"none": Exploitation.NONE, "poc": Exploitation.POC, "public poc": Exploitation.POC, "active": Exploitation.ACTIVE}
YES = {"yes": True, "no": False}
IMPACT = {"total": True, "partial": False}
SHOWN = 100
MANY_METRICS = 100


def cve_list(k: int, record: CveRecord) -> Normal:
    """Return what one record of the CVE List says; of a rejected one only that, and what took its place."""
    meta, cna, adp = record.cve_metadata, record.containers.cna, record.containers.adp
    state = STATES.get(meta.state.upper(), State.PUBLISHED)
    said = cna.rejected_reasons if state is State.REJECTED else cna.descriptions
    published, modified = moment(meta.date_published), moment(meta.date_updated) or moment(meta.date_rejected)
    if state is State.REJECTED:
        replaced = tuple(sorted({one for one in cna.replaced_by if CVE.fullmatch(one)}))
        return Normal(fact=Fact(
            k=k, src=Source.CVE_LIST, state=state, status=meta.state, title=(cna.title or "").strip(), descr=english(said or cna.descriptions),
            published=published, modified=modified, replaced_by=replaced,
        ))  # fmt: skip
    metrics = _distinct(k, (cna, *adp))
    flags = _flags(cna, metrics)
    problems = (
        one.cwe_id or one.description for container in (cna, *adp) for problem in container.problem_types for one in problem.descriptions
    )
    found, criteria = _products(k, cna, adp)
    return Normal(
        fact=Fact(
            k=k, src=Source.CVE_LIST, state=state, status=meta.state, title=(cna.title or "").strip(), descr=english(said), published=published,
            modified=modified, cwes=weaknesses(problems), flags=flags,
        ),
        metrics=metrics, criteria=tuple(criteria), ssvc=_decision(k, adp), skipped=found.skipped,
    )  # fmt: skip


def _flags(cna: Container, metrics: Iterable[Metric]) -> Flag:
    flags = 0
    for tag in cna.tags:
        flags |= TAGS.get(tag.lower(), 0)
    if any(tag.lower() == "patch" for reference in cna.references for tag in reference.tags):
        flags |= int(Flag.PATCH_REF)
    # A supplier that says how mature attacks are says with E:P that there is a proof of concept, with E:A that there are attacks.
    if any(one.version == "4.0" and {"E:P", "E:A"} & set(one.vector.split("/")) for one in metrics):
        flags |= int(Flag.V4_POC)
    return Flag(flags)


def _distinct(k: int, containers: Iterable[Container]) -> tuple[Metric, ...]:
    seen = {(one.version, one.provider, one.score, one.vector): one for one in _metrics(k, containers)}
    return tuple(sorted(seen.values(), key=lambda one: (one.version, one.provider, -one.score, one.vector)))[:MANY_METRICS]


def _metrics(k: int, containers: Iterable[Container]) -> Iterator[Metric]:
    for at, container in enumerate(containers):
        provider = Provider.CNA if at == 0 else Provider.CISA_ADP if container.provider_metadata.org_id == CISA_ADP else Provider.OTHER
        for metric in container.metrics:
            scores = {"4.0": metric.cvss_v4, "3.1": metric.cvss_v31, "3.0": metric.cvss_v30, "2.0": metric.cvss_v2}
            for version, data in scores.items():
                if data is not None and (one := _metric(k, version, provider, data)) is not None:
                    yield one


def _metric(k: int, version: str, provider: Provider, data: CvssData) -> Metric | None:
    score = score_of(data.base_score)
    if score is None:
        return None
    word = data.base_severity.strip().lower()
    return Metric(
        k=k, src=Source.CVE_LIST, version=version, provider=provider, score=score, vector=data.vector_string.strip(),
        severity=severity(score, version) if version == "2.0" or not word else word,
    )  # fmt: skip


def _products(k: int, cna: Container, adp: Iterable[Container]) -> tuple[Found, list[Criterion]]:
    found = Found(k, Source.CVE_LIST)
    criteria: list[Criterion] = []
    cfg = 1  # products are configuration 0
    for container in (cna, *adp):
        made = configured(found, container.cpe_applicability, first_cfg=cfg)
        criteria += made
        cfg += len(container.cpe_applicability)
        # Where a container says in configurations what is affected, its list says it again, less exactly.
        for product in () if made else container.affected:
            take(found, product)
    return found, [*found.criteria, *criteria]


def _decision(k: int, adp: Iterable[Container]) -> Ssvc | None:
    """Return CISA's decision points, the newest where there are several; what others decide stands in the document and decides nothing."""
    found = [
        _ssvc(k, metric.other.content)
        for container in adp
        if container.provider_metadata.org_id == CISA_ADP
        for metric in container.metrics
        if metric.other is not None and metric.other.type.lower().startswith("ssvc") and isinstance(metric.other.content, dict)
    ]
    return max(reversed(found), key=lambda one: one.at.timestamp() if one.at else 0.0, default=None)


def _ssvc(k: int, content: dict[Any, Any]) -> Ssvc:
    """Read decision points that are options of a list, or members; their case varies."""
    options = content.get("options")
    said = {_word(name): _word(value) for name, value in content.items()}
    for option in options if isinstance(options, list) else ():
        if isinstance(option, dict):
            said.update({_word(name): _word(value) for name, value in option.items()})
    return Ssvc(
        k=k, src=Source.CVE_LIST, exploitation=EXPLOITATION.get(said.get("exploitation", "")), automatable=YES.get(said.get("automatable", "")),
        total=IMPACT.get(said.get("technical impact", "")), at=moment(_text(content.get("timestamp"))), role=_text(content.get("role"))[:SHOWN],
        version=_text(content.get("version"))[:SHOWN],
    )  # fmt: skip


def _word(value: Any) -> str:  # noqa: ANN401 - plain JSON of any shape
    return _text(value).strip().lower()


def _text(value: Any) -> str:  # noqa: ANN401 - plain JSON of any shape
    return value if isinstance(value, str) else ""
