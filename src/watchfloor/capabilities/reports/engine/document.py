"""Bring a document into the order in which people read it, and count it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.reports.schemas import Document, ReportFinding

# C0, C1, direction overrides and isolates, zero width, byte order mark, line separators: they hide or reorder what a reader sees.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]")


def visible(text: str) -> str:
    r"""Return text in which every character that hides or reorders others is written as \\uNNNN."""
    return HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def worst_first(findings: Iterable[ReportFinding]) -> list[ReportFinding]:
    """Return findings by severity, then target, port, title and key."""
    return sorted(findings, key=lambda one: (-one.severity.rank, one.target, one.port or 0, one.title, one.key))


def counts(finding: ReportFinding) -> bool:
    """Tell whether a finding is open; accepted risks, false positives and what is fixed are listed, and not counted."""
    return finding.status == "open"


def by_severity(document: Document) -> dict[Severity, int]:
    """Return how many open findings there are of each severity, all severities named, worst first."""
    counted = Counter(finding.severity for section in document.sections for finding in section.findings if counts(finding))
    return {severity: counted[severity] for severity in reversed(Severity)}


def verdict(counts: dict[Severity, int]) -> str:
    """Return the first sentence a busy person reads."""
    urgent, total = counts[Severity.CRITICAL] + counts[Severity.HIGH], sum(counts.values())
    if urgent:
        return f"{urgent} of {total} {'finding' if total == 1 else 'findings'} should be looked at first."
    if total:
        return f"{total} {'finding' if total == 1 else 'findings'}, none of them critical or high."
    return "No findings. This speaks only for what was looked at."
