"""A scan's section of a report: rows, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.capabilities.scans.models import Scan
from watchfloor.capabilities.scans.queries import read
from watchfloor.kernel.db.keyset import LIMIT_MAX

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy.orm import Session

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
        "tables": [_services(services, view.open_ports), _hosts(hosts, view.hosts_up)],
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
        "key": one.key, "title": one.title, "severity": one.severity, "target": one.target, "port": one.port, "evidence": one.evidence,
        "remedy": one.remedy, "status": one.state, "first_seen": one.first_seen,
    }  # fmt: skip


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
