"""What a verdict comes to for an asset: a match with its priority and deadline, and what people are told about it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.capabilities.advisories.engine.match import NAMES
from watchfloor.capabilities.advisories.engine.priority import Where, score
from watchfloor.capabilities.advisories.engine.verdict import verdict as deadline
from watchfloor.capabilities.advisories.schemas.words import Band, MatchClass, Source, name_of
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from datetime import date

    from watchfloor.capabilities.advisories.engine.match import Verdict
    from watchfloor.capabilities.advisories.schemas.merged import Merged
    from watchfloor.capabilities.advisories.schemas.words import Exposure

SEVERITIES = {Band.CRITICAL: Severity.CRITICAL, Band.HIGH: Severity.HIGH, Band.MEDIUM: Severity.MEDIUM, Band.LOW: Severity.LOW}
TITLE_MAX = 180


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One advisory that meets one fact of an asset: what adv_match keeps beside the ids."""

    kind: MatchClass
    confidence: float
    src: Source
    criterion: dict[str, Any]
    exposure: Exposure
    priority: float
    band: Band
    why: dict[str, Any]
    deadline: str
    due_on: date | None

    def differs(self, other: Match) -> bool:
        """Tell whether something that people see differs; points may move by less than anybody sees."""
        return msgspec.structs.replace(self, why={}, confidence=0) != msgspec.structs.replace(other, why={}, confidence=0) or (
            abs(self.confidence - other.confidence) > 0.001  # noqa: PLR2004 - stored as a real
            or self.why.get("match") != other.why.get("match")
        )


def weigh(found: Verdict, merged: Merged, exposure: Exposure, label: str, first_seen: date, today: date) -> Match:
    """Return what a verdict comes to."""
    one = found.rule.criterion
    where = Where(exposure, found.confidence)
    scored, due = score(merged, today, where), deadline(merged, where)
    return Match(
        kind=found.kind, confidence=found.confidence, src=one.src,
        criterion={"part": one.part, "vendor": one.vendor, "product": one.product, "text": one.text, "fix": one.fix, "seen": label,
                   "certain": found.value is True},
        exposure=exposure, priority=scored.priority, band=scored.band,
        why={"match": found.why, "points": scored.points, "rule": scored.rule, "assumed": list(scored.assumed)},
        deadline=str(due.deadline) if due else "", due_on=due.due(first_seen) if due else None,
    )  # fmt: skip


def name(k: int, merged: Merged | None) -> str:
    """Return the id of an advisory, even of one that is gone."""
    return merged.cve_id if merged is not None else name_of(k)


def title(merged: Merged, label: str) -> str:
    """Return one line: the CVE, what runs there, and what it is."""
    told = merged.title or merged.descr.partition(". ")[0]
    return f"{merged.cve_id} in {label}{f': {told}' if told else ''}"[:TITLE_MAX]


def remedy(match: Match, product: str) -> str:
    """Return what to do."""
    fix = match.criterion["fix"]
    name = product or match.criterion["product"]
    if match.kind is MatchClass.BACKPORT:
        ask = f"Ask the distribution whether its build of {name} holds the fix, and install its updates."
        return f"{ask} Upstream it is fixed in {fix}." if fix else ask
    if fix:
        return f"Update {name} to {fix} or later."
    return f"Update {name} to a version outside {match.criterion['text']}, or follow what its supplier advises."


def evidence(match: Match, merged: Merged) -> dict[str, Any]:
    """Return what the finding rests on."""
    return {
        "cve": merged.cve_id, "why": match.why["match"], "class": str(match.kind), "confidence": match.confidence,
        "source": NAMES.get(match.src, match.src.label), "affected": match.criterion["text"], "fixed_in": match.criterion["fix"] or None,
        "seen": match.criterion["seen"], "priority": match.priority, "band": str(match.band), "rule": match.why["rule"],
        "exposure": str(match.exposure), "kev": merged.kev, "deadline": match.deadline or None,
        "due_on": match.due_on.isoformat() if match.due_on else None,
    }  # fmt: skip


def severity(match: Match) -> Severity:
    """Return the severity that stands for a band."""
    return SEVERITIES.get(match.band, Severity.INFO)


def references(merged: Merged) -> tuple[str, ...]:
    """Return where to read on."""
    if not merged.cve_id.startswith("CVE-"):
        return (f"https://euvd.enisa.europa.eu/vulnerability/{merged.cve_id}",)
    return (f"https://nvd.nist.gov/vuln/detail/{merged.cve_id}", f"https://www.cve.org/CVERecord?id={merged.cve_id}")
