"""What events are called in a subject line; an event that nobody wrote a line for is called by its name. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GRAVEST: Final = ("critical", "high", "medium", "low", "info")


def retitled(name: str) -> bool:
    """Tell whether an event's line says what became of what its own title names: a title alone would sound as if it were open."""
    return name.startswith("finding.") and name in _TITLES


def title_of(name: str, data: Mapping[str, Any]) -> str:
    """Return one line that says what happened, with the figures that people decide by."""
    told = _TITLES.get(name)
    return told(data) if told is not None else name.replace(".", " ").replace("_", " ").capitalize()


def _ended(data: Mapping[str, Any]) -> str:
    state = str(data.get("state") or "finished")
    how = "has ended" if state == "finished" else f"is {state}"
    return f"Scan {how}: {data['error']}" if data.get("error") else f"Scan {how}: {_counted(data.get('findings'))}"


def _counted(found: object) -> str:
    """Say how many findings there are and how grave, such as 5 findings, 1 critical, 2 high."""
    counts = {str(key): value for key, value in found.items() if isinstance(value, int)} if isinstance(found, dict) else {}
    total = sum(counts.values())
    graves = [f"{counts[one]} {one}" for one in GRAVEST[:3] if counts.get(one)]
    return ", ".join([f"{total} finding{'' if total == 1 else 's'}" if total else "no findings", *graves])


def _changed(data: Mapping[str, Any]) -> str:
    counts = data.get("counts")
    told = [f"{value} {str(key).replace('_', ' ')}" for key, value in counts.items() if value] if isinstance(counts, dict) else []
    return f"Something changed since the scan before: {', '.join(told[:6])}" if told else "Something changed since the scan before"


def _said(text: str, *names: str) -> Callable[[Mapping[str, Any]], str]:
    """Return a line with facts in the places of `{}`; a fact that is missing is said to be unknown."""
    return lambda data: text.format(*(_words(data.get(name)) for name in names))


def _words(value: object) -> str:
    told = ", ".join(map(str, value[:5])) if isinstance(value, list) else str(value or "")
    return told[:120] or "unknown"


_TITLES: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "scans.finished": _ended,
    "scans.changed": _changed,
    "scans.cancelled": _said("A scan was cancelled"),
    "scans.unhealthy": _said("Scanning has trouble: {}", "checks"),
    "scans.healthy": _said("Scanning is well again"),
    "finding.reopened": _said("Open again: {}", "title"),
    "finding.fixed": _said("Fixed: {}", "title"),
    "finding.accepted": _said("Risk accepted: {}", "title"),
    "finding.false_positive": _said("Called no finding: {}", "title"),
    "job.failed": _said("A job has failed: {} ({})", "kind", "reason"),
    "job.quarantined": _said("A job was set aside, it took its worker down {} times: {}", "attempts", "kind"),
    "schedule.missed": _said("The schedule {} could not tick {} times", "name", "missed"),
    "advisories.updated": _said("Advisories were updated"),
    "advisories.source_refused": _said("{} cannot be read: {}", "source", "reason"),
    "advisories.source_recovered": _said("{} answers again", "source"),
    "advisories.watch_hit": _said("{}: {} ({})", "cve_id", "kind", "name"),
    "match.new": _said("Known vulnerabilities meet your assets"),
    "match.closed": _said("Known vulnerabilities meet your assets no more: {}", "reason"),
    "match.band_changed": _said("Vulnerabilities of your assets went from {} to {}", "old", "new"),
    "reports.ready": _said("A report is ready: {}", "format"),
    "reports.failed": _said("A report could not be written: {}", "reason"),
    "reports.short_of_room": _said("Reports wait for room on a disk: {}", "reason"),
    "channel.disabled": _said("A {} channel was switched off: {}", "kind", "reason"),
    "delivery.dead": _said("A message over {} was given up: {}", "kind", "reason"),
    "escalation.unreached": _said("Nobody could be reached by step {} of the escalation {}", "step", "escalation"),
    "notifications.health_changed": _said("Notifications are {} now", "status"),
}
