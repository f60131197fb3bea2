"""Say in words which findings a report lists, so that nobody takes a filtered one for a clean bill. Pure."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.reports.schemas.snapshot import Head
    from watchfloor.kernel.sections import FindingFilter


def heading(words: Words) -> str:
    """Return what stands before these sentences."""
    return words("Filtered")


def told(head: Head, words: Words) -> str:
    """Return by what the findings are filtered and how many do not pass; empty where all are listed."""
    if head.scope.filters is None:
        return ""
    return " ".join(_sentences(head, head.scope.filters, words))


def plain(head: Head) -> str:
    """Return the same in English, for programs and for whoever reads their files."""
    return told(head, Words())


def verdict(head: Head, words: Words, whole: str) -> str:
    """Return the first sentence that a busy person reads, given the one of a report that lists everything."""
    if head.scope.filters is None:
        return whole
    if not any(head.findings.get("open", {}).values()):
        return nothing(head, words)
    return words("Of what passes the filter: {verdict}").format(verdict=whole)


def nothing(head: Head, words: Words) -> str:
    """Return what is said where no open finding is listed."""
    if head.scope.filters is None:
        return words("No open findings. This speaks only for what was looked at.")
    if head.scope.filters.lists_open:
        return words("No open finding passes this report's filter. It does not say that there are none.")
    return words("Open findings are not listed in this report. It does not say that there are none.")


def left_out(head: Head, words: Words) -> str:
    """Return which sections nobody chose; empty where all tell."""
    chosen = head.scope.sections
    titles = [words(one.title) for one in head.sections if chosen and one.name not in chosen and not one.audiences]
    return words("These sections were not asked for: {titles}.").format(titles=", ".join(titles)) if titles else ""


def _sentences(head: Head, filters: FindingFilter, words: Words) -> Iterator[str]:
    conditions = reduce(lambda before, after: words("{before}; {after}").format(before=before, after=after), _conditions(filters, words))
    yield words("Only findings that pass this filter are listed and counted: {conditions}.").format(conditions=conditions)
    unlisted, still = sum(head.unlisted.values()), head.unlisted.get("open", 0)
    if unlisted:
        yield words.counted(unlisted, "{count} finding does not pass.", "{count} findings do not pass.")
        yield words.counted(still, "{count} of them is open.", "{count} of them are open.")
    yield words("What else is told of assets, services and advisories is not filtered.")


def _conditions(filters: FindingFilter, words: Words) -> Iterator[str]:
    if filters.min_severity != Severity.INFO:
        yield words("{severity} or graver").format(severity=words.named(words("Severity"), words.severity(filters.min_severity)))
    if filters.states:
        yield words.named(words("State"), ", ".join(map(words.severity, filters.states)))
    if filters.capabilities:
        yield words.named(words("Found by"), ", ".join(filters.capabilities))
    if filters.known_exploited:
        yield words("Known exploited")
