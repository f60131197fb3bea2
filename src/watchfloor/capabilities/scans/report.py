"""A scan's section of a report: rows, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.capabilities.scans.models import Scan
from watchfloor.capabilities.scans.queries import difference, read
from watchfloor.kernel.db.keyset import LIMIT_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.difference import Difference, PortChange
    from watchfloor.capabilities.scans.queries.views import HostView, ScanFindingView, ScanView, ServiceView
    from watchfloor.kernel.db.keyset import Page

ROWS_MAX = 3000
METHOD = (
    "Every port was asked for a TCP connection; silent ones were asked again before they counted as filtered.",
    "What answers was identified from its greeting, its answer to a plain HTTP request and its TLS handshake. Nobody signed in anywhere.",
)


def section(session: Session, subject: UUID) -> dict[str, Any]:
    """Return the section about a scan of the transaction's organisation, or nothing when `subject` is no scan."""
    org = session.scalar(select(Scan.org).where(Scan.id == subject))
    if org is None:
        return {}
    view = read.get_scan(session, org, subject)
    findings: list[ScanFindingView] = _rows(lambda after: read.list_scan_findings(session, org, subject, limit=LIMIT_MAX, after=after))
    services: list[ServiceView] = _rows(lambda after: read.list_services(session, org, subject, limit=LIMIT_MAX, after=after))
    hosts: list[HostView] = _rows(lambda after: read.list_hosts(session, org, subject, limit=LIMIT_MAX, after=after))
    changes = _changes(session, org, view)
    return {
        "name": "scans",
        "title": "Exposed services",
        "summary": _summary(view) + (f" The gravest {len(findings):,} findings are listed." if len(findings) < view.findings else ""),
        "figures": [
            {"label": "Addresses looked at", "value": view.hosts},
            {"label": "Addresses that answered", "value": view.hosts_up},
            {"label": "Open ports", "value": view.open_ports},
            {"label": "Findings", "value": view.findings},
        ],
        "findings": [_finding(one) for one in findings],
        "tables": [*changes, _services(services, view.open_ports), _hosts(hosts, view.hosts_up)],
        "not_looked_at": view.not_looked_at,
        "method": [*METHOD, *view.notes],
    }


def _rows(fetch: Callable[[str | None], Page[Any]]) -> list[Any]:
    found: list[Any] = []
    after: str | None = None
    while len(found) < ROWS_MAX:
        page = fetch(after)
        found += page.items
        after = page.next
        if after is None:
            break
    return found[:ROWS_MAX]


def _summary(view: ScanView) -> str:
    targets = ", ".join(view.targets[:10]) + (f" and {view.targets_total - 10} more" if view.targets_total > 10 else "")  # noqa: PLR2004 - a sentence has room for ten
    ended = {"finished": "Everything that was asked for was looked at.", "cancelled": "The scan was cancelled before its end."}
    return f"Targets: {targets}. Ports: {view.ports}. {ended.get(view.state, 'Not everything was looked at.')}"


def _finding(one: ScanFindingView) -> dict[str, Any]:
    return {
        "key": one.key, "title": one.title, "severity": one.severity, "target": one.target, "port": one.port, "protocol": one.protocol,
        "description": one.description, "evidence": one.evidence, "remedy": one.remedy, "references": one.references,
        "status": one.state.replace("_", " "), "reason": _reason(one), "first_seen": one.first_seen, "last_seen": one.last_seen,
    }  # fmt: skip


def _reason(one: ScanFindingView) -> str:
    until = f"until {one.accepted_until:%d %B %Y, %H:%M} UTC: " if one.accepted_until and one.state == "accepted" else ""
    return until + (one.reason or "")


def _changes(session: Session, org: UUID, view: ScanView) -> list[dict[str, Any]]:
    """Return one table of what changed since the scan before of the same targets; none before this one has ended."""
    if view.finished_at is None or not view.targets:
        return []
    columns = ["What", "Where", "Port", "Change", "Before", "Now"]
    base = difference.previous(session, org, view.id)
    if base is None:
        return [
            {
                "title": "What changed",
                "columns": columns,
                "empty": "This is the first scan of these targets and ports: nothing to compare with.",
            }
        ]
    found, before = difference.difference(session, org, view.id), read.get_scan(session, org, base)
    when = f" of {before.finished_at:%d %B %Y, %H:%M} UTC" if before.finished_at else ""
    return [
        {
            "title": f"What changed since the scan{when}",
            "columns": columns,
            "rows": list(_change_rows(found)),
            "note": _unknown(found),
            "empty": "Nothing.",
        }
    ]


def _change_rows(found: Difference) -> Iterator[list[Any]]:
    for host in found.hosts:
        if host.change != "changed":  # what changed on a host is in the lines that follow
            yield ["Host", f"{host.address} {host.name}".strip(), "", host.change, "", ""]
    for port in found.ports:
        told = " ".join(part for part in (port.service, port.product, port.version) if part)
        yield ["Port", port.address, f"{port.port}/{port.protocol}", _word(port), *(("", told) if "open" in port.change else (told, ""))]
    for service in found.services:
        yield ["Service", service.address, f"{service.port}/{service.protocol}", service.field, service.before, service.after]
    for finding in found.findings:
        where = "" if finding.port is None else f"{finding.port}/{finding.protocol}"
        yield [
            "Finding",
            finding.target,
            where,
            finding.change,
            *(("", finding.title) if finding.change != "fixed" else (finding.title, "")),
        ]


def _word(port: PortChange) -> str:
    return {"reopened": "opened again", "filtered": "silent now"}.get(port.change, port.change)


def _unknown(found: Difference) -> str:
    missed = found.not_compared
    cut = "Only the first 1,000 changes of each kind are listed; the API counts all. " if found.cut else ""
    if not (missed.hosts or missed.ports):
        return cut.strip()
    return f"{cut}Not compared, because one of the scans did not look there: {missed.hosts:,} hosts and {missed.ports:,} ports."


def _services(services: list[ServiceView], total: int) -> dict[str, Any]:
    ordered = sorted(services, key=lambda one: (one.address, one.port))
    return {
        "title": "Open ports",
        "columns": ["Address", "Name", "Port", "Service", "Product", "Version", "TLS"],
        "rows": [
            [
                one.address,
                one.host_name,
                f"{one.port}/{one.protocol}",
                one.name,
                one.product,
                one.version,
                one.detail.get("tls_version", ""),
            ]
            for one in ordered
        ],
        "note": _cut(len(ordered), total),
        "empty": "No open port was seen.",
    }


def _hosts(hosts: list[HostView], total: int) -> dict[str, Any]:
    rows = [[one.address, one.name, one.ports.open, one.ports.closed, one.ports.filtered, one.ports.skipped] for one in hosts]
    return {
        "title": "Hosts",
        "columns": ["Address", "Name", "Open", "Closed", "Filtered", "Not looked at"],
        "rows": sorted(rows, key=lambda row: str(row[0])),
        "note": _cut(len(rows), total),
        "empty": "No address answered.",
    }


def _cut(shown: int, total: int) -> str:
    return f"{shown:,} of {total:,} are listed; the API has all." if shown < total else ""
