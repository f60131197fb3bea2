"""Findings of a fixed shape on one host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.ledger import close_missing, record
from watchfloor.kernel.findings.queries import get_finding, list_findings

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.findings.schemas import FindingDetail

HOST = "192.0.2.1"


def found(session: Session, org: UUID, key: str = "telnet:192.0.2.1:23", **change: Any) -> bool:
    """Record one finding."""
    values: dict[str, Any] = {
        "key": key, "capability": "scans", "check": "cleartext", "asset": see(session, org, kind="host", key=HOST), "target": HOST, "port": 23,
        "title": "Telnet is open", "severity": Severity.HIGH, "evidence": {"banner": "login:"}, "remedy": "Use SSH.", "job": None,
    }  # fmt: skip
    return record(session, org, **{**values, **change})


def close(session: Session, org: UUID, **change: Any) -> list[UUID]:
    """Fix what was not seen on the host."""
    values: dict[str, Any] = {
        "capability": "scans", "asset": see(session, org, kind="host", key=HOST), "seen": [], "job": None, "actor": "test", "reason": "port closed",
    }  # fmt: skip
    return close_missing(session, org, **{**values, **change})


def only(session: Session, org: UUID) -> FindingDetail:
    """Return the organisation's one finding."""
    (one,) = list_findings(session, org).items
    return get_finding(session, org, one.id)


def told(session: Session, org: UUID) -> list[str]:
    """Return the names of the organisation's events in order."""
    return [row[0] for row in wire_of(session).execute("select name from event where org = %s order by at, id", (org,)).fetchall()]


def expire(session: Session, org: UUID) -> None:
    """Let all acceptances expire now."""
    wire_of(session).execute("update finding set accepted_until = wf_now() where org = %s and state = 'accepted'", (org,))
