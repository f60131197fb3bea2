"""The facts that events have, as templates name them: what an organisation may put into its own words. Pure."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine.matching import glob_fits
from watchfloor.capabilities.notifications.engine.told import SAID

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "reports.short_of_room": ("reason", "needed_bytes", "free_bytes"),
    "scans.cancelled": ("scan",),
    "scans.changed": (
        "scan", "base", *(f"counts_{one}" for one in _DIFFERENCES), "not_compared_hosts", "not_compared_ports",
    ),
    "scans.finished": ("scan", "state", "error", *(f"findings_{one}" for one in _COUNTED), "total", "critical", "high"),
    "scans.healthy": ("checks",),
    "scans.unhealthy": ("checks",),
    "schedule.missed": ("schedule", "name", "kind", "missed", "first", "last", "runs"),
}  # fmt: skip


def facts_in(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that an event of this shape becomes, each with what it means: one level of what is inside others, as `message_of` reads it."""
    found: dict[str, str] = {}
    for name, one in schema.get("properties", {}).items():
        shape = _resolved(one, schema)
        inner = shape.get("properties") or {key: {} for key in _resolved(shape.get("propertyNames", {}), schema).get("enum", ())}
        if inner:
            found |= {f"{name} {each}": told.get("description", "") for each, told in inner.items()}
        elif name not in SAID and shape.get("type") != "object":
            found[name] = one.get("description", "")
    return found


def _resolved(one: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a shape is where it is named elsewhere, and of what may be missing, what it is otherwise."""
    one = next((each for each in one.get("anyOf", ()) if each.get("type") != "null"), one)
    return schema["$defs"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one


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
