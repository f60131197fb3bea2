"""The events that can be followed, as the parts of this version declare them, and what whoever is told of them must hold. Pure."""

from __future__ import annotations

from typing import Final

EVENTS: Final = {
    "advisories.counters_drifted": "finding.read",
    "advisories.source_recovered": "finding.read",
    "advisories.source_refused": "finding.read",
    "advisories.updated": "finding.read",
    "advisories.watch_hit": "finding.read",
    "channel.disabled": "notification.read",
    "delivery.dead": "notification.read",
    "escalation.unreached": "notification.read",
    "finding.accepted": "finding.read",
    "finding.false_positive": "finding.read",
    "finding.fixed": "finding.read",
    "finding.opened": "finding.read",
    "finding.reopened": "finding.read",
    "job.failed": "job.read",
    "job.quarantined": "job.read",
    "match.band_changed": "finding.read",
    "match.closed": "finding.read",
    "match.confidence_raised": "finding.read",
    "match.new": "finding.read",
    "notifications.health_changed": "notification.read",
    "reports.failed": "report.read",
    "reports.ready": "report.read",
    "reports.short_of_room": "report.read",
    "scans.cancelled": "finding.read",
    "scans.changed": "finding.read",
    "scans.finished": "finding.read",
    "scans.healthy": "finding.read",
    "scans.unhealthy": "finding.read",
    "schedule.missed": "job.read",
}
# Of events that others make up and send by hand: by the noun that the name begins with.
NOUNS: Final = {
    "advisories": "finding.read",
    "advisory": "finding.read",
    "asset": "asset.read",
    "assets": "asset.read",
    "audit": "audit.read",
    "finding": "finding.read",
    "findings": "finding.read",
    "job": "job.read",
    "jobs": "job.read",
    "match": "finding.read",
    "report": "report.read",
    "reports": "report.read",
    "scan": "finding.read",
    "scans": "finding.read",
    "schedule": "job.read",
}
LEAST: Final = "notification.read"


def permission_of(event: str) -> str:
    """Return what somebody must hold to be told of an event: what reads its subject."""
    return EVENTS.get(event) or NOUNS.get(event.partition(".")[0], LEAST)
