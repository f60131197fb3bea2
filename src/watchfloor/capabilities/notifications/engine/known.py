"""The events that can be followed, as the parts of this version declare them. Pure."""

from __future__ import annotations

from typing import Final

EVENTS: Final = (
    "advisories.counters_drifted",
    "advisories.source_recovered",
    "advisories.source_refused",
    "advisories.updated",
    "advisories.watch_hit",
    "channel.disabled",
    "delivery.dead",
    "escalation.unreached",
    "finding.accepted",
    "finding.false_positive",
    "finding.fixed",
    "finding.opened",
    "finding.reopened",
    "match.band_changed",
    "match.closed",
    "match.confidence_raised",
    "match.new",
    "notifications.health_changed",
    "reports.failed",
    "reports.ready",
    "scans.cancelled",
    "scans.changed",
    "scans.finished",
    "scans.healthy",
    "scans.unhealthy",
)
