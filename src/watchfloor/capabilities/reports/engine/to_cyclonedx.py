"""Render what a snapshot claims about CVEs as CycloneDX 1.6 with VEX. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.filtered import plain
from watchfloor.capabilities.reports.engine.machine import TOOL, VERSION, listed, moment, piece
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.engine.vex import Status, claims, document_id
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.engine.vex import Place, Vulnerability
    from watchfloor.capabilities.reports.schemas.snapshot import Options

SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.6.schema.json"
# CycloneDX has a word of its own for what was attributed wrongly; its reasons for not_affected would each claim more than a false positive says.
STATES: Final = {
    Status.AFFECTED: "exploitable", Status.FIXED: "resolved", Status.NOT_AFFECTED: "false_positive", Status.UNDER_INVESTIGATION: "in_triage",
}  # fmt: skip
SEVERITIES: Final = frozenset({"critical", "high", "medium", "low", "info"})


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write every place that a CVE speaks of, then one entry for each CVE and claim; without CVEs both lists are empty."""
    found, shown = claims(spool.rows(FINDINGS))
    head = spool.head
    author = visible(options.author)
    about = {
        "$schema": SCHEMA, "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{document_id(spool.sha256)}", "version": 1,
        "metadata": {
            "timestamp": moment(head.as_of), "tools": {"components": [{"type": "application", "name": TOOL, "version": VERSION}]},
            "component": {"type": "platform", "bom-ref": "subject", "name": visible(head.subject or head.org) or TOOL},
            "properties": [
                {"name": "watchfloor:snapshot", "value": spool.sha256}, *({"name": "watchfloor:filtered", "value": said} for said in (plain(head),) if said)
            ],
            **({"authors": [{"name": author}]} if author else {}),
        },
    }  # fmt: skip
    out(piece(about)[:-1] + b',"components":')
    places = {place.key: place for one in found for place in one.claims}
    listed((_component(places[key]) for key in sorted(places)), out)
    out(b',"vulnerabilities":')
    listed(_entries(found, moment(head.as_of)), out)
    out(b"}\n")
    return Rendered(rows_shown=shown, rows_total=spool.counts.get(FINDINGS, 0))


def _component(place: Place) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "application" if place.product else "device",
        "bom-ref": place.key,
        "name": place.product or place.target,
    }
    if place.version and place.product:
        told["version"] = place.version
    if place.cpe:
        told["cpe"] = place.cpe
    told["properties"] = [{"name": "watchfloor:target", "value": place.target}]
    if place.port is not None:
        told["properties"].append({"name": "watchfloor:port", "value": f"{place.port}/{place.protocol}".rstrip("/")})
    return told


def _entries(found: list[Vulnerability], as_of: str) -> Iterator[dict[str, Any]]:
    for one in found:
        alike: dict[tuple[Status, str, str], list[str]] = {}
        for place, claim in one.claims.items():
            alike.setdefault((claim.status, claim.action, claim.impact), []).append(place.key)
        for number, ((status, action, impact), keys) in enumerate(sorted(alike.items()), start=1):
            analysis: dict[str, Any] = {"state": STATES[status], "lastUpdated": as_of}
            if impact or action:
                analysis["detail"] = impact or action
            told: dict[str, Any] = {
                "bom-ref": f"{one.cve}/{number}",
                "id": one.cve,
                "analysis": analysis,
                "affects": [{"ref": key} for key in sorted(keys)],
            }
            told["source"] = {"name": "CVE Program", "url": f"https://www.cve.org/CVERecord?id={one.cve}"}
            if one.severity in SEVERITIES:
                told["ratings"] = [{"source": {"name": TOOL}, "severity": one.severity, "method": "other"}]
            if one.description:
                told["description"] = one.description
            if status is Status.AFFECTED and action:
                told["recommendation"] = action
            if one.references:
                told["advisories"] = [{"url": address} for address in one.references]
            yield told
