"""The facts that events have, as templates name them: what an organisation may put into its own words. Pure."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.matching import glob_fits

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.message import Message

# Every message has these; where it is about no asset, leads nowhere or says nothing more, they are empty.
COMMON: Final = ("event", "severity", "title", "asset", "text", "link", "time")
_COUNTED: Final = ("critical", "high", "medium", "low", "info")
_FINDING: Final = ("finding", "capability", "check", "target", "port", "protocol", "reason", "actor")
_MATCH: Final = ("cve", "priority", "band", "old", "new", "assets", "count")
_DIFFERENCES: Final = (
    "hosts_new", "hosts_gone", "hosts_changed", "ports_opened", "ports_reopened", "ports_closed", "ports_filtered", "services_changed", "findings_new",
    "findings_fixed", "findings_returned",
)  # fmt: skip
FACTS: Final[dict[str, tuple[str, ...]]] = {
    "advisories.counters_drifted": (),
    "advisories.source_recovered": ("source", "reason"),
    "advisories.source_refused": ("source", "reason"),
    "advisories.updated": ("added", "changed", "removed"),
    "advisories.watch_hit": ("watch", "name", "cve_id", "kind", "old", "new", "source", "at", "priority", "band", "assets", "asset_ids"),
    "channel.disabled": ("channel", "kind", "owner", "reason"),
    "delivery.dead": ("delivery", "channel", "kind", "reason"),
    "escalation.unreached": ("escalation", "step", "steps", "notification"),
    "finding.accepted": (*_FINDING, "until"),
    "finding.false_positive": _FINDING,
    "finding.fixed": _FINDING,
    "finding.opened": _FINDING,
    "finding.reopened": _FINDING,
    "job.failed": ("job", "kind", "attempts", "reason"),
    "job.quarantined": ("job", "kind", "attempts", "reason"),
    "match.band_changed": _MATCH,
    "match.closed": ("cve", "reason", "assets", "count"),
    "match.confidence_raised": _MATCH,
    "match.new": _MATCH,
    "message.sent": ("entity_type", "entity_id"),
    "message.test": (),
    "notifications.digest": (*_COUNTED, "resolved"),
    "notifications.group": (),
    "notifications.health_changed": ("status", "checks"),
    "reports.failed": ("report", "format", "reason"),
    "reports.ready": ("report", "scan", "format", "artifact"),
    "scans.cancelled": ("scan",),
    "scans.changed": (
        "scan", "base", *(f"counts_{one}" for one in _DIFFERENCES), "not_compared_hosts", "not_compared_ports",
    ),
    "scans.finished": ("scan", "state", "error", *(f"findings_{one}" for one in _COUNTED), "total", "critical", "high"),
    "scans.healthy": ("checks",),
    "scans.unhealthy": ("checks",),
    "schedule.missed": ("schedule", "name", "kind", "missed", "first", "last", "runs"),
}  # fmt: skip


def names_of(event: str) -> tuple[str, ...]:
    """Return what a template for this event, or for all that a pattern means, may name; events that nobody declared have no facts of their own."""
    own = {name for known, names in FACTS.items() if glob_fits(event, known) for name in names}
    return (*COMMON, *sorted(own - set(COMMON)))


def values_of(message: Message) -> dict[str, str]:
    """Return what a message says by the names that templates use; what nobody says is not there."""
    found: dict[str, str] = {}
    for fact, value in message.facts.items():
        found.setdefault(re.sub(r"[^a-z0-9]+", "_", fact.lower()).strip("_"), value)
    common = (
        message.type, str(message.severity), message.title, message.asset, "\n".join(message.lines), message.link,
        message.occurred_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )  # fmt: skip
    return found | dict(zip(COMMON, common, strict=True))
